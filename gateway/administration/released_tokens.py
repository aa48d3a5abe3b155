"""The entry of an answer -> the mask and key that made its tokens, and from a token what it stands for.

The log says which answer it was, who got it, under which policy and key version; the kept policy version says how the
field was masked. Whatever isn't a token of that answer is refused with one and the same error.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from gateway.administration.versions import PolicyVersions
from gateway.audit import Opener, entry_at
from gateway.audit.entry import decode_entry
from gateway.audit.reading import refuse_archived
from gateway.decision import PolicyEngine
from gateway.errors import EntryUnknown, NotReversible, PolicyVersionUnknown
from gateway.masks import build_mask
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.catalog import Catalog, MaskChoice
from gateway.model.ids import DatasetName, FieldName, MaskName, PurposeId
from gateway.spi import FormatCipher
from gateway.store import State, read_parts

TokenKey = Callable[[PurposeId, str, int], FormatCipher]
"""The cipher of a purpose's tokens of one shape and key version; raises KeyUnavailable."""

_KIND = "token"
_SPAN = 20_000  # entries between an answer's own: those of an answer in batches, and of others at the same time
_KEY_VERSION = re.compile(r"(?:^|\W)token key ([1-9][0-9]{0,8})$", re.ASCII)


@runtime_checkable
class TurnsBack(Protocol):
    """A mask whose outputs can be turned back with its key."""

    def turn_back(self, token: str, keys: Callable[[str], FormatCipher]) -> str | None:
        """What the token stands for; None for what is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedTokens:
    """The tokens that one answer showed in one field."""

    mask: TurnsBack
    purpose: PurposeId  # whose key made them
    key_version: int
    seen_by: str
    people: frozenset[str] | None  # whom the answer was about, where the field says who that is: keyed hashes


class TokenDesk:
    """Blocking."""

    def __init__(self, state: State, token_key: TokenKey, hash_subject: Callable[[str], str], opener: Opener) -> None:
        self._state = state
        self._opener = opener
        self._token_key = token_key
        self._hash_subject = hash_subject

    def find(self, serving: PolicyEngine, index: int, dataset: str, field: str) -> ReleasedTokens:
        """The tokens in `field` of an answer that the entry `index` is of, in its dataset or one embedded in it.

        Raises NotReversible, EntryErased, AuditUnavailable.
        """
        try:
            root = entry_at(self._state, index, self._opener)
        except EntryUnknown:
            raise NotReversible(operator="no such entry") from None
        parts = self._parts(root, index, dataset)
        if not parts:
            raise NotReversible(operator="no released answer with the dataset")
        level = next((found for part in parts if (found := _level(part, field)) is not None), None)
        version = next((told for part in (*parts, root) if (told := _key_version(part)) is not None), None)
        if level is None or version is None:
            raise NotReversible(operator="no tokens were shown")
        catalog = self._catalog(serving, root.policy_version)
        mask = _mask(catalog, dataset, field, level)
        names_people = catalog.datasets[DatasetName(dataset)].subject == field
        return ReleasedTokens(
            mask=mask,
            purpose=PurposeId(root.purpose),
            key_version=version,
            seen_by=root.principal,
            people=frozenset(one for part in parts for one in part.subjects) if names_people else None,
        )

    def turn_back(self, released: ReleasedTokens, token: str) -> str:
        """What the token stands for; raises NotReversible, KeyUnavailable.

        Where the field says whom a row is about, the answer must have been about that person: a text that merely looks
        like a token, or a token of another answer, turns into nobody.
        """

        def cipher(shape: str) -> FormatCipher:
            return self._token_key(released.purpose, shape, released.key_version)

        value = released.mask.turn_back(token, cipher)
        if value is None:
            raise NotReversible(operator="no token of the field's mask")
        if released.people is not None and self._hash_subject(value) not in released.people:
            raise NotReversible(operator="no token of that answer")
        return value

    def _parts(self, root: AuditEntry, index: int, dataset: str) -> list[AuditEntry]:
        """The answer's released entries about the dataset: the named one, its embeds', its batches'."""
        if root.kind is not EntryKind.READ or root.outcome not in {"released", "opened"}:
            return []
        found = []
        for at, body in read_parts(self._state, index, trace_id=root.trace_id, dataset=dataset, span=_SPAN):
            refuse_archived(self._state, at, body)
            part = decode_entry(body, self._opener)
            # a trace id may be the asker's own choice: one answer has one person, purpose, policy and body as well
            is_same = (part.principal, part.purpose, part.policy_version) == (
                root.principal,
                root.purpose,
                root.policy_version,
            )
            is_whole = bool(root.response_sha256) and part.response_sha256 == root.response_sha256
            if is_same and (index in {at, part.refers_to} or is_whole):
                found.append(part)
        return found

    def _catalog(self, serving: PolicyEngine, version: str) -> Catalog:
        if serving.version == version:
            return serving.catalog
        try:
            return PolicyVersions(self._state).engine(version).catalog
        except PolicyVersionUnknown:
            raise NotReversible(operator="the policy version of the entry is not kept") from None


def _level(entry: AuditEntry, field: str) -> str | None:
    return next((one.level for one in entry.fields if one.field == field and "show" in one.uses), None)


def _key_version(entry: AuditEntry) -> int | None:
    found = _KEY_VERSION.search(entry.detail)
    return None if found is None else int(found[1])


def _mask(catalog: Catalog, dataset: str, field: str, level: str) -> TurnsBack:
    known = catalog.datasets.get(DatasetName(dataset))
    declared = catalog.masks.get(MaskName(level))
    if known is None or FieldName(field) not in known.fields or declared is None:
        raise NotReversible(operator="the field was not masked")
    term = known.fields[FieldName(field)].term
    choice: MaskChoice = declared.by_term.get(term, declared.otherwise) if term is not None else declared.otherwise
    mask = build_mask(choice) if choice.kind == _KIND else None
    if not isinstance(mask, TurnsBack):
        raise NotReversible(operator="the field's mask is no token")
    return mask
