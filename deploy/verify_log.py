#!/usr/bin/env python3
"""Verify a Langqiao audit log without Langqiao 不依赖网关即可验证审计日志. Trusts only the public keys it is given.

    verify_log.py export FOLDER           --key VKEY [--witness VKEY …] [--older CHECKPOINT …]
    verify_log.py receipt PROOF           --key VKEY [--witness VKEY …] [--receipt TEXT] [--entry FILE]
    verify_log.py consistency OLDER PROOF --key VKEY [--witness VKEY …]

export       recomputes every leaf, tile and root of an exported log, and every signature on its checkpoints
receipt      an answer's receipt: its entry is in the log (file of `langqiao audit receipt --out`)
consistency  the newer log continues the one of a checkpoint that you kept (`langqiao audit consistency --out`)

The formats are public: RFC 6962 (tree and proofs) and c2sp.org/signed-note, tlog-checkpoint, tlog-tiles, tlog-proof,
tlog-cosignature; docs/audit-format.md tells the rest. Needs Python 3.11 and `cryptography`. Exit status:

  0 sound                               5 a tile is not what its entries make
  1 a file is missing or malformed      6 the tree has not the root that was signed
  2 wrong use                           7 a witness did not sign
  3 the log's key did not sign          8 not the log of an older checkpoint: a fork, or cut short
  4 an entry is not the logged one      9 the receipt's entry is not in the log
"""

import argparse
import base64
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256  # hashes in a full tile
LOG_KEY, WITNESS_KEY = 1, 4  # kinds of keys: Ed25519 under a note, Ed25519 cosignature with its time
MALFORMED, USE, SIGNATURE, ENTRY, TILE, ROOT, WITNESS, OLDER, RECEIPT = range(1, 10)


class Bad(Exception):
    """The first fault; `index` is the first entry that is not sound, where that can be told."""

    def __init__(self, status: int, why: str, index: int | None = None) -> None:
        super().__init__(why if index is None else f"entry {index}: {why}")
        self.status = status


# ------------------------------------------------------------------ signatures
class Key(NamedTuple):
    """A verifier key: name+id+base64(kind, public key)."""

    name: str
    id: bytes
    public: Ed25519PublicKey


class Checkpoint(NamedTuple):
    """What the log's key signed: so many entries, with this root."""

    origin: str
    size: int
    root: bytes


def unbase64(text: str) -> bytes:
    """Strictly: one text for the same bytes, no other."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if base64.b64encode(data).decode() != text:
        raise Bad(MALFORMED, f"no base64: {text[:40]!r}")
    return data


def read_key(vkey: str, kind: int) -> Key:
    """The key id is the first 4 bytes of SHA-256(name, line feed, kind, public key)."""
    name, key_id, encoded = [*vkey.strip().split("+", 2), "", ""][:3]
    try:
        data = unbase64(encoded)
    except Bad:
        data = b""
    wanted = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if len(data) != 33 or data[0] != kind or wanted.hex() != key_id:
        raise Bad(USE, f"not a public key of the right kind: {vkey[:80]}")
    return Key(name, wanted, Ed25519PublicKey.from_public_bytes(data[1:]))


def signatures(note: str, key: Key) -> tuple[str, list[bytes]]:
    """The signed text of a note, and the signatures that name this key; those of others are passed over."""
    text, separator, rest = note.rpartition("\n\n")
    lines = rest[:-1].split("\n")
    if not separator or not rest.endswith("\n") or not all(line.startswith("\u2014 ") for line in lines):
        raise Bad(MALFORMED, "no signed note")
    found = []
    for line in lines:
        name, _, encoded = line[2:].partition(" ")
        signed = unbase64(encoded)
        if name == key.name and signed[:4] == key.id:
            found.append(signed[4:])
    return text + "\n", found


def read_checkpoint(note: str, log: Key) -> Checkpoint:
    """Signed by the log's key over the text: origin, size, root, a line each."""
    text, found = signatures(note, log)
    try:
        for signature in found:
            log.public.verify(signature, text.encode())
    except InvalidSignature:
        found = []
    if not found:
        raise Bad(SIGNATURE, f"the checkpoint is not signed by {log.name}")
    origin, size, root = [*text.split("\n"), "", ""][:3]
    if origin != log.name or not is_number(size) or len(unbase64(root)) != 32:
        raise Bad(SIGNATURE, "the checkpoint is of another log, or is none")
    return Checkpoint(origin, int(size), unbase64(root))


def check_witness(note: str, witness: Key) -> int:
    """A witness signs `cosignature/v1`, its time and the text; returns the time."""
    text, found = signatures(note, witness)
    for signed in found:
        at = int.from_bytes(signed[:8], "big")
        try:
            witness.public.verify(signed[8:], f"cosignature/v1\ntime {at}\n{text}".encode())
        except InvalidSignature:
            continue
        return at
    raise Bad(WITNESS, f"{witness.name} did not sign this checkpoint")


def is_number(text: str) -> bool:
    """Decimal digits, no zeros before them."""
    return text.isascii() and text.isdecimal() and len(text) < 20 and (text == "0" or text[0] != "0")


# ------------------------------------------------------------------ the tree (RFC 6962)
def leaf_hash(body: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\x00" + body).digest()


def node(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree(row: list[bytes]) -> bytes:
    """The root over a row of hashes: split at the largest power of two below its length."""
    if len(row) < 2:
        return row[0] if row else hashlib.sha256(b"").digest()
    middle = 1 << (len(row) - 1).bit_length() - 1
    return node(tree(row[:middle]), tree(row[middle:]))


class Growing:
    """A tree that grows leaf by leaf: of each level the hashes of its last tile, which is not full yet."""

    def __init__(self) -> None:
        self.rows: list[list[bytes]] = [[]]
        self.size = 0

    def add(self, leaf: bytes) -> Iterator[tuple[int, int, list[bytes]]]:
        """Append a leaf; yields level, number and hashes of each tile that this fills."""
        self.size += 1
        level, carried = 0, leaf
        while True:
            self.rows[level].append(carried)
            if len(self.rows[level]) < WIDTH:
                return
            full, self.rows[level] = self.rows[level], []
            yield level, (self.size >> 8 * (level + 1)) - 1, full
            carried, level = tree(full), level + 1
            if level == len(self.rows):
                self.rows.append([])

    def root(self) -> bytes:
        """Over all leaves: what a level leaves over stands at the end of the level above."""
        below: list[bytes] = []
        for row in self.rows:
            whole = row + below
            below = [tree(whole)] if whole else []
        return tree(below)


def check_inclusion(index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2."""
    if index >= size or len(leaf) != 32:
        return False
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node(sibling, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def check_consistency(older: Checkpoint, newer: Checkpoint, proof: list[bytes]) -> bool:
    """RFC 9162, 2.1.4.2; every log continues the empty one."""
    if older.size == 0:
        return not proof and older.root == tree([])
    if older.size == newer.size:
        return not proof and older.root == newer.root
    path = [older.root, *proof] if older.size & (older.size - 1) == 0 else proof
    if older.size > newer.size or not path or not proof:
        return False
    at, last = older.size - 1, newer.size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node(sibling, before), node(sibling, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and (before, after) == (older.root, newer.root)


# ------------------------------------------------------------------ an exported log
def tile_path(level: int | str, n: int, width: int) -> str:
    """tile/<level>/<n>, in groups of three digits, all but the last with an x; .p/<width> where it is not full."""
    parts = [f"{n % 1000:03d}"]
    while n := n // 1000:
        parts.insert(0, f"x{n % 1000:03d}")
    return f"tile/{level}/{'/'.join(parts)}" + ("" if width == WIDTH else f".p/{width}")


def read(path: Path) -> bytes:
    """Or a fault that names the file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Bad(MALFORMED, f"{path} can't be read ({type(error).__name__})") from None


def read_part(path: Path, index: int) -> bytes:
    """A tile or bundle: where it is missing, so is the entry that it begins with."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Bad(TILE, f"{path} can't be read ({type(error).__name__})", index) from None


def read_text(path: Path) -> str:
    """The same as text."""
    try:
        return read(path).decode()
    except UnicodeDecodeError:
        raise Bad(MALFORMED, f"{path} is no text") from None


def leaves(folder: Path, size: int) -> Iterator[bytes]:
    """Each entry's leaf hash in order, from its bytes, and as its tile has it.

    A bundle holds 256 entries, each after two bytes of length; beside it lies the tile with their leaf hashes.
    """
    for begin in range(0, size, WIDTH):
        width = min(WIDTH, size - begin)
        bundle = read_part(folder / tile_path("entries", begin // WIDTH, width), begin)
        tile = read_part(folder / tile_path(0, begin // WIDTH, width), begin)
        at = 0
        for index in range(begin, begin + width):
            end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
            if at + 2 > len(bundle) or end > len(bundle):
                raise Bad(ENTRY, "its bundle is cut short", index)
            leaf = leaf_hash(bundle[at + 2 : end])
            if leaf != tile[32 * (index - begin) :][:32]:
                raise Bad(ENTRY, "it is not what its tile was made for", index)
            yield leaf
            at = end
        if at != len(bundle) or len(tile) != 32 * width:
            raise Bad(ENTRY, "its bundle or tile goes on after it", begin + width - 1)


def check_tile(folder: Path, level: int, n: int, row: list[bytes]) -> None:
    """In a tile of level L each hash stands for 256^L entries: the first that differs says where to look."""
    kept = read_part(folder / tile_path(level, n, len(row)), n * WIDTH << 8 * level)
    if kept != b"".join(row):
        at = next((at for at, one in enumerate(row) if kept[32 * at : 32 * at + 32] != one), len(row) - 1)
        raise Bad(TILE, f"tile {level}/{n} is not what it stands over", (n * WIDTH + at) << 8 * level)


def verify_export(arguments: argparse.Namespace, log: Key, witnesses: list[Key]) -> str:
    """Everything that an export holds."""
    folder: Path = arguments.folder
    note = read_text(folder / "checkpoint")
    signed = read_checkpoint(note, log)
    notes = [note]
    if (folder / "witnessed").exists():
        notes += map(read_text, sorted((folder / "witnessed").iterdir()))
    older = [read_checkpoint(one, log) for one in notes[1:]] + [
        read_checkpoint(read_text(path), log) for path in arguments.older
    ]
    for one in older:
        if one.size > signed.size:
            raise Bad(OLDER, f"cut short: a checkpoint has {one.size} entries, this log {signed.size}", signed.size)
    growing, good = Growing(), 0
    good = check_older(growing, older, good)
    for leaf in leaves(folder, signed.size):
        for level, n, row in growing.add(leaf):
            if level:
                check_tile(folder, level, n, row)
        good = check_older(growing, older, good)
    for level, row in enumerate(growing.rows):
        if level and row:
            check_tile(folder, level, signed.size >> 8 * (level + 1), row)
    if growing.root() != signed.root:
        raise Bad(ROOT, "from here on something is not what the checkpoint was signed for", good)
    said = [f"sound: {signed.size} entries of {signed.origin}, root {signed.root.hex()}"]
    return "\n".join(said + [witnessed(notes, witness, log) for witness in witnesses])


def check_older(growing: Growing, older: list[Checkpoint], good: int) -> int:
    """At the size of an older checkpoint the tree has its root; returns how many entries are known good."""
    for one in older:
        if one.size == growing.size:
            if one.root != growing.root():
                raise Bad(OLDER, f"from here on not the log of the checkpoint of {one.size} entries: a fork", good)
            good = one.size
    return good


def witnessed(notes: list[str], witness: Key, log: Key) -> str:
    """The first of the checkpoints that the witness signed."""
    for note in notes:
        try:
            at = check_witness(note, witness)
        except Bad as bad:
            if bad.status != WITNESS:
                raise
        else:
            return f"signed by {witness.name}: {read_checkpoint(note, log).size} entries, {at} seconds after 1970"
    raise Bad(WITNESS, f"{witness.name} signed none of the checkpoints here")


# ------------------------------------------------------------------ proofs in files
def read_proof(text: str) -> tuple[list[str], str]:
    """Lines, an empty line, and the checkpoint that they lead to."""
    head, separator, note = text.partition("\n\n")
    if not separator:
        raise Bad(MALFORMED, "no empty line before the checkpoint")
    return head.split("\n"), note


def read_hashes(lines: list[str]) -> list[bytes]:
    """At most 63, of 32 bytes."""
    hashes = [unbase64(line) for line in lines]
    if len(hashes) > 63 or any(len(one) != 32 for one in hashes):
        raise Bad(MALFORMED, "a proof has at most 63 hashes of 32 bytes")
    return hashes


def read_number(line: str, word: str) -> int:
    """`word 42`."""
    told, _, digits = line.partition(" ")
    if told != word or not is_number(digits):
        raise Bad(MALFORMED, f"no line `{word}` with a number")
    return int(digits)


def verify_receipt(arguments: argparse.Namespace, log: Key, witnesses: list[Key]) -> str:
    """c2sp.org/tlog-proof; its extra data is the receipt, which is believed only when it proves true."""
    lines, note = read_proof(read_text(arguments.proof))
    if lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Bad(MALFORMED, "no c2sp.org/tlog-proof@v1")
    extra = unbase64(lines.pop(0)[6:]).decode(errors="replace") if lines and lines[0].startswith("extra ") else ""
    index = read_number(lines.pop(0) if lines else "", "index")
    receipt = (arguments.receipt or extra).strip()
    signed = read_checkpoint(note, log)
    origin, _, rest = receipt.partition("#")
    told, _, leaf = rest.partition(":")
    if not is_number(told) or len(leaf) != 64 or leaf.strip("0123456789abcdef"):
        raise Bad(MALFORMED, "no receipt origin#index:leaf")
    if origin != signed.origin or int(told) != index:
        raise Bad(RECEIPT, "the proof is of another log or entry than the receipt", int(told))
    if not check_inclusion(index, signed.size, bytes.fromhex(leaf), read_hashes(lines), signed.root):
        raise Bad(RECEIPT, "the log does not hold what the receipt was given for", index)
    if arguments.entry is not None and leaf_hash(read(arguments.entry)).hex() != leaf:
        raise Bad(ENTRY, "the file is not the entry of the receipt", index)
    said = [f"proved: {receipt}, under the checkpoint of {signed.size} entries"]
    return "\n".join(said + [witnessed([note], witness, log) for witness in witnesses])


def verify_consistency(arguments: argparse.Namespace, log: Key, witnesses: list[Key]) -> str:
    """The file is as c2sp.org/tlog-witness sends it: old size, hashes, the newer checkpoint."""
    lines, note = read_proof(read_text(arguments.proof))
    older, newer = read_checkpoint(read_text(arguments.older), log), read_checkpoint(note, log)
    if read_number(lines[0], "old") != older.size:
        raise Bad(OLDER, f"the proof does not begin at the checkpoint's {older.size} entries")
    if not check_consistency(older, newer, read_hashes(lines[1:])):
        raise Bad(OLDER, f"the log of {newer.size} entries does not continue the one of {older.size}: a fork")
    said = [f"consistent: {newer.size} entries continue {older.size} of {newer.origin}"]
    return "\n".join(said + [witnessed([note], witness, log) for witness in witnesses])


def main() -> NoReturn:
    """Read the command line, verify, say what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS
    )
    commands = parser.add_subparsers(required=True)
    for name, verify, files in (
        ("export", verify_export, ("folder",)),
        ("receipt", verify_receipt, ("proof",)),
        ("consistency", verify_consistency, ("older", "proof")),
    ):
        command = commands.add_parser(name)
        command.set_defaults(verify=verify)
        for file in files:
            command.add_argument(file, type=Path)
        command.add_argument("--key", required=True, help="the log's public key")
        command.add_argument("--witness", action="append", default=[], help="a witness's public key")
        if name == "export":
            command.add_argument("--older", action="append", default=[], type=Path, help="a checkpoint that you kept")
        if name == "receipt":
            command.add_argument("--receipt", help="your receipt, origin#index:leaf")
            command.add_argument("--entry", type=Path, help="the entry's bytes")
    arguments = parser.parse_args()
    try:
        keys = [read_key(vkey, WITNESS_KEY) for vkey in arguments.witness]
        said = arguments.verify(arguments, read_key(arguments.key, LOG_KEY), keys)
    except Bad as bad:
        print(f"NOT SOUND 未通过验证: {bad}", file=sys.stderr)
        sys.exit(bad.status)
    print(said)
    sys.exit(0)


if __name__ == "__main__":
    main()
