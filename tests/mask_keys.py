"""The keyed functions of a purpose, from keys that a test can know."""

import hashlib
from datetime import date

from gateway.keys.purpose_keys import PurposeKeys
from gateway.model.ids import PurposeId
from gateway.spi import MaskContext

TODAY = date(2026, 11, 24)


def mask_context(purpose: str = "home-visit", *, national: bool = False) -> MaskContext:
    """A context whose keys are digests of their names."""
    keys = PurposeKeys(
        purpose=PurposeId(purpose),
        token_version=1,
        national=frozenset({"pseudonym", "shift", "token"}) if national else frozenset(),
        derive=lambda use, info: hashlib.sha256(f"{use}/{info}".encode()).digest(),
    )
    return MaskContext(keys=keys, today=TODAY)
