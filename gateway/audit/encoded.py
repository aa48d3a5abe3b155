"""What an entry's bytes are made of, whichever way they are made: moments, people, and the whole. Pure."""

from binascii import b2a_base64
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, Protocol

import orjson

from gateway.model.audit import FieldTrace, SearchColumns

_MOST_REMEMBERED = 1_024  # lists of fields: some ten kilobytes each at most
_MOMENT_LETTERS = len("2026-11-23T08:00:00.000000")


class SealingKey(Protocol):
    """Seals under one retention key."""

    name: str

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """What opens only under the same key with the same context."""
        ...


class EncodedEntry(NamedTuple):
    """The bytes that are hashed, their leaf hash, and the search columns that they say."""

    body: bytes
    leaf: bytes
    columns: SearchColumns


def in_utc(moment: datetime) -> datetime:
    """The same moment."""
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def moment_told(utc: datetime) -> datetime | str:
    """RFC 3339 with six digits, `2026-11-23T08:00:00.000000Z`: what orjson makes of it but where they are all 0."""
    return utc if utc.microsecond else utc.isoformat(timespec="microseconds")[:_MOMENT_LETTERS] + "Z"


def moment_as_json(moment: datetime) -> bytes:
    """The same as JSON, of a moment in any time zone."""
    if moment.tzinfo is UTC and moment.microsecond:
        return orjson.dumps(moment, option=orjson.OPT_UTC_Z)  # as most are
    return orjson.dumps(moment_told(in_utc(moment)), option=orjson.OPT_UTC_Z)


def packed(subjects: tuple[str, ...]) -> bytes:
    """Base64 of 16 bytes each: a page of a thousand people must fit, sealed."""
    return b2a_base64(bytes.fromhex("".join(subjects)), newline=False)


@lru_cache(maxsize=_MOST_REMEMBERED)
def fields_told(fields: tuple[FieldTrace, ...]) -> tuple[orjson.Fragment, str]:
    """What was done to the fields, as JSON and as the search column. Most questions come again."""
    told = [
        {"ceiling": one.ceiling, "field": one.field, "granted": one.granted, "level": one.level, "uses": one.uses}
        for one in fields
    ]
    return orjson.Fragment(orjson.dumps(told)), ", ".join([f"{one.field}:{one.level}" for one in fields])
