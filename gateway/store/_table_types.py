"""What every table of the gateway's own database is made of: one collection, one schema version, exact moments."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

TABLES = MetaData()
SCHEMA_VERSION = 9
BIG_KEY = BigInteger().with_variant(Integer(), "sqlite")  # SQLite's row id, so that the log needs no second index


class UtcTime(TypeDecorator[datetime]):
    """An aware moment in UTC with microseconds: timestamptz, or `2026-11-23T08:00:00.000000` where SQLite keeps it."""

    impl = String(26)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """What the engine itself offers."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(26))
        return dialect.type_descriptor(TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | datetime | None:
        """A naive moment is a defect: it is refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a moment without a time zone"
            raise ValueError(msg)
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None).isoformat(timespec="microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: str | datetime | None, dialect: Dialect) -> datetime | None:
        """Back to an aware moment in UTC."""
        del dialect
        return None if value is None else read_moment(value)


def read_moment(value: str | datetime) -> datetime:
    """A kept moment as an aware one in UTC; raises ValueError."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


schema_version = Table("schema_version", TABLES, Column("version", Integer, primary_key=True))
