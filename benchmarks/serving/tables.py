"""What was measured -> Markdown."""

import statistics
from collections.abc import Sequence

from benchmarks.serving.measure import Cell, Cells
from benchmarks.serving.questions import QUESTIONS

OURS = "langqiao"


def serving_tables(cells: Cells, titles: dict[str, str]) -> list[str]:
    """A table for each question: contenders by numbers of connections, each with Langqiao's share of its rate."""
    parts: list[str] = []
    for case in dict.fromkeys(key[0] for key in cells):
        parts += ["", f"**({case}) {QUESTIONS[case].title}**", ""]
        parts += [
            "| at once | contender | requests/s (min..max) | p50 ms | p99 ms | server µs | database µs | ours/it |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for count in dict.fromkeys(key[1] for key in cells if key[0] == case):
            row = {name: cell for (of, among, name), cell in cells.items() if (of, among) == (case, count)}
            ours = row.get(OURS)
            parts += [_line(count, titles.get(name, name), cell, ours) for name, cell in row.items()]
    return parts


def _line(count: int, title: str, cell: Cell, ours: Cell | None) -> str:
    server, database = (statistics.median(values) for values in (cell.server, cell.database))
    told = (
        str(count), title, f"{cell.rate:,.0f} ({cell.slowest:,.0f}..{cell.fastest:,.0f})", f"{cell.middle('p50'):.2f}",
        f"{cell.middle('p99'):.2f}", "–" if server == 0 else f"{server:,.0f}", f"{database:,.0f}", ratio(ours, cell),
    )  # fmt: skip
    return f"| {' | '.join(told)} |"


def ratio(ours: Cell | None, cell: Cell) -> str:
    """Langqiao's rate by that of another, round by round: the median, and from the least to the most."""
    if ours is None or ours is cell:
        return ""
    shares: Sequence[float] = [mine.rate / its.rate for mine, its in zip(ours.loads, cell.loads, strict=True)]
    return f"{statistics.median(shares):.2f} ({min(shares):.2f}..{max(shares):.2f})"
