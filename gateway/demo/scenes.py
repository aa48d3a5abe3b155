"""A day in the city, scene by scene. Each raises SceneFailed where it does not go as told."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from gateway.administration import open_entries, open_ring
from gateway.app import utc_now
from gateway.audit import verify_log
from gateway.demo.ask import post
from gateway.demo.prepare import Demo
from gateway.demo.telling import Teller, expect
from gateway.settings import load_settings
from gateway.store import open_state_read_only

Scene = Callable[[int, Teller, Demo], None]


def home_visit(number: int, teller: Teller, _demo: Demo) -> None:
    """A grid worker prepares a home visit."""
    teller.scene(number, "入户走访前", "A grid worker prepares a home visit")
    answer = teller.ask(
        "grid-worker",
        "community.need?select=name,phone,address,need_kind,lives_alone&lives_alone=is.true&order=need_no&limit=3",
        "home-visit",
        fields=("name", "phone", "address", "need_kind"),
    )
    rows = answer.rows()
    expect(rows, "the worker's community has people who live alone")
    expect(all("*" in str(row["phone"]) for row in rows if row["phone"]), "phones are masked")


def another_community(number: int, teller: Teller, demo: Demo) -> None:
    """The same worker asks for another community's residents: no rows, and it is written down."""
    teller.scene(number, "越界查询", "The same worker asks for another community's residents")
    other = demo.summary.neighbour.community_code
    answer = teller.ask(
        "grid-worker", f"community.need?select=name,phone&community_code=eq.{other}", "home-visit", fields=("name",)
    )
    expect(answer.status == 200 and answer.rows() == [], "no row of another community comes back")
    expect(answer.receipt, "the question is in the log all the same")


def low_income(number: int, teller: Teller, demo: Demo) -> None:
    """A street officer verifies a low-income family across police, civil affairs and market data."""
    teller.scene(number, "低保核对", "A street officer verifies a low-income family across three departments")
    person = demo.summary.low_income_member.id_number
    questions = (
        ("public-security.resident", "id_number", "name,id_number,birth_date,household_no"),
        ("civil-affairs.assistance", "id_number", "name,level,monthly,members,status"),
        ("market-regulation.business", "legal_person_id", "name,legal_person,capital,status"),
    )
    for dataset, field, select in questions:
        answer = teller.ask(
            "civil-officer", f"{dataset}?select={select}&{field}=eq.{person}", "low-income-verification"
        )
        expect(answer.status == 200 and answer.rows(), f"{dataset} knows the person")
        expect(person not in answer.text, "the ID number that was asked for does not come back in clear")
    whole = teller.ask(
        "civil-officer",
        "public-security.resident?select=name,id_number,assistance(level,monthly,status),businesses(name,capital,status)"
        f"&id_number=eq.{person}",
        "low-income-verification",
    )
    found = whole.rows()
    expect(found and found[0]["assistance"] and found[0]["businesses"], "one question crosses all three departments")
    expect(person not in whole.text, "the key that joins them stays behind its mask")


def statistics(number: int, teller: Teller, demo: Demo) -> None:
    """The analyst counts, and is refused a group of two."""
    teller.scene(number, "只数不看", "The analyst counts, and is refused a group of two")
    counted = teller.ask(
        "analyst", "public-security.resident?select=street_code,count()&order=street_code", "statistics",
        fields=("street_code",),
    )  # fmt: skip
    expect(counted.rows() and all(int(str(row["count"])) >= 10 for row in counted.rows()), "every group is large")
    group = demo.summary.small_group
    refused = teller.ask(
        "analyst",
        f"public-security.resident?select=count()&community_code=eq.{group.community_code}&age_band=eq.{group.age_band}",
        "statistics",
    )
    expect(refused.code == "GW402", "a group of two is refused")
    rows = teller.ask("analyst", "public-security.resident?select=street_code,age_band&limit=5", "statistics")
    expect(rows.code == "GW403", "rows are refused to who may only count")


def transport(number: int, teller: Teller, demo: Demo) -> None:
    """A vendor sees one passenger while the case is open, and nothing after."""
    teller.scene(number, "一案一人", "A vehicle vendor sees one passenger while the case is open, and nothing after")
    purpose, passenger = "vaccination-transport", demo.summary.transport_patient
    opened = post(
        teller.askers["transport-worker"],
        "/cases",
        {"subjects": [passenger.id_number], "app": "dispatch", "hours": 8},
        purpose=purpose,
    )
    expect(opened.status == 201, f"the community opens a case: {opened.problem_text()}")
    case = json.loads(opened.text)["case"]
    teller.say(f"the community applies 社区申请: case {case}")
    question = "health.appointment?select=name,phone,pickup_address,scheduled_at"
    early = teller.ask("driver", question, purpose, case=case)
    expect(early.code == "GW205", "nothing is seen before the case is approved")
    approved = post(teller.askers["health-officer"], f"/cases/{case}/approve", None, purpose=purpose)
    expect(approved.status == 200, f"the street approves: {approved.problem_text()}")
    teller.say("the street confirms 街道确认")
    seen = teller.ask("driver", question, purpose, case=case)
    expect(len(seen.rows()) == 1, "the vendor sees one passenger")
    closed = post(teller.askers["health-officer"], f"/cases/{case}/close", None, purpose=purpose)
    expect(closed.status == 200, f"the trip is over: {closed.problem_text()}")
    teller.say("the trip is over, the case is closed 行程结束，结案")
    after = teller.ask("driver", question, purpose, case=case)
    expect(after.code == "GW205", "nothing is seen after the case is closed")


def masked_filter(number: int, teller: Teller, _demo: Demo) -> None:
    """Somebody filters by a masked phone number and is refused."""
    teller.scene(number, "借道试探", "Somebody filters by a masked phone number and is refused")
    answer = teller.ask("grid-worker", "community.need?select=name&phone=like.138*", "home-visit")
    expect(answer.code == "GW401", "a masked field can't be filtered by")


def break_glass(number: int, teller: Teller, demo: Demo) -> None:
    """Break-glass: a reason, an instant notice, a review that can't be skipped."""
    teller.scene(number, "紧急破窗", "Break-glass: an emergency doctor needs a patient's contact now")
    question = f"public-security.resident?select=name,phone,address&id_number=eq.{demo.summary.lonely_elder.id_number}"
    without = teller.ask("doctor", question, "break-glass")
    expect(without.code == "GW207", "no reason, no glass")
    answer = teller.ask(
        "doctor", question, "break-glass", justification="患者昏迷，急需联系家属 unconscious patient, family needed"
    )
    expect(len(answer.rows()) == 1, "the doctor sees the patient")
    expect("review" in answer.notices and "notify" in answer.notices, "a notice goes out and a review is due")


def who_looked(number: int, teller: Teller, demo: Demo) -> None:
    """Compliance asks who looked at one resident; the resident may ask too."""
    teller.scene(number, "谁看过我", "Compliance asks who looked at one resident; so may the resident")
    person = demo.summary.lonely_elder.id_number
    select = "entry,at,principal,purpose,legal_basis,dataset,needs_review"
    answer = teller.ask(
        "reviewer",
        f"langqiao.access?select={select}&subject=eq.{person}&order=entry.desc&limit=5", "compliance-review",
        fields=("principal", "subject"),
    )  # fmt: skip
    expect(any(row["principal"] == "doctor" for row in answer.rows()), "the doctor's look is found")
    own = teller.ask(
        "resident", "langqiao.access?select=at,organisation,purpose,legal_basis&order=entry.desc&limit=5", "own-data",
        fields=("organisation", "legal_basis"),
    )  # fmt: skip
    expect(own.rows(), "the resident sees who looked, and by which law")


def verify(number: int, teller: Teller, demo: Demo) -> None:
    """The log verifies; with one byte changed it does not, and the entry is named."""
    teller.scene(number, "账本自证", "The log proves itself; one changed byte is found")
    settings = load_settings(demo.settings)
    state = open_state_read_only(settings.state_url)
    try:
        vkey = open_ring(settings.keys, state, utc_now).log_signer(settings.audit.origin).vkey
        sound = verify_log(settings.state_url, vkey, opener=open_entries(settings.keys, state, utc_now))
    finally:
        state.close()
    teller.say(f"[green]✓ {sound.text('en')}[/]")
    teller.say(f"[green]✓ {sound.text('zh')}[/]")
    expect(sound.is_sound, "the log verifies")
    copy = demo.folder / "state" / "tampered.db"
    index = copy_and_tamper(Path(settings.state_url.removeprefix("sqlite:///")), copy)
    teller.say(f"one byte of entry {index} is changed in a copy 在副本中改动第 {index} 条的一个字节 …")
    broken = verify_log(f"sqlite:///{copy}", vkey)
    teller.say(f"[red]✗ {broken.text('en')}[/]")
    teller.say(f"[red]✗ {broken.text('zh')}[/]")
    copy.unlink()
    expect(not broken.is_sound and broken.first_bad == index, "the changed entry is named")


def copy_and_tamper(live: Path, copy: Path) -> int:
    """Copy a live log and flip one bit in the middle of the middle entry's bytes; returns its index."""
    shutil.rmtree(copy, ignore_errors=True)
    with sqlite3.connect(live) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        index = int(target.execute("SELECT max(idx) / 2 FROM audit_entry").fetchone()[0])
        body = bytearray(target.execute("SELECT body FROM audit_entry WHERE idx = ?", (index,)).fetchone()[0])
        body[len(body) // 2] ^= 1
        target.execute("UPDATE audit_entry SET body = ? WHERE idx = ?", (bytes(body), index))
    return index


DAY: tuple[Scene, ...] = (
    home_visit,
    another_community,
    low_income,
    statistics,
    transport,
    masked_filter,
    break_glass,
    who_looked,
    verify,
)
