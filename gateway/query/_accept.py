"""The header `Accept` -> the media type of the answer: RFC 9110 section 12.5.1, most specific range first."""

from gateway.errors import NotAcceptable
from gateway.model.query import MediaType

_OFFERED = (MediaType.JSON, MediaType.CSV, MediaType.OBJECT)
_ALIASES = {"application/vnd.pgrst.object": MediaType.OBJECT}


def negotiate(accept: str | None) -> MediaType:
    """The acceptable type of the highest quality; of equals the one named first. Raises NotAcceptable."""
    if accept is None or not accept.strip():
        return MediaType.JSON
    best: tuple[float, int] | None = None
    chosen = MediaType.JSON
    ranges = [_read(text) for text in accept.split(",")]
    for offered in _OFFERED:
        matching = [
            (specificity, quality, -place)
            for place, (kind, quality) in enumerate(ranges)
            if (specificity := _specificity(kind, offered)) > 0
        ]
        if not matching:
            continue
        _, quality, place = max(matching)
        if quality > 0 and (best is None or (quality, place) > best):
            best, chosen = (quality, place), offered
    if best is None:
        raise NotAcceptable(offered=", ".join(_OFFERED))
    return chosen


def _read(text: str) -> tuple[str, float]:
    """A media range and its quality; what can't be read, or has a parameter that isn't offered, accepts nothing."""
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            whole, _, fraction = value.partition(".")
            is_read = whole in {"0", "1"} and len(fraction) <= 3 and (not fraction or fraction.isdecimal())
            quality = float(value) if is_read and value.isascii() else 0.0
        elif (name, value.strip('"')) != ("charset", "utf-8") and name:
            return "", 0.0
    return kind, min(quality, 1.0)


def _specificity(kind: str, offered: MediaType) -> int:
    if kind == offered or _ALIASES.get(kind) is offered:
        return 3
    if kind == offered.partition("/")[0] + "/*":
        return 2
    return 1 if kind == "*/*" else 0
