"""Appending: durable before the receipt, many at once, and nobody left waiting."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway.app import utc_now
from gateway.audit import AuditLog, LogSearcher, verify_inclusion
from gateway.audit.encoded import EncodedEntry
from gateway.audit.entry import project_public
from gateway.audit.merkle import leaf_hash, verify_consistency
from gateway.errors import AuditOverloaded, AuditUnavailable, EntryTooLarge, EntryUnknown, SettingsInvalid
from gateway.model.audit import AuditEntry, AuditReceipt
from gateway.settings import Audit
from gateway.store import open_state
from tests.audit_logs import ORIGIN, PEOPLE, House, canonical, document_of, entry, house, of_version_2, open_log


@pytest.fixture
def home(tmp_path: Path) -> House:
    return house(tmp_path)


def bodies(home: House) -> list[bytes]:
    with sqlite3.connect(home.file) as beside:
        return [row[0] for row in beside.execute("SELECT body FROM audit_entry ORDER BY idx")]


def told(home: House) -> list[dict[str, Any]]:
    state = open_state(home.url)
    try:
        return [document_of(body, home.seals(state).open) for body in bodies(home)]
    finally:
        state.close()


async def test_a_receipt_names_the_entry_that_is_already_durable(home: House) -> None:
    async with open_log(home) as log:
        receipt = await log.append(entry(1))
        kept = bodies(home)
        assert leaf_hash(kept[receipt.index]).hex() == receipt.leaf_hash
        assert str(receipt) == f"{ORIGIN}#0:{receipt.leaf_hash}"
        assert receipt.tree_size == 1
        assert log.entry(0) == entry(1)


async def test_five_hundred_at_once_have_one_order_without_gaps(home: House) -> None:
    async with open_log(home, batch=64) as log:
        receipts = await asyncio.gather(*(log.append(entry(number)) for number in range(500)))
        assert sorted(receipt.index for receipt in receipts) == list(range(500))
        kept, said = bodies(home), told(home)
        for number, receipt in enumerate(receipts):
            assert said[receipt.index]["trace_id"] == f"{number:032x}"
            assert leaf_hash(kept[receipt.index]).hex() == receipt.leaf_hash
    found = home.verify()
    assert found.is_sound, found.text()
    assert found.size == 500


async def test_those_that_wait_share_one_write(home: House) -> None:
    async with open_log(home) as log:
        await log.append(entry())
        receipts = await asyncio.gather(*(log.append(entry(number)) for number in range(100)))
        assert len({receipt.tree_size for receipt in receipts}) <= 2


async def test_several_entries_are_durable_together_in_their_order(home: House) -> None:
    async with open_log(home, batch=4) as log:
        groups = [[entry(10 * group + number) for number in range(6)] for group in range(20)]
        told = await asyncio.gather(*map(log.append_all, groups))
        for group, receipts in zip(groups, told, strict=True):
            first = receipts[0].index
            assert [receipt.index for receipt in receipts] == list(range(first, first + 6))
            assert len({receipt.tree_size for receipt in receipts}) == 1
            assert [log.entry(receipt.index) for receipt in receipts] == group
    assert home.verify().is_sound


async def test_of_several_entries_of_which_one_is_too_large_none_is_written(home: House) -> None:
    async with open_log(home) as log:
        with pytest.raises(EntryTooLarge):
            await log.append_all([entry(1), entry(detail="x" * 70_000)])
        assert (await log.append(entry(2))).index == 0


async def test_a_caller_that_is_cancelled_in_the_moment_of_its_receipt_is_answered_for(home: House) -> None:
    async with open_log(home) as log:
        task = asyncio.create_task(log.append(entry(1)))
        while not log._in_flight:
            await asyncio.sleep(0)
        (waiting,) = log._in_flight
        assert waiting.receipts is not None
        while not waiting.receipts.done():
            await asyncio.sleep(0)
        task.cancel()  # the result is there, the caller not yet awake
        with pytest.raises(asyncio.CancelledError):
            await task
        await log.append(entry(2))
        kept = [log.entry(index) for index in range(3)]
    assert sorted(one.kind for one in kept) == ["not-released", "read", "read"]
    (late,) = [one for one in kept if one.kind == "not-released"]
    assert late.refers_to is not None
    assert kept[late.refers_to].trace_id == f"{1:032x}"


async def test_a_log_goes_on_where_it_ended(home: House) -> None:
    for begin in (0, 300, 600):
        async with open_log(home) as log:
            receipts = await asyncio.gather(*(log.append(entry(number)) for number in range(300)))
            assert min(receipt.index for receipt in receipts) == begin
    assert home.verify().size == 900


async def test_an_entry_that_is_too_large_harms_no_other(home: House) -> None:
    async with open_log(home) as log:
        large = asyncio.create_task(log.append(entry(detail="x" * 70_000)))
        small = asyncio.create_task(log.append(entry(1)))
        with pytest.raises(EntryTooLarge):
            await large
        assert (await small).index == 0
        assert log.is_ready


async def test_a_caller_that_goes_away_leaves_its_entry_and_its_batch_whole(home: House) -> None:
    async with open_log(home) as log:
        tasks = [asyncio.create_task(log.append(entry(number))) for number in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(result, AuditReceipt) for result in results) >= 25
        assert log.is_ready
        await log.append(entry(99))
        kept = [json.loads(body)["kind"] for body in bodies(home)]
        assert kept.count("read") == 51
        assert kept.count("not-released") == 25
    assert home.verify().is_sound


async def test_more_than_may_wait_are_refused_at_once(home: House) -> None:
    async with open_log(home, queue=5) as log:
        results = await asyncio.gather(*(log.append(entry(number)) for number in range(20)), return_exceptions=True)
        assert sum(isinstance(result, AuditOverloaded) for result in results) == 15
        assert len(bodies(home)) == 5
        assert log.is_ready


async def test_nothing_is_accepted_before_the_start_or_after_the_end(home: House) -> None:
    state = open_state(home.url)
    log = AuditLog.open(
        state,
        home.signer,
        Audit(origin=ORIGIN),
        seals=home.seals(state),
        deadline_seconds=1,
        high_water=home.high_water,
        clock=utc_now,
    )
    with pytest.raises(AuditUnavailable):
        await log.append(entry())
    await log.start()
    await log.append(entry())
    await log.close()
    with pytest.raises(AuditUnavailable):
        await log.append(entry())
    await log.close()
    state.close()
    assert len(bodies(home)) == 1


async def test_what_waits_at_the_end_is_still_written(home: House) -> None:
    async with open_log(home) as log:
        tasks = [asyncio.create_task(log.append(entry(number))) for number in range(100)]
        await asyncio.sleep(0)
    receipts = await asyncio.gather(*tasks)
    assert len(receipts) == len(bodies(home)) == 100


async def test_proofs_of_a_live_log_hold(home: House) -> None:
    async with open_log(home) as log:
        await asyncio.gather(*(log.append(entry(number)) for number in range(300)))
        older = log.prove_receipt(0)
        await asyncio.gather(*(log.append(entry(number)) for number in range(300)))
        for index in (0, 255, 256, 599):
            told = log.prove_receipt(index)
            proof = [bytes.fromhex(one) for one in told["proof"]]  # type: ignore[attr-defined]
            leaf, root = bytes.fromhex(str(told["leaf_hash"])), bytes.fromhex(str(told["root"]))
            verify_inclusion(index, 600, leaf, proof, root)
            assert str(told["checkpoint"]).startswith(f"{ORIGIN}\n600\n")
        consistency = log.prove_consistency(300, 600)
        newest = bytes.fromhex(str(log.prove_receipt(0)["root"]))
        verify_consistency(300, 600, consistency, bytes.fromhex(str(older["root"])), newest)
        for unknown in (-1, 600, 10**30):
            with pytest.raises(EntryUnknown):
                log.prove_receipt(unknown)
            with pytest.raises(EntryUnknown):
                log.entry(unknown)


async def test_who_looked_at_a_person_is_found_at_once(home: House) -> None:
    state = open_state(home.url)
    async with open_log(home, state=state) as log:
        await asyncio.gather(*(log.append(entry(number)) for number in range(9)))
        searcher = LogSearcher(state, home.seals(state).open)
        assert searcher.entries_about(PEOPLE[1], 100) == [7, 4, 1]
        assert searcher.entries_about(PEOPLE[1], 1, begin=7) == [4]
        assert searcher.entries_about("00" * 16, 100) == []
    state.close()


async def test_the_view_has_a_row_a_person_and_one_for_nobody(home: House) -> None:
    async with open_log(home) as log:
        await log.append(entry(0, subjects=PEOPLE[:2], case="C-1", needs_review=True))
        await log.append(entry(1, subjects=()))
    with sqlite3.connect(home.file) as beside:
        rows = beside.execute(
            'SELECT entry, "at", principal, fields, "case", needs_review, subject FROM access_log ORDER BY 1, 7'
        ).fetchall()
    at = "2026-11-23T04:00:00.123456"
    assert rows == [
        (0, at, "worker-0", "name:partial", "C-1", 1, PEOPLE[0]),
        (0, at, "worker-0", "name:partial", "C-1", 1, PEOPLE[1]),
        (1, at, "worker-1", "name:partial", "", 0, None),
    ]


# ------------------------------------------------------------------ the high-water mark
@pytest.fixture
def grown(home: House) -> House:
    async def fill(count: int) -> None:
        async with open_log(home) as log:
            await asyncio.gather(*(log.append(entry(number)) for number in range(count)))

    asyncio.run(fill(20))
    home.file.with_name("old.db").write_bytes(home.file.read_bytes())
    asyncio.run(fill(20))
    return home


async def start(home: House) -> None:
    async with open_log(home):
        pass


def test_a_restored_old_database_is_refused(grown: House) -> None:
    grown.file.write_bytes(grown.file.with_name("old.db").read_bytes())
    assert grown.verify().is_sound, "it is whole in itself"
    with pytest.raises(SettingsInvalid, match="holds 20 entries, and was known to hold 40"):
        asyncio.run(start(grown))


def test_a_removed_database_is_refused(grown: House) -> None:
    grown.file.unlink()
    with pytest.raises(SettingsInvalid, match="is empty"):
        asyncio.run(start(grown))


def test_another_history_of_the_same_length_is_refused(grown: House) -> None:
    mark = grown.high_water.read_bytes()
    grown.file.unlink()
    grown.high_water.unlink()

    async def other(entry_of: AuditEntry) -> None:
        async with open_log(grown) as log:
            await asyncio.gather(*(log.append(entry_of) for _ in range(50)))

    asyncio.run(other(entry(77)))
    grown.high_water.write_bytes(mark)
    with pytest.raises(SettingsInvalid, match="first 40 entries are not those"):
        asyncio.run(start(grown))


def test_a_mark_that_cannot_be_read_stops_the_start(grown: House) -> None:
    grown.high_water.write_text("{", encoding="utf-8")
    with pytest.raises(SettingsInvalid, match="high_water"):
        asyncio.run(start(grown))


def test_a_log_under_another_name_is_refused(grown: House) -> None:
    async def under(origin: str) -> None:
        state = open_state(grown.url)
        signer = type(grown.signer)(name=origin, key=grown.signer.key)
        log = AuditLog.open(
            state,
            signer,
            Audit(origin=origin),
            seals=grown.seals(state),
            deadline_seconds=1,
            high_water=grown.high_water,
            clock=utc_now,
        )
        try:
            await log.start()
        finally:
            await log.close()
            state.close()

    with pytest.raises(SettingsInvalid, match=ORIGIN):
        asyncio.run(under("other.example/log"))


def test_the_mark_keeps_up_with_the_log(grown: House) -> None:
    assert json.loads(grown.high_water.read_text(encoding="utf-8"))["size"] == 40
    asyncio.run(start(grown))


async def test_what_was_refused_at_the_deadline_does_not_stand_in_the_log_as_released(home: House) -> None:
    async with open_log(home, batch=8) as log:
        await log.append(entry(0))
        lock = sqlite3.connect(home.file, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        asked = [asyncio.create_task(log.append(entry(number))) for number in range(1, 21)]
        done = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(one, AuditUnavailable) for one in done)
        lock.execute("ROLLBACK")
        lock.close()
        async with asyncio.timeout(10):
            while not log.is_ready:
                await asyncio.sleep(0.05)
        await log.append(entry(99))
    kept = told(home)
    released = {index for index, one in enumerate(kept) if one["outcome"] == "released"}
    taken_back = {one["refers_to"] for one in kept if one["kind"] == "not-released"}
    answered = {0, next(index for index, one in enumerate(kept) if one["trace_id"] == f"{99:032x}")}
    assert released - taken_back == answered
    assert home.verify().is_sound


async def test_a_caller_that_goes_away_is_followed_by_an_entry_that_says_so(home: House) -> None:
    async with open_log(home) as log:
        going = asyncio.create_task(log.append(entry(1)))
        await asyncio.sleep(0)
        going.cancel()
        await log.append(entry(2))
        async with asyncio.timeout(5):
            while len(bodies(home)) < 3:
                await asyncio.sleep(0.02)
    kept = told(home)
    (late,) = [one for one in kept if one["kind"] == "not-released"]
    assert kept[late["refers_to"]]["trace_id"] == f"{1:032x}"
    assert late["subjects"] == kept[late["refers_to"]]["subjects"]


async def test_a_log_that_began_with_version_1_goes_on_and_is_sound(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_version_1(one: AuditEntry, _sealer: object) -> EncodedEntry:
        document = json.loads(of_version_2(one)) | {"v": 1}
        del document["decision"]
        for field in document["fields"]:
            del field["granted"], field["ceiling"]
        body = canonical(document)
        return EncodedEntry(body, leaf_hash(body), project_public(body))

    with monkeypatch.context() as older:
        older.setattr("gateway.audit.log.encode_under", of_version_1)
        async with open_log(home) as log:
            for number in range(3):
                await log.append(entry(number))
    async with open_log(home) as log:
        await log.append(entry(3))
        assert [log.entry(number) for number in range(4)] == [entry(number) for number in range(4)]
    assert [json.loads(body)["v"] for body in bodies(home)] == [1, 1, 1, 3]
    found = home.verify()
    assert found.is_sound, found.text()


async def test_a_database_of_before_retention_keys_goes_on_and_is_sound(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_before(one: AuditEntry, _sealer: object) -> EncodedEntry:
        body = of_version_2(one)
        return EncodedEntry(body, leaf_hash(body), project_public(body))

    with monkeypatch.context() as older:
        older.setattr("gateway.audit.log.encode_under", of_before)
        async with open_log(home) as log:
            await log.append(entry(0))
    with sqlite3.connect(home.file) as beside:
        beside.execute("ALTER TABLE audit_entry DROP COLUMN sealed_by")
        for table in ("retention_key", "retention_hold", "retention_erasure", "audit_archive", "forward_position"):
            beside.execute(f"DROP TABLE {table}")
        beside.execute("UPDATE schema_version SET version = 5")
    async with open_log(home) as log:
        await log.append(entry(1))
        assert [log.entry(number) for number in range(2)] == [entry(0), entry(1)]
    assert [json.loads(body)["v"] for body in bodies(home)] == [2, 3]
    found = home.verify()
    assert found.is_sound, found.text()
