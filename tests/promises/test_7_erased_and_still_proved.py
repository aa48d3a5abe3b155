"""Promise 7 with retention: what is erased is nowhere, everything else is readable, and every proof still holds."""

import asyncio
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.administration import RetentionDesk, build_engine
from gateway.audit import AuditLog, LogSearcher, export_log, verify_export, verify_inclusion, verify_log
from gateway.audit.archive import archived_bodies, write_archive
from gateway.audit.erasure import archive_text, read_erasure
from gateway.demo.prepare import bundle_folder
from gateway.errors import EntryErased, ErasureRefused, FourEyesNeeded
from gateway.keys import RetentionKeys
from gateway.model.audit import AuditEntry, AuditReceipt, EntryKind
from gateway.model.caller import Caller
from gateway.model.change import Change
from gateway.model.ids import AppId, PrincipalId, PurposeId, RoleName
from gateway.store import State, blank_entries, open_state, step_review, take_bodies_out
from tests.audit_logs import House, entry, house, open_log

MONTHS = [datetime(2026, month, 15, 8, tzinfo=UTC) for month in (1, 2, 3)]
LATER = datetime(2027, 2, 10, tzinfo=UTC)  # home-visit is kept for 365 days: January 2026 is due, February isn't
PURPOSES = build_engine(bundle_folder()).catalog.purposes


def somebody(name: str) -> Caller:
    return Caller(
        principal=PrincipalId(name), app=AppId("admin-desk"), roles=(RoleName("security/officer"),), organisation="",
        regions=(), assurance=2, network="", id_number=None, purpose=PurposeId("policy-administration"), case=None,
        justification=None, token_id="t",
    )  # fmt: skip


def private(number: int, at: datetime) -> AuditEntry:
    """An entry whose every private value is found nowhere else."""
    return entry(
        number,
        at=at,
        trace_id=f"{number:04x}{at.month:02x}" * 5 + "ab",
        principal=f"worker-{number}-of-{at:%B}",
        roles=(f"role/{number}-of-{at:%B}",),
        case=f"case-{number}-of-{at:%B}",
        justification=f"reason {number} of {at:%B}",
        filter_shape=f"shape {number} of {at:%B}",
        subjects=(f"{number:02x}{at.month:02x}" * 8,),
        kind=EntryKind.CASE,
        detail=f"detail {number} of {at:%B}",
    )


def values(written: AuditEntry) -> tuple[bytes, ...]:
    told = (
        written.trace_id, written.principal, *written.roles, written.case, written.justification,
        written.filter_shape, *written.subjects, written.detail,
    )  # fmt: skip
    return tuple(text.encode() for text in told)


@dataclass(frozen=True)
class Desk:
    """A log of three months, and the desk that erases."""

    home: House
    state: State
    seals: RetentionKeys
    desk: RetentionDesk
    log: AuditLog
    receipts: dict[int, tuple[AuditEntry, AuditReceipt]]

    def searcher(self) -> LogSearcher:
        return LogSearcher(self.state, self.seals.open)

    async def make(self, change: Change, by: str) -> AuditReceipt:
        """As the pipeline does: written down, then made."""
        told = private(0, LATER)
        receipt = await self.log.append(
            replace(
                told, kind=EntryKind.ERASURE, principal=by, detail=change.detail, case=change.case, subjects=(),
                purpose="policy-administration", outcome="done",
            )
        )  # fmt: skip
        await change.make()
        return receipt

    async def erase(self, through: str = "2026-01") -> AuditReceipt:
        change, request = await self.desk.request("home-visit", through, somebody("one"), LATER)
        await self.make(change, "one")
        with pytest.raises(FourEyesNeeded):
            await self.desk.erase(request, somebody("one"), confirm=f"home-visit {through}", now=LATER)
        with pytest.raises(ErasureRefused, match="confirm"):
            await self.desk.erase(request, somebody("two"), confirm="home-visit", now=LATER)
        change = await self.desk.erase(request, somebody("two"), confirm=f"home-visit {through}", now=LATER)
        return await self.make(change, "two")


def over_a_log(folder: Path, test: Callable[[Desk], object], *, url: str | None = None) -> House:
    home = house(folder, url)

    async def run() -> None:
        state = open_state(home.url)
        try:
            async with open_log(home, state=state) as log:
                seals = log._seals
                receipts = {}
                for number in range(30):
                    told = private(number, MONTHS[number % 3])
                    if number % 5 == 0:
                        told = replace(told, purpose="low-income-check")
                    receipt = await log.append(told)
                    receipts[receipt.index] = told, receipt
                desk = RetentionDesk(state, seals, lambda: PURPOSES, default_days=1825)
                outcome = test(Desk(home, state, seals, desk, log, receipts))
                if asyncio.iscoroutine(outcome):
                    await outcome
        finally:
            state.close()

    asyncio.run(run())
    return home


def is_erased(told: AuditEntry) -> bool:
    return told.purpose == "home-visit" and told.at.month == 1


def test_after_an_erasure_no_byte_of_it_is_left_and_all_else_is_as_it_was(tmp_path: Path) -> None:
    kept: dict[int, tuple[AuditEntry, AuditReceipt]] = {}

    async def test(one: Desk) -> None:
        kept.update(one.receipts)
        export_log(one.state, tmp_path / "before")
        erasure = await one.erase()
        said = one.log.entry(erasure.index)
        gone = {index for index, (told, _) in kept.items() if is_erased(told)}
        assert [(one.key, one.first, one.last, one.count) for one in read_erasure(said.detail)] == [
            ("home-visit/2026-01", min(gone), max(gone), len(gone))
        ]
        for index, (told, receipt) in kept.items():
            if index in gone:
                with pytest.raises(EntryErased):
                    one.log.entry(index)
                assert one.searcher().entries_about(told.subjects[0], 9) == []
            else:
                assert one.log.entry(index) == told
                assert one.searcher().entries_about(told.subjects[0], 9) == [index]
            proof = one.log.prove_receipt(index)
            assert proof["leaf_hash"] == receipt.leaf_hash
        export_log(one.state, tmp_path / "after")

    home = over_a_log(tmp_path, test)
    found = home.verify()
    assert found.is_sound, found.text()
    assert found.erased == sum(is_erased(told) for told, _ in kept.values()) > 5
    assert str(found.erased) in found.text("zh")
    database = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("log.db*")))
    for folder in ("before", "after"):  # an export made before: its ciphertext has no key any more
        assert verify_export(tmp_path / folder, home.signer.vkey).is_sound
        database += b"".join(path.read_bytes() for path in sorted((tmp_path / folder).rglob("*")) if path.is_file())
    for told, _ in kept.values():
        for value in values(told):
            assert (value in database) is (not is_erased(told) and value in _columns(told)), value


def _columns(told: AuditEntry) -> tuple[bytes, ...]:
    """What of an entry that is not erased stands in search columns, in clear."""
    return tuple(text.encode() for text in (told.trace_id, told.principal, told.case, *told.subjects))


def test_a_wrapped_key_that_is_destroyed_is_nowhere_either(tmp_path: Path) -> None:
    wrapped: list[bytes] = []

    async def test(one: Desk) -> None:
        with sqlite3.connect(one.home.file) as beside:
            rows = beside.execute("SELECT wrapped FROM retention_key WHERE purpose = 'home-visit' ORDER BY month")
            wrapped.extend(row[0] for row in rows)
        await one.erase()

    over_a_log(tmp_path, test)
    database = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("log.db*")))
    assert [key in database for key in wrapped[:2]] == [False, True]


def test_what_is_not_due_is_refused_and_so_is_what_is_held(tmp_path: Path) -> None:
    async def test(one: Desk) -> None:
        with pytest.raises(ErasureRefused, match="home-visit/2026-02 is kept until 2027-03-01"):
            await one.desk.request("home-visit", "2026-02", somebody("one"), LATER)
        with pytest.raises(ErasureRefused, match="nothing of it"):
            await one.desk.request("elsewhere", "2026-01", somebody("one"), LATER)
        case = next(told.case for told, _ in one.receipts.values() if is_erased(told))
        for of in ("", case):
            change, hold = await one.desk.hold("home-visit", of, "a court asked", somebody("one"), LATER)
            assert case not in change.detail
            await one.make(change, "one")
            with pytest.raises(ErasureRefused, match=hold):
                await one.desk.request("home-visit", "2026-01", somebody("one"), LATER)
            await one.make(await one.desk.lift(hold, somebody("two"), LATER), "two")
            with pytest.raises(ErasureRefused, match="no such hold"):
                await one.desk.lift(hold, somebody("two"), LATER)
        # a hold that comes between the asking and the doing still keeps it
        change, request = await one.desk.request("home-visit", "2026-01", somebody("one"), LATER)
        await one.make(change, "one")
        erase = await one.desk.erase(request, somebody("two"), confirm="home-visit 2026-01", now=LATER)
        late, hold = await one.desk.hold("home-visit", case, "late", somebody("three"), LATER)
        await one.make(late, "three")
        with pytest.raises(ErasureRefused, match="held"):
            await erase.make()
        assert {month.key for month in one.desk.report(LATER).months if month.is_due} == {"home-visit/2026-01"}

    assert over_a_log(tmp_path, test).verify().is_sound


def test_an_open_review_holds_its_month(tmp_path: Path) -> None:
    async def test(one: Desk) -> None:
        receipt = await one.log.append(replace(private(77, MONTHS[0]), needs_review=True, kind=EntryKind.READ))
        with pytest.raises(ErasureRefused, match="1 reviews are not decided"):
            await one.desk.request("home-visit", "2026-01", somebody("one"), LATER)
        decided: dict[str, datetime | str | bytes] = {
            "decided_at": LATER,
            "decided_by": "qian",
            "verdict": "justified",
            "note": b"sealed",
        }
        assert step_review(one.state, receipt.index, opened_at=LATER, after=(), before=("decided_at",), values=decided)
        await one.erase()
        with sqlite3.connect(one.home.file) as beside:
            assert beside.execute("SELECT note, decided_by FROM review").fetchall() == [(None, "")]

    assert over_a_log(tmp_path, test).verify().is_sound


def test_an_erasure_that_a_crash_cut_short_is_finished_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(one: Desk) -> None:
        def dies(*_args: object) -> None:
            raise MemoryError

        with monkeypatch.context() as crash:
            crash.setattr("gateway.administration.retention.blank_entries", dies)
            with pytest.raises(MemoryError):
                await one.erase()
        between = one.home.verify()
        assert not between.is_sound
        assert "is erased" in between.text("en")
        again = RetentionDesk(one.state, one.home.seals(one.state), lambda: PURPOSES, default_days=1)
        assert again.finish(LATER) == 1
        assert again.finish(LATER) == 0

    assert over_a_log(tmp_path, test).verify().is_sound


@pytest.mark.parametrize(
    "tamper",
    [
        "UPDATE retention_key SET wrapped = NULL, destroyed_at = '2027-01-01T00:00:00.000000' WHERE month = '2026-03'",
        "UPDATE audit_entry SET principal = 'somebody' WHERE idx = 3",
        "UPDATE audit_entry SET subjects = 'abababababababababababababababab' WHERE idx = 3",
    ],
)
def test_whoever_destroys_a_key_beside_the_desk_or_fills_a_column_again_is_found(tmp_path: Path, tamper: str) -> None:
    home = over_a_log(tmp_path, lambda one: one.erase())
    assert home.verify().is_sound
    with sqlite3.connect(home.file) as beside:
        beside.execute(tamper)
    assert not home.verify().is_sound


def test_without_keys_the_verdict_says_what_was_not_compared(tmp_path: Path) -> None:
    home = over_a_log(tmp_path, lambda one: one.erase())
    found = verify_log(home.url, home.signer.vkey)
    assert found.is_sound
    assert re.search("columns of people were not compared", found.text("en"))
    assert "未比对" in found.text("zh")
    assert "not compared" not in home.verify().text("en")


def test_the_hook_is_told_every_range_whose_columns_went(tmp_path: Path) -> None:
    told: list[tuple[int, ...]] = []

    async def test(one: Desk) -> None:
        with_index = RetentionDesk(
            one.state,
            one.seals,
            lambda: PURPOSES,
            default_days=1825,
            forget=lambda begin, end: told.append((begin, end)),
        )
        await replace(one, desk=with_index).erase()
        gone = [index for index, (entry_told, _) in one.receipts.items() if is_erased(entry_told)]
        assert told == [(min(gone), max(gone) + 1)]
        blank_entries(one.state, "home-visit/2026-01", 0, 40)  # can be done again

    over_a_log(tmp_path, test)


def test_an_archive_forgets_with_the_key_that_the_database_forgets(tmp_path: Path) -> None:
    folder = tmp_path / "archive"

    async def test(one: Desk) -> None:
        await asyncio.to_thread(write_archive, one.state, folder, 0, 20, now=LATER)
        await one.make(Change(detail=archive_text(0, 20, "one", "0" * 64), case="", subjects=(), make=nothing), "one")
        take_bodies_out(one.state, 0, 20)
        assert one.home.verify().archived == 20
        await one.erase()

    async def nothing() -> None:
        pass

    home = over_a_log(tmp_path, test)
    found = home.verify()
    assert found.is_sound, found.text()
    assert found.archived == 20
    assert found.erased == sum(is_erased(private(number, MONTHS[number % 3])) for number in range(30)) - 2
    bodies = archived_bodies(folder, home.signer.vkey)
    state = open_state(home.url)
    whole = verify_log(home.url, home.signer.vkey, opener=home.seals(state).open, archived=bodies)
    state.close()
    assert (whole.is_sound, whole.archived, whole.erased) == (True, 0, found.erased)
    with sqlite3.connect(home.file) as beside:
        beside.execute("UPDATE audit_entry SET principal = 'x' WHERE idx = 3")
    assert not home.verify().is_sound, "what is erased must be gone also where the bytes are elsewhere"


def test_proofs_of_erased_entries_verify(tmp_path: Path) -> None:
    async def test(one: Desk) -> None:
        await one.erase()
        index = next(index for index, (told, _) in one.receipts.items() if is_erased(told))
        proof = one.log.prove_receipt(index)
        path = tuple(bytes.fromhex(str(node)) for node in proof["proof"])  # type: ignore[attr-defined]
        verify_inclusion(
            index, int(str(proof["tree_size"])), bytes.fromhex(str(proof["leaf_hash"])), path,
            bytes.fromhex(str(proof["root"])),
        )  # fmt: skip

    over_a_log(tmp_path, test)
