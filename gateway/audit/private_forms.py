"""What is sealed in entries, opened -> what their rows must say of it, and where it stands there. Pure."""

from binascii import Error as NotBase64
from binascii import a2b_base64
from typing import Any, NamedTuple

import orjson

from gateway.audit.entry import LONGEST_COLUMN, each_once
from gateway.audit.forms import plain_text
from gateway.audit.grids import Grid, are_hex, look_like_moments
from gateway.store import Steady, Wanted

_KEYS = (
    "case", "decision", "detail", "filter_shape", "justification", "principal", "roles", "subjects", "trace_id",
)  # fmt: skip
_HASH_DIGITS = 32
_ONE_PERSON = 24  # letters of base64


class PrivatePlaces(NamedTuple):
    """Where in a private part stands what differs in parts that are otherwise alike; some have no decision."""

    decided_at: slice | None
    principal: slice
    people: slice
    trace_id: slice


def told_of(plaintext: bytes | None, organisation: str, steady: Steady) -> Wanted | None:
    """What the row should say; None where that is not sure. `plaintext`: None for an erased entry."""
    if plaintext is None:
        return ("", "", "", "", organisation, steady)
    try:
        private = orjson.loads(plaintext)
        principal, case_id, trace_id = private["principal"], private["case"], private["trace_id"]
        told = a2b_base64(private["subjects"], strict_mode=True).hex()
        whole = principal + case_id + trace_id
    except (NotBase64, KeyError, TypeError, ValueError):
        return None
    if "\x00" in whole or len(whole) > LONGEST_COLUMN or len(told) % _HASH_DIGITS:
        return None
    if len(told) > _HASH_DIGITS:
        told = each_once([told[at : at + _HASH_DIGITS] for at in range(0, len(told), _HASH_DIGITS)])
    return (principal, case_id, trace_id, told, organisation, steady)


def private_places(plaintext: bytes) -> PrivatePlaces | None:
    """The places of a part that is the exact encoding of what it says; None where it isn't plain, or of many people.

    Another part with the same bytes around them, and in each place a text that says itself, says the same but for them.
    """
    try:
        private = orjson.loads(plaintext)
        if tuple(private) != _KEYS or orjson.dumps(private) != plaintext:
            return None
        case_id, *found = (_place(private, key) for key in ("case", "principal", "subjects", "trace_id"))
    except (TypeError, ValueError):
        return None
    principal, people, trace_id = found
    if plain_text(plaintext[principal]) is None or not are_hex(Grid([plaintext]).at(trace_id)):
        return None
    if people.stop - people.start not in {0, _ONE_PERSON}:
        return None
    if sum(place.stop - place.start for place in (case_id, principal, trace_id)) > LONGEST_COLUMN:  # in bytes: no fewer
        return None
    return PrivatePlaces(_decided_at(plaintext, private["decision"], private["case"]), principal, people, trace_id)


def _place(document: dict[str, Any], key: str) -> slice:
    """Of a text between its quotes; raises TypeError for anything else."""
    if not isinstance(document[key], str):
        raise TypeError(key)
    names = list(document)
    before = {name: document[name] for name in names[: names.index(key)]}
    # what is before it ends with a brace, in whose stead is a comma; where nothing is, there is the first brace alone
    begin = (len(orjson.dumps(before)) if before else 1) + len(orjson.dumps(key)) + len(":")
    return slice(begin + 1, begin + len(orjson.dumps(document[key])) - 1)


def _decided_at(plaintext: bytes, decision: object, case_id: str) -> slice | None:
    """None where there is none: then it is part of what is the same."""
    if not isinstance(decision, dict) or not isinstance(decision.get("decided_at"), str):
        return None
    place, before = _place(decision, "decided_at"), len(orjson.dumps({"case": case_id, "decision": 0})) - 2
    found = slice(before + place.start, before + place.stop)
    return found if look_like_moments(Grid([plaintext]).at(found)) else None
