"""How discovery speaks: a table for each table of the source, drift in lines, both as JSON too.

Names and comments come from the source: they are shown as plain text, without control characters, cut to a length.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import typer
from rich.table import Table
from rich.text import Text

from gateway.administration.discovery import Drift, Language, Proposal, Surveyed, reason_of
from gateway.cli.terminal import out
from gateway.spi import ForeignKey

_LONGEST: Final = 60
_STYLES: Final = {"sensitive": "red", "core": "bold red", "public": "green"}
_HEADS: Final = {
    "zh": ("列", "类型", "标准数据元", "分级", "置信度", "依据"),
    "en": ("column", "type", "term", "class", "sure", "why"),
}
_SUMMARY: Final = {
    "zh": "{} 个表、{} 列：{} 列建议标准数据元，{} 列建议为敏感，{} 列请人工查看",
    "en": "{} tables, {} columns: a term for {}, {} sensitive, {} to look at",
}


@dataclass(slots=True)
class Shown:
    """Shows each table as it comes; nothing is kept."""

    language: Language
    as_json: bool = False
    is_quiet: bool = False

    def table(self, surveyed: Surveyed) -> None:
        """One table: a line of JSON, or a table for people."""
        if self.is_quiet:
            return
        if self.as_json:
            typer.echo(json.dumps(table_as_json(surveyed, self.language), ensure_ascii=False))
            return
        out.print(_drawn(surveyed, self.language))


def plain(text: str, longest: int = _LONGEST) -> str:
    """A source's text, fit for a terminal."""
    told = "".join(sign if sign.isprintable() else " " for sign in text)
    return told if len(told) <= longest else f"{told[: longest - 1]}…"


def table_as_json(surveyed: Surveyed, language: Language) -> Mapping[str, object]:
    """Structure and proposals; no value of the source."""
    table = surveyed.described
    comments = dict(table.comments)
    return {
        "table": table.table,
        "comment": table.comment,
        "view": table.is_view,
        "rows": surveyed.rows,
        "rows_exact": surveyed.is_exact,
        "sampled": surveyed.sampled,
        "note": _said(surveyed.note, language),
        "key": list(table.key),
        "unique": [list(columns) for columns in table.unique],
        "foreign_keys": [
            {"name": one.name, "columns": list(one.columns), "to": one.to, "to_columns": list(one.to_columns)}
            for one in table.foreign_keys
        ],
        "columns": [
            {
                "name": name,
                "type": kind.value,
                "nullable": name in table.nullable,
                "comment": comments.get(name, ""),
                **_proposal_as_json(surveyed.proposals[name], language),
            }
            for name, kind in table.columns
        ],
    }


def _proposal_as_json(proposal: Proposal, language: Language) -> Mapping[str, object]:
    return {
        "term": proposal.term,
        "class": proposal.classification.value,
        "confidence": proposal.confidence if proposal.term is not None else None,
        "perhaps": proposal.likely,
        "reasons": [_said(reason, language) for reason in proposal.reasons],
        "notices": [notice.value for notice in proposal.notices],
    }


def _said(words: tuple[str, str] | None, language: Language) -> str | None:
    return None if words is None else words[1 if language == "zh" else 0]


def _drawn(surveyed: Surveyed, language: Language) -> Table:
    described = surveyed.described
    rows = "?" if surveyed.rows is None else f"{'' if surveyed.is_exact else '~'}{surveyed.rows:,}"
    head = [plain(described.table), plain(described.comment), f"{rows} {'行' if language == 'zh' else 'rows'}"]
    if surveyed.note is not None:
        head.append(_said(surveyed.note, language) or "")
    drawn = Table(title=Text("  ".join(part for part in head if part)), title_justify="left", expand=False)
    for name in _HEADS[language]:
        drawn.add_column(name, overflow="fold")
    comments, references = dict(described.comments), _references(described.foreign_keys)
    for name, kind in described.columns:
        proposal = surveyed.proposals[name]
        mark = "*" if name in described.key else ""
        grade = proposal.classification.value
        term = proposal.term or (f"? {proposal.likely}" if proposal.likely else "")
        drawn.add_row(
            Text(
                " ".join(
                    part
                    for part in (mark + plain(name), plain(comments.get(name, ""), 24), references.get(name))
                    if part
                )
            ),
            Text(kind.value),
            Text(term),
            Text(grade, style=_STYLES.get(grade, "")),
            Text(f"{proposal.confidence:.2f}" if proposal.term else ""),
            Text(plain(reason_of(proposal, language), 160)),
        )
    return drawn


def _references(keys: Sequence[ForeignKey]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key in keys:
        for column in key.columns:
            found.setdefault(column, f"→{plain(key.to, 30)}")
    return found


def print_summary(surveyed: Sequence[Surveyed], language: Language) -> None:
    """How much was found, in one line."""
    proposals = [proposal for table in surveyed for proposal in table.proposals.values()]
    termed = sum(proposal.term is not None for proposal in proposals)
    high = sum(proposal.classification.value == "sensitive" for proposal in proposals)
    noticed = sum(bool(proposal.notices) for proposal in proposals)
    counts = (len(surveyed), len(proposals), termed, high, noticed)
    shape = _SUMMARY[language]
    told = shape.format(*counts)
    out.print(told, highlight=False, markup=False, soft_wrap=True)


def print_drift(drift: Sequence[Drift], language: Language) -> None:
    """One line a difference; nothing but a word where there is none."""
    if not drift:
        out.print("无差异 no drift" if language == "zh" else "no drift", highlight=False)
        return
    for one in drift:
        place = plain(one.table) if one.column is None else f"{plain(one.table)}.{plain(one.column)}"
        line = f"{one.kind.value:<14} {place}  {_said(one.told, language)}"
        out.print(line, highlight=False, markup=False, soft_wrap=True)


def print_drift_json(drift: Sequence[Drift], language: Language) -> None:
    """The differences as one JSON document."""
    listed = [
        {
            "kind": one.kind.value,
            "table": one.table,
            "column": one.column,
            "dataset": one.dataset,
            "field": one.field,
            "told": _said(one.told, language),
        }
        for one in drift
    ]
    typer.echo(json.dumps({"drift": listed}, ensure_ascii=False))
