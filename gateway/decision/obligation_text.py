"""The last column of a rule -> level, row filter text, obligations by name. Knows the grammar, not the names."""

from dataclasses import dataclass

from gateway.model.catalog import ObligationSpec

LEVEL, WHERE = "level", "where"


class ObligationTextInvalid(Exception):
    """The column can't be read. `fault` and `fix` for the officer."""

    def __init__(self, fault: str, fix: str) -> None:
        super().__init__(fault)
        self.fault = fault
        self.fix = fix


@dataclass(frozen=True, slots=True, kw_only=True)
class ObligationText:
    """What the column says."""

    level: str | None
    where: str | None
    others: tuple[ObligationSpec, ...]


def read_obligation_text(text: str) -> ObligationText:
    """`level=partial; k=10` in its parts; a `;` inside single quotes separates nothing.

    Raises ObligationTextInvalid.
    """
    level: str | None = None
    where: str | None = None
    others: list[ObligationSpec] = []
    for part in _split(text):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name == "" or (value == "" and (equals or name in {LEVEL, WHERE})):
            raise ObligationTextInvalid("an obligation is empty", "write name=value, separated by `;`")
        if name == LEVEL:
            if level is not None:
                raise ObligationTextInvalid("the level is said twice", "keep one `level=`")
            level = value
        elif name == WHERE:
            if where is not None:
                raise ObligationTextInvalid("the row filter is said twice", "join both with `and`")
            where = value
        else:
            others.append(ObligationSpec(name=name, value=value))
    return ObligationText(level=level, where=where, others=tuple(others))


def _split(text: str) -> list[str]:
    if text.strip() == "":
        return []
    parts = [""]
    is_quoted = False
    for character in text:
        if character == "'":
            is_quoted = not is_quoted
        if character == ";" and not is_quoted:
            parts.append("")
        else:
            parts[-1] += character
    if is_quoted:
        raise ObligationTextInvalid("a quote is not closed", "close it with '")
    return parts
