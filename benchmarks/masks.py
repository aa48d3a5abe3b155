"""Masks over a column of a million values, beside what other libraries do for the same column, in the same run."""

import argparse
import hashlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from joserfc.jwk import ECKey

from benchmarks.mask_cases import Case, cases
from benchmarks.report import write_section
from gateway.keys.jwe import TerminalPublicKey
from gateway.keys.purpose_keys import PurposeKeys
from gateway.masks import mask_array
from gateway.masks._apply import masked_as_array
from gateway.model.ids import PurposeId
from gateway.spi import MaskContext

SIZES = (1, 10, 50, 1_000, 10_000)
INTRODUCTION = (
    "Values per second of processor time, in millions: medians of rounds in which the array, each value by itself,",
    "and the other take turns. The other does less than the mask: it looks at no shape, and has no key but where told.",
    "`1 in 100`: so many values have another length or no shape at all. Slow ways are measured on fewer values.",
)
Work = Callable[[], object]


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--values", type=int, default=1_000_000, help="values of a column")
    parser.add_argument("--rounds", type=int, default=5, help="times that each is measured")


def run(options: argparse.Namespace) -> str:
    """Measure and write the section."""
    context = make_context()
    rows = [measure(case, context, options.rounds) for case in cases(options.values)]
    once = {case.name: case for case in cases(SIZES[-1])}  # a column beside two others is measured once
    small = [row for case in once.values() for row in measure_sizes(case, context)]
    text = "\n".join(
        [
            *INTRODUCTION,
            "",
            "| kind and column | array | value by value | the other | array : other | the other is |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            "Lists, as a page of an answer has them: microseconds for so many values, as an array (there and back)",
            "and value by value; what `mask_values` takes by itself is in bold.",
            "",
            f"| kind | {' | '.join(f'{size:,}' for size in SIZES)} |",
            f"| --- |{' --- |' * len(SIZES)}",
            *small,
        ]
    )
    command = f'make bench ARGS="masks --values {options.values} --rounds {options.rounds}"'
    return write_section("Masks", command, text, libraries=("pyarrow", "numpy", "cryptography", "ff3", "joserfc"))


def measure(case: Case, context: MaskContext, rounds: int) -> str:
    """One row of the table."""
    count = len(case.column)
    few = case.column[: min(count, 10_000)]
    values = few.to_pylist()
    others = case.column[: min(count, case.slow)]
    whole = replace(context, people=people(count)) if case.mask.needs_person else context
    part = replace(context, people=people(len(few))) if case.mask.needs_person else context
    timed = take_turns(
        [
            (count, lambda: mask_array(case.mask, case.column, whole)),
            (len(few), lambda: case.mask.apply(values, part)),
            (len(others), lambda: case.other(others)),
        ],
        rounds,
    )
    ours, single, other = (size / statistics.median(seconds) / 1e6 for size, seconds in timed)
    return f"| {case.name} | {ours:.3g} | {single:.2g} | {other:.2g} | {ours / other:.2g} | {case.other_name} |"


def measure_sizes(case: Case, context: MaskContext) -> Iterator[str]:
    """One row of the second table; nothing for a mask or a type of value without a columnar form."""
    cells = []
    for size in SIZES:
        values = case.column[:size].to_pylist()
        here = replace(context, people=people(size)) if case.mask.needs_person else context
        if masked_as_array(case.mask, values, here) is None:
            return
        repeats = max(1, 500 // size)
        works = (partial(masked_as_array, case.mask, values, here), partial(case.mask.apply, values, here))
        timed = take_turns([(repeats, partial(repeat, work, repeats)) for work in works], 3)
        array, single = (statistics.median(seconds) / times * 1e6 for times, seconds in timed)
        is_array = size >= case.mask.columns_from
        left, right = f"{array:,.0f}", f"{single:,.0f}"
        cells.append(f"**{left}** / {right}" if is_array else f"{left} / **{right}**")
    yield f"| {case.name} | {' | '.join(cells)} |"


def repeat(work: Work, times: int) -> None:
    """The work so many times."""
    for _ in range(times):
        work()


def take_turns(works: Sequence[tuple[int, Work]], rounds: int) -> list[tuple[int, list[float]]]:
    """Each in turn, so often; the first turn isn't counted."""
    timed: list[tuple[int, list[float]]] = [(size, []) for size, _ in works]
    for number in range(rounds + 1):
        for (_, seconds), (_, work) in zip(timed, works, strict=True):
            begun = time.process_time()
            work()
            if number:
                seconds.append(time.process_time() - begun)
    return timed


def make_context() -> MaskContext:
    """Keys and a terminal that stay the same."""
    terminal = TerminalPublicKey.read(ECKey.generate_key("P-256").as_dict(private=False))
    return MaskContext(keys=keys(), today=date(2026, 11, 24), terminal=terminal)


def keys() -> PurposeKeys:
    """Keys of a purpose."""
    return PurposeKeys(
        purpose=PurposeId("statistics"),
        token_version=1,
        national=frozenset(),
        derive=lambda use, info: hashlib.sha256(f"{use}/{info}".encode()).digest(),
    )


def people(count: int) -> list[str | None]:
    """Whom the rows are about."""
    return [f"{number % 100_000:018d}" for number in range(count)]
