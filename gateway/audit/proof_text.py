"""Proofs <-> text: receipts, inclusion proofs (c2sp.org/tlog-proof), consistency proofs (as in c2sp.org/tlog-witness).

Pure. What is read here is well formed, and not yet verified.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.audit.checkpoint import DECIMAL
from gateway.audit.merkle import HASH_BYTES
from gateway.keys import read_base64

MOST_HASHES = 63  # no tree of 2^63 entries needs more
_HEADER = "c2sp.org/tlog-proof@v1"
_RECEIPT = re.compile(r"([^\s#+]+)#(0|[1-9][0-9]{0,18}):([0-9a-f]{64})")


class TextMalformed(ValueError):
    """No such text."""


@dataclass(frozen=True, slots=True)
class ReceiptText:
    """What a receipt says, wherever it comes from."""

    origin: str
    index: int
    leaf: bytes

    def __str__(self) -> str:
        """`origin#index:leaf`."""
        return f"{self.origin}#{self.index}:{self.leaf.hex()}"


@dataclass(frozen=True, slots=True)
class InclusionText:
    """An inclusion proof with the checkpoint that it leads to, and the receipt that it is for where it says so."""

    index: int
    hashes: tuple[bytes, ...]
    note: str
    receipt: ReceiptText | None


@dataclass(frozen=True, slots=True)
class ConsistencyText:
    """The proof that the note's log continues one of `older` entries."""

    older: int
    hashes: tuple[bytes, ...]
    note: str


def read_receipt(text: str) -> ReceiptText:
    """Raises TextMalformed."""
    found = _RECEIPT.fullmatch(text.strip())
    if found is None:
        raise TextMalformed("a receipt is origin#index:leaf")
    return ReceiptText(found[1], int(found[2]), bytes.fromhex(found[3]))


def write_inclusion(receipt: ReceiptText, hashes: Sequence[bytes], note: str) -> str:
    """A C2SP proof; the receipt rides along as its extra data, so that the file says what it shows."""
    extra = base64.b64encode(str(receipt).encode()).decode()
    return f"{_HEADER}\nextra {extra}\nindex {receipt.index}\n{_lines(hashes)}\n{note}"


def read_inclusion(text: str) -> InclusionText:
    """Raises TextMalformed. The extra data is not to be believed: it is a receipt that must prove true."""
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines.pop(0) != _HEADER:
        raise TextMalformed(f"the first line is not {_HEADER}")
    extra = lines.pop(0).removeprefix("extra ") if lines and lines[0].startswith("extra ") else None
    index = _number(lines.pop(0) if lines else "", "index ")
    return InclusionText(index, _hashes(lines), note, _receipt_in(extra))


def write_consistency(older: int, hashes: Sequence[bytes], note: str) -> str:
    """The older size, the proof, and the newer checkpoint."""
    return f"old {older}\n{_lines(hashes)}\n{note}"


def read_consistency(text: str) -> ConsistencyText:
    """Raises TextMalformed."""
    head, separator, note = text.partition("\n\n")
    if not separator:
        raise TextMalformed("no empty line before the checkpoint")
    lines = head.split("\n")
    return ConsistencyText(_number(lines[0], "old "), _hashes(lines[1:]), note)


def _lines(hashes: Sequence[bytes]) -> str:
    return "".join(f"{base64.b64encode(one).decode()}\n" for one in hashes)


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    try:
        hashes = tuple(map(read_base64, lines))
    except ValueError:
        raise TextMalformed("a line of the proof is not base64") from None
    if len(hashes) > MOST_HASHES or any(len(one) != HASH_BYTES for one in hashes):
        raise TextMalformed("a proof has at most 63 hashes of 32 bytes")
    return hashes


def _number(line: str, word: str) -> int:
    digits = line.removeprefix(word)
    if digits == line or not DECIMAL.fullmatch(digits):
        raise TextMalformed(f"no line `{word.strip()}` with a number")
    return int(digits)


def _receipt_in(extra: str | None) -> ReceiptText | None:
    if extra is None:
        return None
    try:
        told = read_base64(extra).decode()
    except ValueError:
        raise TextMalformed("the extra data is not base64") from None
    try:
        return read_receipt(told)
    except TextMalformed:
        return None  # another program's extra data
