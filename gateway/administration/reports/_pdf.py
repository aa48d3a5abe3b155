"""PDF by Typst. The report goes in as data and not as markup: nothing in it is run."""

import json
from typing import Any

from gateway.administration.reports._model import Report
from gateway.administration.reports._wording import NOTHING, PROMISE, plain, standing_lines
from gateway.errors import ReportFormatMissing, ReportTooLarge

MOST_ROWS = 5_000
"""Some seconds of work; more is for a spreadsheet."""
_CHINESE = (
    "Noto Sans CJK SC", "Noto Serif CJK SC", "Source Han Sans SC", "Source Han Serif SC", "WenQuanYi Micro Hei",
    "Microsoft YaHei", "SimSun",
)  # fmt: skip
_TEMPLATE = """
#let report = json(bytes(sys.inputs.report))
#set document(title: report.title)
#set text(font: report.fonts, size: 9pt, lang: report.language)
#set page(paper: "a4", flipped: report.wide, margin: 1.8cm,
  footer: context [
    #set text(7.5pt, fill: luma(40%)); #report.title #h(1fr) #counter(page).display("1 / 1", both: true)])
#text(15pt, weight: "bold", report.title)
#line(length: 100%, stroke: 1.5pt + rgb("#1f5d8c"))
#grid(columns: (auto, 1fr), column-gutter: 1em, row-gutter: 0.5em,
  ..report.facts.map(fact => (text(fill: luma(40%), fact.at(0)), fact.at(1))).flatten())
#for table_ in report.tables [
  #if report.tables.len() > 1 { heading(level: 2, table_.title) } else { v(0.6em) }
  #if table_.rows.len() == 0 [ #report.nothing ] else {
    table(columns: table_.widths.map(width => width * 1fr), stroke: (x, y) => (bottom: 0.4pt + luma(80%)),
      align: (x, y) => if table_.numeric.at(x) { right } else { left },
      table.header(..table_.columns.map(column => text(weight: "bold", column))),
      ..table_.rows.flatten())
  }
]
#v(1em)
#text(7.5pt, fill: luma(40%), report.promise)
"""


def write_pdf(report: Report) -> bytes:
    """The document's bytes; raises ReportTooLarge; ReportFormatMissing without Typst or a font for Chinese."""
    if sum(len(table.rows) for table in report.tables) > MOST_ROWS:
        raise ReportTooLarge(what=("rows of a PDF", "PDF 行数"), limit=MOST_ROWS)
    try:
        import typst
    except ImportError:
        missing = ("the extra `reports` is not installed", "未安装扩展 `reports`")
        raise ReportFormatMissing(format="pdf", missing=missing) from None
    families = set(typst.Fonts().families())
    fonts = [family for family in _CHINESE if family in families]
    if not fonts:
        missing = ("no font for Chinese, such as fonts-noto-cjk", "没有中文字体，例如 fonts-noto-cjk")
        raise ReportFormatMissing(format="pdf", missing=missing)
    made = typst.compile(
        _TEMPLATE.encode(), format="pdf", sys_inputs={"report": json.dumps(_data(report, fonts), ensure_ascii=False)}
    )
    if not isinstance(made, bytes):
        raise ReportFormatMissing(format="pdf", missing=("Typst made no document", "Typst 未生成文件"))
    return made


def _data(report: Report, fonts: list[str]) -> dict[str, Any]:
    language = report.standing.language
    return {
        "title": report.title,
        "language": language,
        "fonts": fonts,
        "wide": any(len(table.columns) > 6 for table in report.tables),
        "facts": [[name, plain(value)] for name, value in standing_lines(report)],
        "promise": PROMISE[language],
        "nothing": NOTHING[language],
        "tables": [
            {
                "title": table.title[language],
                "columns": [column[language] for column in table.columns],
                "widths": [_width([str(row[place]) for row in table.rows]) for place in range(len(table.columns))],
                "numeric": [
                    all(isinstance(row[place], int) for row in table.rows) for place in range(len(table.columns))
                ],
                "rows": [[_breakable(plain(cell)) for cell in row] for row in table.rows],
            }
            for table in report.tables
        ],
    }


def _width(cells: list[str]) -> int:
    """Wider for longer text, within reason."""
    longest = max((len(cell) for cell in cells[:200]), default=1)
    return min(30, max(6, longest))


def _breakable(text: str) -> str:
    """With places to break a line in names without spaces."""
    for mark in "._-/,":
        text = text.replace(mark, f"{mark}\u200b")
    return text
