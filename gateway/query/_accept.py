"""The header `Accept` -> the media type of the answer: RFC 9110 section 12.5.1, most specific range first."""

from dataclasses import dataclass

from gateway.errors import NotAcceptable
from gateway.model.query import MediaType

_OFFERED = (MediaType.JSON, MediaType.CSV, MediaType.OBJECT, MediaType.NDJSON, MediaType.ARROW)
_VENDORED = {
    "application/vnd.pgrst.object": MediaType.OBJECT,
    "application/vnd.pgrst.object+json": MediaType.OBJECT,
    "application/vnd.pgrst.array": MediaType.JSON,
    "application/vnd.pgrst.array+json": MediaType.JSON,
}
"""The names that PostgREST gives its JSON; only with them nulls may be stripped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    kind: str
    quality: float
    strips_nulls: bool


def negotiate(accept: str | None) -> tuple[MediaType, bool]:
    """The acceptable type of the highest quality, of equals the one named first; and whether nulls are stripped.

    Raises NotAcceptable.
    """
    if accept is None or not accept.strip():
        return MediaType.JSON, False
    best: tuple[float, int] | None = None
    chosen, strips_nulls = MediaType.JSON, False
    ranges = [_read(text) for text in accept.split(",")]
    for offered in _OFFERED:
        matching = [
            (specificity, one.quality, -place, one.strips_nulls)
            for place, one in enumerate(ranges)
            if (specificity := _specificity(one.kind, offered)) > 0
        ]
        if not matching:
            continue
        _, quality, place, strips = max(matching)
        if quality > 0 and (best is None or (quality, place) > best):
            best, chosen, strips_nulls = (quality, place), offered, strips
    if best is None:
        raise NotAcceptable(offered=", ".join(_OFFERED))
    return chosen, strips_nulls


def _read(text: str) -> _Range:
    """A media range and its quality; what can't be read, or has a parameter that isn't offered, accepts nothing."""
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    quality, strips_nulls = 1.0, False
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            whole, _, fraction = value.partition(".")
            is_read = whole in {"0", "1"} and len(fraction) <= 3 and (not fraction or fraction.isdecimal())
            quality = float(value) if is_read and value.isascii() else 0.0
        elif (name, value) == ("nulls", "stripped") and kind in _VENDORED:
            strips_nulls = True
        elif (name, value.strip('"')) != ("charset", "utf-8") and name:
            return _Range(kind="", quality=0.0, strips_nulls=False)
    return _Range(kind=kind, quality=min(quality, 1.0), strips_nulls=strips_nulls)


def _specificity(kind: str, offered: MediaType) -> int:
    if kind == offered or _VENDORED.get(kind) is offered:
        return 3
    if kind == offered.partition("/")[0] + "/*":
        return 2
    return 1 if kind == "*/*" else 0
