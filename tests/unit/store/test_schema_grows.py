"""A database of an earlier version gets what was added since, and keeps what it holds."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from gateway.errors import SettingsInvalid
from gateway.keys import LocalRoot, make_ring
from gateway.model.data_key import KeyUse
from gateway.store import insert_data_keys, open_review, open_reviews, open_state, read_data_keys, read_notices
from tests.audit_logs import PEOPLE, entry, house, open_log
from tests.postgres_server import Server, postgres_server

VIEW_OF_7 = """
CREATE VIEW access_log AS
SELECT e.idx AS entry, e.at AS "at", e.principal AS principal, e.app AS app, e.organisation AS organisation,
       e.purpose AS purpose, e.legal_basis AS legal_basis, e.dataset AS dataset, e.fields AS fields,
       e.outcome AS outcome, e.case_id AS "case", e.needs_review AS needs_review, s.subject AS subject
FROM audit_entry AS e LEFT JOIN audit_subject AS s ON s.idx = e.idx
"""
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    server: Server = request.getfixturevalue("postgres")
    return server.fresh_database()


def test_a_column_and_an_index_are_added_to_what_is_there(url: str) -> None:
    state = open_state(url)
    with state.writing() as connection:
        connection.execute(text("ALTER TABLE review DROP COLUMN plain_note"))
        connection.execute(text("DROP INDEX audit_entry_needs_review"))
        connection.execute(
            text("INSERT INTO review (idx, origin, opened_at, opened_by) VALUES (3, 'hand', :at, 'r')"),
            {"at": "2026-11-22T00:00:00.000000" if state.file is not None else NOW},
        )
        connection.execute(text("UPDATE schema_version SET version = 2"))
    state.close()

    state = open_state(url)
    with state.reading() as connection:
        assert connection.execute(text("SELECT origin, plain_note FROM review")).all() == [("hand", "")]
        names = {index["name"] for index in inspect(connection).get_indexes("audit_entry")}
    assert "audit_entry_needs_review" in names
    assert open_review(state, 4, origin="hand", opened_at=NOW, opened_by="r")
    state.close()


def test_what_every_entry_paid_for_is_taken_off_a_log_of_version_5(url: str) -> None:
    state = open_state(url)
    with state.writing() as connection:
        connection.execute(text("DROP INDEX audit_entry_needs_review"))
        for name, columns in (("at", "at"), ("principal", "principal, idx"), ("needs_review", "needs_review, idx")):
            connection.execute(text(f"CREATE INDEX audit_entry_{name} ON audit_entry ({columns})"))
        connection.execute(text("UPDATE schema_version SET version = 5"))
    state.close()

    state = open_state(url)
    with state.reading() as connection:
        found = {index["name"]: index for index in inspect(connection).get_indexes("audit_entry")}
    state.close()
    assert not {"audit_entry_at", "audit_entry_principal"} & found.keys()
    assert found["audit_entry_needs_review"]["column_names"] == ["idx"], "over the few that need one"


@pytest.mark.parametrize("note", [True, False])
async def test_decisions_of_an_earlier_version_become_reviews(url: str, tmp_path: Path, note: bool) -> None:
    """Version 5 kept them in a table of their own; before version 3 without a note."""
    async with open_log(house(tmp_path, url)) as log:
        await log.append(entry(needs_review=True))
    state = open_state(url)
    with state.writing() as connection:
        kind = "TEXT" if state.file is not None else "TIMESTAMPTZ"
        more = ", note TEXT NOT NULL DEFAULT ''" if note else ""
        columns = f"idx BIGINT PRIMARY KEY, verdict TEXT, decided_by TEXT, decided_at {kind}{more}"
        connection.execute(text(f"CREATE TABLE review_decision ({columns})"))
        connection.execute(
            text(
                "INSERT INTO review_decision (idx, verdict, decided_by, decided_at) VALUES (0, 'justified', 'r', :at)"
            ),
            {"at": "2026-11-22T00:00:00.000000" if state.file is not None else NOW},
        )
        if note:
            connection.execute(text("UPDATE review_decision SET note = 'the ward confirms it'"))
        connection.execute(text("UPDATE schema_version SET version = 5"))
    state.close()

    state = open_state(url)
    (item,) = read_notices(state, after=-1)
    assert (item.verdict, item.decided_by, item.origin) == ("justified", "r", "required")
    assert item.plain_note == ("the ward confirms it" if note else "")
    assert open_reviews(state) == ()
    state.close()
    open_state(url).close()


async def test_the_people_of_a_log_of_version_7_move_into_its_entries(url: str, tmp_path: Path) -> None:
    """Version 7 had a table of them beside, which the view joined."""
    home = house(tmp_path, url)
    about = [(PEOPLE[0],), (PEOPLE[2], PEOPLE[1]), ()]
    async with open_log(home) as log:
        for number, people in enumerate(about):
            await log.append(entry(number, subjects=people))
    state = open_state(url)
    with state.writing() as connection:
        for statement in (
            "DROP VIEW access_log",
            "ALTER TABLE audit_entry DROP COLUMN subjects",
            "CREATE TABLE audit_subject (subject TEXT NOT NULL, idx BIGINT NOT NULL, PRIMARY KEY (subject, idx))",
            VIEW_OF_7,
            *(["GRANT SELECT ON access_log TO PUBLIC"] if state.file is None else []),
            "INSERT INTO audit_posting (segment, term, positions) SELECT 1, leaf, leaf FROM audit_entry WHERE idx = 0",
            "INSERT INTO audit_index (id, generation, holder, held_until) VALUES (1, 5, '', 0)",
            "UPDATE schema_version SET version = 7",
        ):
            connection.execute(text(statement))
        for index, people in enumerate(about):
            for person in people:
                values = {"subject": person, "idx": index}
                connection.execute(text("INSERT INTO audit_subject (subject, idx) VALUES (:subject, :idx)"), values)
    state.close()

    state = open_state(url)
    with state.reading() as connection:
        if state.file is None:
            assert connection.execute(text("SELECT has_table_privilege('pg_monitor', 'access_log', 'SELECT')")).scalar()
        assert not inspect(connection).has_table("audit_subject")
        shown = connection.execute(text("SELECT entry, subject FROM access_log ORDER BY 1, 2")).all()
        assert connection.execute(text("SELECT generation FROM audit_index")).scalar() == 6
        assert connection.execute(text("SELECT count(*) FROM audit_posting")).scalar() == 0
    assert shown == [(0, PEOPLE[0]), *sorted((1, one) for one in PEOPLE[1:3]), (2, None)]
    state.close()
    found = home.verify()
    assert found.is_sound, found.text()
    open_state(url).close()


def test_a_database_of_a_later_version_is_left_alone(url: str) -> None:
    state = open_state(url)
    with state.writing() as connection:
        connection.execute(text("UPDATE schema_version SET version = 999"))
    state.close()
    with pytest.raises(SettingsInvalid, match="999"):
        open_state(url)


def test_bodies_and_people_of_a_log_of_version_8_are_no_longer_compressed(postgres: Server) -> None:
    url = postgres.fresh_database()
    state = open_state(url)
    with state.writing() as connection:
        connection.execute(text("ALTER TABLE audit_entry ALTER COLUMN subjects SET STORAGE EXTENDED"))
        connection.execute(text("UPDATE schema_version SET version = 8"))
    state.close()

    state = open_state(url)
    storage = text(
        "SELECT attname, attstorage::text FROM pg_attribute"
        " WHERE attrelid = 'audit_entry'::regclass AND attname IN ('body', 'subjects') ORDER BY attname"
    )
    with state.reading() as connection:
        assert connection.execute(storage).all() == [("body", "e"), ("subjects", "e")]
    state.close()


def test_people_of_a_ring_of_version_8_are_hashed_as_they_were(url: str) -> None:
    state = open_state(url)
    assert insert_data_keys(state, make_ring(LocalRoot("a test", bytes(32)), "international", NOW))
    with state.writing() as connection:
        connection.execute(text("ALTER TABLE data_key DROP COLUMN digest"))
        connection.execute(text("UPDATE schema_version SET version = 8"))
    state.close()

    state = open_state(url)
    keys = read_data_keys(state)
    assert len(keys) == len(KeyUse)
    assert {key.digest for key in keys} == {""}
    state.close()
