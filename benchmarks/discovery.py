"""How well discovery labels columns: precision and recall on a tuning set and a held-out one, sampled and not."""

import argparse
from collections.abc import Sequence

from benchmarks.report import write_section
from tests.discovery.labelled import SETS, Outcome, Score, by_term, outcomes, overall, read_set, sensitive

INTRODUCTION = (
    "Labelled columns (tests/discovery): police, civil affairs, health, insurance, taxes, transport, education,",
    "housing, environment, market regulation. The rules were written while looking at the tuning set; the held-out",
    "set was written after they were frozen, about half of it from names and comments of public schemas. Precision:",
    "of the columns given a term, how many have it. Recall: of the columns that have a term, how many were given it.",
    "A term counts only where it is the very term. `sensitive`: the same of the class, term or no term.",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command line may change."""
    parser.add_argument("--seed", type=int, default=2026, help="of the made-up content")


def run(options: argparse.Namespace) -> str:
    """Measure both sets and write the section."""
    found = {
        (name, is_sampled): outcomes(read_set(name), is_sampled=is_sampled, seed=options.seed)
        for name in SETS
        for is_sampled in (True, False)
    }
    lines = [
        *INTRODUCTION,
        "",
        "| set | columns | with a term | samples | precision | recall | sensitive precision | sensitive recall |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (name, is_sampled), outcome in found.items():
        score, grade = overall(outcome), sensitive(outcome)
        lines.append(
            f"| {name.replace('_', '-')} | {len(outcome)} | {score.there} | {'yes' if is_sampled else 'no'} "
            f"| {score.precision:.3f} | {score.recall:.3f} | {grade.precision:.3f} | {grade.recall:.3f} |"
        )
    lines += [
        "",
        "Each term: right / proposed / there (precision, recall), with samples.",
        "",
        "| term | held-out | tuning | held-out without samples |",
        "| --- | --- | --- | --- |",
    ]
    columns = [found["held_out", True], found["tuning", True], found["held_out", False]]
    lines += _terms(columns)
    return write_section("Discovery", f'make bench ARGS="discovery --seed {options.seed}"', "\n".join(lines))


def _terms(columns: Sequence[Sequence[Outcome]]) -> list[str]:
    scores = [by_term(column) for column in columns]
    terms = sorted(set().union(*scores))
    return [f"| {term} | {' | '.join(_told(score.get(term)) for score in scores)} |" for term in terms]


def _told(score: Score | None) -> str:
    if score is None:
        return "-"
    return f"{score.right} / {score.said} / {score.there} ({score.precision:.2f}, {score.recall:.2f})"
