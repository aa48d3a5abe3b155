"""Requests to turn tokens back: kept here, understood by administration. Token, reason and note are sealed bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import case, insert, select, update

from gateway.store._tables import audit_entry, reidentification
from gateway.store.state import State

Values = Mapping[str, str | bytes | datetime]
"""Columns and what they become."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReidentificationRecord:
    """One row of reidentification."""

    id: str
    purpose: str
    case_id: str
    app: str
    state: str
    requested_by: str
    requested_at: datetime
    entry: int  # of the answer that showed the token
    dataset: str
    field: str
    seen_by: str
    content: bytes  # sealed
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: bytes | None = None  # sealed
    opened_at: datetime | None = None

    def __repr__(self) -> str:
        """Never the sealed bytes."""
        return f"<ReidentificationRecord {self.id} {self.state}>"


def insert_reidentification(state: State, record: ReidentificationRecord) -> None:
    """Keep a new request, durably; raises SQLAlchemyError, also where the id is taken."""
    with state.writing() as connection:
        connection.execute(insert(reidentification).values(**asdict(record)))


def read_reidentification(state: State, request: str) -> ReidentificationRecord | None:
    """The request, or None."""
    with state.reading() as connection:
        found = connection.execute(select(reidentification).where(reidentification.c.id == request))
        row = found.mappings().one_or_none()
    return None if row is None else ReidentificationRecord(**row)


def read_reidentifications(state: State, *, purpose: str, first: str, limit: int) -> tuple[ReidentificationRecord, ...]:
    """Those of the purpose: of the state `first` before the others, each the newest first."""
    table = reidentification.c
    order = (case((table.state == first, 0), else_=1), table.requested_at.desc(), table.id)
    query = select(reidentification).where(table.purpose == purpose).order_by(*order).limit(limit)
    with state.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return tuple(ReidentificationRecord(**row) for row in rows)


def move_reidentification(state: State, request: str, expected: str, values: Values) -> bool:
    """Change columns of a request that is in the state `expected`; False where it is not, or no longer."""
    with state.writing() as connection:
        moved = connection.execute(
            update(reidentification)
            .where(reidentification.c.id == request, reidentification.c.state == expected)
            .values(**values)
        )
        return moved.rowcount == 1


def read_parts(state: State, index: int, *, trace_id: str, dataset: str, span: int) -> Sequence[tuple[int, bytes]]:
    """Index and bytes of released entries of one trace about a dataset, at most `span` entries from `index`."""
    table = audit_entry.c
    near = select(table.idx, table.body).where(
        table.idx >= index - span,
        table.idx <= index + span,
        table.trace_id == trace_id,
        table.dataset == dataset,
        table.kind == "read",
        table.outcome == "released",
    )
    with state.reading() as connection:
        return [(row.idx, row.body) for row in connection.execute(near.order_by(table.idx))]
