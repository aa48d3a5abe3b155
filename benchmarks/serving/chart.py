"""Requests a second as an SVG image: a panel for each question, a bar for each contender."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from benchmarks.serving.measure import Cells
from benchmarks.serving.questions import QUESTIONS
from benchmarks.serving.tables import OURS

_WIDTH, _LABEL, _BAR, _GAP, _TITLE = 760, 230, 16, 6, 34
_ROOM = 130  # for the figure behind the longest bar
_OURS, _THEIRS, _INK = "#b3362b", "#7a8ca0", "#222222"


def draw(cells: Cells, titles: Mapping[str, str], file: Path) -> None:
    """At sixteen connections, or the most below that; the whisker goes from the slowest round to the fastest."""
    counts = sorted({count for _, count, _ in cells})
    count = max(one for one in counts if one <= 16 or one == counts[0])
    parts: list[str] = []
    top = 10
    for case in dict.fromkeys(key[0] for key in cells):
        shown = {name: cell for (of, among, name), cell in cells.items() if (of, among) == (case, count)}
        parts.append(_text(10, top + 20, f"({case}) {QUESTIONS[case].title}; {count} connections, requests/s", "bold"))
        top += _TITLE
        scale = (_WIDTH - _LABEL - _ROOM) / max(cell.fastest for cell in shown.values())
        for name, cell in sorted(shown.items(), key=lambda pair: -pair[1].rate):
            parts += [
                _text(10, top + _BAR - 3, titles[name].replace("*", ""), "bold" if name == OURS else "normal"),
                _bar(top, cell.rate * scale, _OURS if name == OURS else _THEIRS),
                _whisker(top, cell.slowest * scale, cell.fastest * scale),
                _text(_LABEL + cell.fastest * scale + 6, top + _BAR - 3, f"{cell.rate:,.0f}", "normal"),
            ]
            top += _BAR + _GAP
        top += 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" '
        f'font-family="sans-serif" font-size="12" fill="{_INK}">'
    )
    background = f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>'
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join((head, background, *parts, "</svg>")) + "\n", encoding="utf-8")


def _bar(top: int, length: float, fill: str) -> str:
    return f'<rect x="{_LABEL}" y="{top}" width="{length:.1f}" height="{_BAR}" fill="{fill}"/>'


def _whisker(top: int, least: float, most: float) -> str:
    place = f'x1="{_LABEL + least:.1f}" x2="{_LABEL + most:.1f}" y1="{top + _BAR / 2}" y2="{top + _BAR / 2}"'
    return f'<line {place} stroke="{_INK}"/>'


def _text(left: float, base: float, text: str, weight: str) -> str:
    return f'<text x="{left:.1f}" y="{base}" font-weight="{weight}">{escape(text)}</text>'
