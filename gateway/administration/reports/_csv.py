"""CSV (RFC 4180) that a spreadsheet opens: UTF-8 with its mark, and no cell that it would take for a formula."""

import csv
import io

from gateway.administration.reports._model import Cell, Report
from gateway.administration.reports._wording import plain

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write_csv(report: Report) -> bytes:
    """Each table under its title, with an empty line between."""
    language, out = report.standing.language, io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    for place, table in enumerate(report.tables):
        if place:
            writer.writerow([])
        if len(report.tables) > 1:
            writer.writerow([inert(table.title[language])])
        writer.writerow([inert(column[language]) for column in table.columns])
        writer.writerows([inert(cell) for cell in row] for row in table.rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def inert(cell: Cell) -> str:
    """The cell; with an apostrophe before what a spreadsheet would run. A lone dash is nothing to run."""
    text = str(cell)
    dangerous = text.startswith(_STARTS) or text.lstrip().startswith(_STARTS[:4])
    # looked at before control characters are taken out as well as after
    shown = plain(cell)
    if shown == "-" or isinstance(cell, int):
        return shown
    return f"'{shown}" if dangerous or shown.startswith(_STARTS) else shown
