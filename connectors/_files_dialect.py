"""How the files of a source are written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """Of its CSV: an unquoted `null` is NULL, a quoted one a text. Of its Excel: the sheet ("": the first), the header.

    A file that changed less than `settle_seconds` ago may still be being written.
    """

    delimiter: str = ","
    quote: str = '"'
    null: str = ""
    encoding: str = "utf-8"
    sheet: str = ""
    header_row: int = 1
    settle_seconds: float = 1.0
