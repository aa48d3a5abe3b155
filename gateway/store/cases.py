"""Case files: kept here, understood by administration. Subjects come and go as sealed bytes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, or_, select, update

from gateway.store._tables import case_file
from gateway.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """One row of case_file."""

    id: str
    purpose: str
    state: str
    subjects: bytes  # sealed
    app: str
    opened_by: str
    approved_by: str | None
    opened_at: datetime
    expires_at: datetime

    def __repr__(self) -> str:
        """Never the sealed bytes."""
        return f"<CaseRecord {self.id} {self.state}>"


def insert_case(state: State, record: CaseRecord) -> None:
    """Keep a new case, durably; raises SQLAlchemyError, also where the id is taken."""
    with state.writing() as connection:
        connection.execute(
            insert(case_file).values(
                id=record.id,
                purpose=record.purpose,
                state=record.state,
                subjects=record.subjects,
                app=record.app,
                opened_by=record.opened_by,
                approved_by=record.approved_by,
                opened_at=record.opened_at,
                expires_at=record.expires_at,
            )
        )


def read_case(state: State, case_id: str) -> CaseRecord | None:
    """The case, or None."""
    with state.reading() as connection:
        row = connection.execute(select(case_file).where(case_file.c.id == case_id)).mappings().one_or_none()
    return None if row is None else CaseRecord(**row)


def move_case(state: State, case_id: str, expected: str, new: str, *, approved_by: str | None) -> bool:
    """Move the case from `expected` to `new` in one step; False where it is not (or no longer) in `expected`.

    `approved_by` None leaves who approved it as it is.
    """
    values = {"state": new} if approved_by is None else {"state": new, "approved_by": approved_by}
    with state.writing() as connection:
        moved = connection.execute(
            update(case_file).where(case_file.c.id == case_id, case_file.c.state == expected).values(**values)
        )
        return moved.rowcount == 1


def read_cases(state: State, *, principal: str, purpose: str, limit: int) -> tuple[CaseRecord, ...]:
    """The newest cases of the purpose that `principal` opened or approved."""
    table = case_file.c
    mine = select(case_file).where(
        table.purpose == purpose, or_(table.opened_by == principal, table.approved_by == principal)
    )
    with state.reading() as connection:
        rows = connection.execute(mine.order_by(table.opened_at.desc(), table.id).limit(limit)).mappings().all()
    return tuple(CaseRecord(**row) for row in rows)


def extend_case(state: State, case_id: str, *, state_name: str, was: datetime, until: datetime) -> bool:
    """Move the end of a case in one step; False where it has moved, or the case's state has changed, meanwhile."""
    with state.writing() as connection:
        moved = connection.execute(
            update(case_file)
            .where(case_file.c.id == case_id, case_file.c.state == state_name, case_file.c.expires_at == was)
            .values(expires_at=until)
        )
        return moved.rowcount == 1
