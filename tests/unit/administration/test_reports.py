"""Reports: what no cell may do, what a signature covers, and figures that are those of the log."""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.administration.reports import FORMATS, KINDS, ReportAsked, ReportDesk, verify_report
from gateway.administration.reports._csv import inert
from gateway.administration.reports._model import Report, Standing, Table, View
from gateway.administration.reports._signing import embed_note, sign_report
from gateway.administration.reports.kinds._counting import Outcomes
from gateway.audit.ranges import Logged
from gateway.errors import BodyMalformed, ReportFormatMissing, ReportTooLarge
from gateway.keys import KeyRing, LogSigner
from gateway.model.audit import AuditEntry, EntryKind
from gateway.store import open_state
from tests.audit_logs import ORIGIN, entry, house, open_log
from tests.key_rings import ring_at

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
STANDING = Standing(
    kind="accesses", format="html", language="zh", zone="Asia/Shanghai", since=NOW, until=NOW + timedelta(days=1),
    begin=0, end=9, origin=ORIGIN, size=9, root="cm9vdA==", made_at=NOW,
)  # fmt: skip
EVIL = (
    '=HYPERLINK("http://x","y")', "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", " =1+1", "＝1+1", "\n=1",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', '#import "/etc/passwd"', "]; #panic()", "a\x00b",
    "\x1b[31m", "\u202eabc", "https://example.com/", "x" * 40_000,
)  # fmt: skip


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return ring_at(tmp_path_factory.mktemp("keys"))


def report_of(*cells: str) -> Report:
    table = Table(
        title={"en": "T", "zh": "表"}, columns=({"en": "C", "zh": "列"},), rows=tuple((cell,) for cell in cells)
    )
    return Report(title="访问统计", standing=STANDING, tables=(table,))


# ---------------------------------------------------------------------- formats
@pytest.mark.parametrize("cell", EVIL)
def test_no_cell_begins_with_what_a_spreadsheet_runs(cell: str) -> None:
    content = FORMATS["csv"][1](report_of(cell)).decode("utf-8-sig")
    told = content.split("\r\n", 1)[1].lstrip('"')
    assert not told.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", " ="))


@given(st.text(max_size=12))
@settings(deadline=None)
def test_whatever_a_cell_says_it_is_inert(text: str) -> None:
    told = inert(text)
    assert told in {"-", ""} or not told.lstrip().startswith(("=", "+", "-", "@"))
    assert not told.startswith(("\t", "\r", "\n"))
    told.encode()


def test_numbers_stay_numbers() -> None:
    assert (inert(-3), inert(7), inert("-")) == ("-3", "7", "-")


def test_excel_gets_text_and_neither_formula_nor_link() -> None:
    content = FORMATS["xlsx"][1](report_of(*EVIL))
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = book.namelist()
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml")
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert not [name for name in names if "externalLink" in name or "vba" in name]
    root = ET.fromstring(texts)
    shared = ["".join(one.itertext()) for one in root]
    assert "=HYPERLINK" in "".join(shared), "it is there as text"
    assert max(map(len, shared)) <= 32_767


def test_a_page_runs_nothing_and_loads_nothing() -> None:
    page = FORMATS["html"][1](report_of(*EVIL)).decode()
    assert "<script" not in page.lower()
    assert not re.search(r"<(img|link|iframe|object|a)\b", page)
    assert "default-src 'none'" in page
    assert "\x00" not in page
    assert "\x1b" not in page


def test_what_is_markup_to_typst_is_text_in_a_pdf() -> None:
    made = FORMATS["pdf"][1](report_of(*EVIL))
    assert made.startswith(b"%PDF-")


def test_a_pdf_that_would_take_for_ever_is_refused() -> None:
    with pytest.raises(ReportTooLarge, match="more than 5000 rows"):
        FORMATS["pdf"][1](report_of(*["x"] * 5_001))


def test_a_pdf_without_a_chinese_font_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import gateway.administration.reports._pdf as module

    monkeypatch.setattr(module, "_CHINESE", ("No Such Font",))
    with pytest.raises(ReportFormatMissing, match="no font for Chinese"):
        FORMATS["pdf"][1](report_of("x"))


# ---------------------------------------------------------------------- signatures
def test_a_report_is_what_was_signed(ring: KeyRing) -> None:
    signer, content = ring.report_signer(ORIGIN), b"a,b\r\n1,2\r\n"
    note = sign_report(content, STANDING, signer)
    result = verify_report(content, note, signer.vkey)
    assert result.is_sound
    assert dict(result.facts)["sha256"] == hashlib.sha256(content).hexdigest()
    assert dict(result.facts)["log"] == f"{ORIGIN} 9"
    assert "报表与签名相符" in result.text("zh")


Change = Callable[[bytes, str], tuple[bytes, str | None]]
CHANGES: dict[str, Change] = {
    "content": lambda content, note: (content + b" ", note),
    "no note": lambda content, note: (content, None),
    "empty note": lambda content, note: (content, ""),
    "fact": lambda content, note: (content, note.replace("size", "siez").replace("entries 0 9", "entries 0 8")),
    "kind": lambda content, note: (content, note.replace("kind accesses", "kind refusals")),
    "signature": lambda content, note: (content, note[:-6] + "AAAA=\n"),
    "line more": lambda content, note: (content, note.replace("made ", "more x\nmade ")),
    "cut": lambda content, note: (content[:-1], note),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_changed_is_found(ring: KeyRing, change: str) -> None:
    signer, content = ring.report_signer(ORIGIN), FORMATS["html"][1](report_of("x"))
    note = sign_report(content, STANDING, signer)
    assert not verify_report(*CHANGES[change](content, note), signer.vkey).is_sound


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
@settings(max_examples=150, deadline=None)
def test_any_bit_of_a_page_that_carries_its_note(ring: KeyRing, place: int, bit: int) -> None:
    signer = ring.report_signer(ORIGIN)
    content = FORMATS["html"][1](report_of("张三"))
    page = bytearray(embed_note(content, sign_report(content, STANDING, signer)))
    assert verify_report(bytes(page), None, signer.vkey).is_sound
    page[place % len(page)] ^= 1 << bit
    assert not verify_report(bytes(page), None, signer.vkey).is_sound


def test_the_log_and_its_reports_do_not_sign_for_each_other(ring: KeyRing) -> None:
    report, log = ring.report_signer(ORIGIN), ring.log_signer(ORIGIN)
    assert report.vkey != log.vkey
    content = b"x"
    assert not verify_report(content, sign_report(content, STANDING, log), report.vkey).is_sound
    assert not verify_report(content, sign_report(content, STANDING, report), log.vkey).is_sound
    impostor = LogSigner(name=report.name, key=log.key)
    assert not verify_report(content, sign_report(content, STANDING, impostor), report.vkey).is_sound
    assert not verify_report(content, report.sign_note(f"{ORIGIN}\n9\ncm9vdA==\n"), report.vkey).is_sound
    assert verify_report(content, None, "no key").fault


# ---------------------------------------------------------------------- figures
def test_the_folder_is_the_registry() -> None:
    assert set(KINDS) == {"accesses", "break-glass", "flags", "refusals", "resident", "sampling"}
    assert set(FORMATS) == {"csv", "html", "pdf", "xlsx"}


def _step(detail: str, principal: str = "r") -> AuditEntry:
    return entry(kind=EntryKind.REVIEW, principal=principal, detail=detail, at=NOW)


def test_a_verdict_that_was_not_made_is_none() -> None:
    """Of two who decide at once both are written down, and one is followed by its `not-made`, before or after."""
    steps = [
        _step("review of entry 3: justified", principal="a"),
        _step("review of entry 3: not-justified", principal="b"),
        entry(kind=EntryKind.NOT_MADE, refers_to=0, at=NOW),
        _step("review of entry 3 closed"),
        _step("review of entry 4: perhaps"),
        _step("review of entry 5: justified and more"),
    ]
    outcomes = Outcomes()
    for index, one in enumerate(steps):
        outcomes.see(Logged(index=index, leaf=b"", entry=one))
    assert {index: told[:2] for index, told in outcomes.decided().items()} == {3: ("not-justified", "b")}
    assert outcomes.closed() == {3}


async def test_the_time_is_half_open_and_the_range_is_named(tmp_path: Path) -> None:
    home = house(tmp_path)
    # written a moment out of order, as several requests at once may be
    moments = [0, 10, 5, 20, 30]
    async with open_log(home) as log:
        for number, seconds in enumerate(moments):
            await log.append(entry(number, at=NOW + timedelta(seconds=seconds), rows=1))
    state = open_state(home.url)
    desk = ReportDesk(
        state, ring_at(tmp_path / "keys"), home.seals(state).open, origin=ORIGIN, zone="Asia/Shanghai", most_entries=4
    )
    asked = ReportAsked(
        kind="accesses", format="csv", language="en", since=NOW + timedelta(seconds=5),
        until=NOW + timedelta(seconds=30),
    )  # fmt: skip
    document = desk.make(asked, NOW)
    assert document.content.decode("utf-8-sig").split("\r\n")[2] == "home-visit,3,3,3,3"
    assert "entries 1 4\n" in document.note
    assert "log langqiao.example/test 5\n" in document.note
    none = desk.make(replace(asked, since=NOW - timedelta(days=9), until=NOW - timedelta(days=8)), NOW)
    assert "entries 0 0\n" in none.note
    with pytest.raises(ReportTooLarge, match="more than 4 entries"):
        desk.make(replace(asked, since=NOW, until=NOW + timedelta(days=1)), NOW)
    for wrong in (
        replace(asked, until=asked.since),
        replace(asked, kind="resident"),
        replace(asked, resident="330102194910010010"),
    ):
        with pytest.raises(BodyMalformed):
            desk.make(wrong, NOW)
    state.close()


def test_a_moment_is_told_by_the_clock_on_the_wall() -> None:
    assert View(language="zh", zone="Asia/Shanghai").moment(NOW) == "2026-11-23 10:00:00"
