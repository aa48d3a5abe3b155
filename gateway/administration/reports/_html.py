"""One HTML page that needs nothing else: no script, no link, no picture."""

from html import escape

from gateway.administration.reports._model import Report, Table
from gateway.administration.reports._wording import NOTHING, PROMISE, plain, standing_lines
from gateway.errors import Language

_STYLE = """
:root { color-scheme: light; font-family: system-ui, "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1.5rem; color: #1d2733; line-height: 1.5; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; border-bottom: 3px solid #1f5d8c; padding-bottom: .5rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; font-size: .9rem; }
dt { color: #5a6a7a; } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; font-size: .9rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #d9e0e6; }
td { vertical-align: top; overflow-wrap: break-word; }
th { background: #eef3f7; white-space: nowrap; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.n { text-align: right; }
footer { margin-top: 2rem; font-size: .8rem; color: #5a6a7a; }
@media print { body { margin: 0; max-width: none; } thead { display: table-header-group; } tr { break-inside: avoid; } }
"""


def write_html(report: Report) -> bytes:
    """The page, UTF-8."""
    language = report.standing.language
    facts = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in standing_lines(report))
    tables = "\n".join(_table(table, language, is_only=len(report.tables) == 1) for table in report.tables)
    tongue = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{tongue}">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(report.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{_text(report.title)}</h1>\n<dl>{facts}</dl>\n{tables}\n"
        f"<footer>{_text(PROMISE[language])}</footer>\n</body>\n</html>\n"
    ).encode()


def _table(table: Table, language: Language, *, is_only: bool) -> str:
    title = "" if is_only else f"<h2>{_text(table.title[language])}</h2>\n"
    if not table.rows:
        return f"{title}<p>{_text(NOTHING[language])}</p>"
    numeric = [all(isinstance(row[place], int) for row in table.rows) for place in range(len(table.columns))]
    marks = [' class="n"' if is_number else "" for is_number in numeric]
    head = "".join(f"<th{mark}>{_text(one[language])}</th>" for mark, one in zip(marks, table.columns, strict=True))
    rows = "\n".join(
        "<tr>" + "".join(f"<td{mark}>{_text(str(cell))}</td>" for mark, cell in zip(marks, row, strict=True)) + "</tr>"
        for row in table.rows
    )
    return f"{title}<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>"


def _text(text: str) -> str:
    return escape(plain(text), quote=True)
