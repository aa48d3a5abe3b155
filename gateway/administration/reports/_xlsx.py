"""An Excel workbook: a sheet for each table, and one on what they stand on. Text is text: no formula, no link."""

import io

from gateway.administration.reports._model import Report
from gateway.administration.reports._wording import PROMISE, plain, standing_lines

_LONGEST_CELL = 32_767  # of Excel
_WIDEST = 60


def write_xlsx(report: Report) -> bytes:
    """The workbook's bytes."""
    from xlsxwriter import Workbook  # slow to import, and seldom wanted

    language, out = report.standing.language, io.BytesIO()
    options = {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    }  # fmt: skip
    with Workbook(out, options) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        for table in report.tables:
            sheet = book.add_worksheet(table.title[language][:31])
            sheet.freeze_panes(1, 0)
            for place, column in enumerate(table.columns):
                sheet.write_string(0, place, column[language], bold)
            for number, row in enumerate(table.rows, 1):
                for place, cell in enumerate(row):
                    if isinstance(cell, int):
                        sheet.write_number(number, place, cell)
                    else:
                        sheet.write_string(number, place, plain(cell)[:_LONGEST_CELL])
            for place, column in enumerate(table.columns):
                cells = [column[language], *(str(row[place]) for row in table.rows[:200])]
                sheet.set_column(place, place, min(_WIDEST, max(map(_width, cells)) + 2))
        about = book.add_worksheet("about" if language == "en" else "说明")
        about.set_column(0, 0, 18)
        for number, (name, value) in enumerate((("", report.title), *standing_lines(report), ("", PROMISE[language]))):
            about.write_string(number, 0, name, bold)
            about.write_string(number, 1, plain(value))
    return out.getvalue()


def _width(text: str) -> int:
    """In letters of the Latin alphabet: those of Chinese take two."""
    return sum(2 if letter > "\u2e7f" else 1 for letter in text)
