"""tuning.csv and held_out.csv -> labelled tables; and what the rules say of them, as precision and recall.

The rules were written while looking at the tuning set. The held-out set is measured, not tuned on.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gateway.administration.discovery.labelling import (
    UNSAMPLED,
    ColumnFacts,
    Places,
    Proposal,
    label_table,
    statistics_of,
)
from gateway.model.catalog import Classification, FieldType
from tests.discovery.content import cells

SETS = ("tuning", "held_out")
_HERE = Path(__file__).parent
_RANKS = list(Classification)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A column as somebody who knows it would label it. `term` "": no standard data element."""

    table: str
    table_comment: str
    column: str
    type: FieldType
    comment: str
    content: str
    term: str
    is_sensitive: bool  # its class is `sensitive` at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was said of one column."""

    labelled: Labelled
    proposal: Proposal

    @property
    def said(self) -> str:
        return self.proposal.term or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Of one term, or of all."""

    right: int
    said: int  # columns for which the term was proposed
    there: int  # columns that have it

    @property
    def precision(self) -> float:
        return self.right / self.said if self.said else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.there if self.there else 1.0


def read_set(name: str) -> tuple[Labelled, ...]:
    with (_HERE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return tuple(
        Labelled(
            table=row["table"],
            table_comment=row["table_comment"],
            column=row["column"],
            type=FieldType(row["type"]),
            comment=row["comment"],
            content=row["content"],
            term=row["term"],
            is_sensitive=row["sensitive"] == "yes",
        )
        for row in rows
    )


@lru_cache(maxsize=1)
def places() -> Places:
    return Places.of((_HERE.parents[1] / "policies" / "regions.csv").read_text(encoding="utf-8"))


def outcomes(labelled: Sequence[Labelled], *, is_sampled: bool, seed: int) -> tuple[Outcome, ...]:
    """Table by table, as discovery does it."""
    tables: dict[str, list[Labelled]] = {}
    for column in labelled:
        tables.setdefault(column.table, []).append(column)
    found: list[Outcome] = []
    for table, columns in tables.items():
        facts = [
            ColumnFacts(
                name=column.column,
                type=column.type,
                comment=column.comment,
                statistics=statistics_of(cells(column.content, seed + number), places()) if is_sampled else UNSAMPLED,
            )
            for number, column in enumerate(columns)
        ]
        proposals = label_table(table, columns[0].table_comment, facts)
        found += [
            Outcome(labelled=column, proposal=proposal) for column, proposal in zip(columns, proposals, strict=True)
        ]
    return tuple(found)


def overall(found: Sequence[Outcome]) -> Score:
    """Of the terms together."""
    return Score(
        right=sum(outcome.said == outcome.labelled.term != "" for outcome in found),
        said=sum(outcome.said != "" for outcome in found),
        there=sum(outcome.labelled.term != "" for outcome in found),
    )


def by_term(found: Sequence[Outcome]) -> Mapping[str, Score]:
    terms = sorted({outcome.said for outcome in found} | {outcome.labelled.term for outcome in found} - {""})
    return {
        term: Score(
            right=sum(outcome.said == term == outcome.labelled.term for outcome in found),
            said=sum(outcome.said == term for outcome in found),
            there=sum(outcome.labelled.term == term for outcome in found),
        )
        for term in terms
        if term
    }


def sensitive(found: Sequence[Outcome]) -> Score:
    """Of the class: columns that hold sensitive data, and those classed so."""
    return Score(
        right=sum(outcome.labelled.is_sensitive and _is_sensitive(outcome) for outcome in found),
        said=sum(_is_sensitive(outcome) for outcome in found),
        there=sum(outcome.labelled.is_sensitive for outcome in found),
    )


def _is_sensitive(outcome: Outcome) -> bool:
    return _RANKS.index(outcome.proposal.classification) >= _RANKS.index(Classification.SENSITIVE)
