"""Proposed datasets and labels -> a department's catalogue file, with the confidence and the reasons as comments.

Comments hold what the rules found, never a value of the source.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import yaml

from gateway.administration.discovery.datasets import ProposedDataset, ProposedField
from gateway.administration.discovery.labelling import ELEMENTS, NOTICES, Proposal
from gateway.errors import Words
from gateway.model.catalog import FieldType, Title

Language = Literal["zh", "en"]
Labels = Mapping[str, Mapping[str, Proposal]]
"""By table and column."""

_LARGEST: Final = 1_000_000  # bytes of a file that the catalogue takes, with some to spare
_LONGEST_TITLE: Final = 500
_LONGEST_REASON: Final = 200
_SURE_FROM: Final = 0.8
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*")


def department_file(
    department: str, source: str, datasets: Sequence[ProposedDataset], labels: Labels, language: Language
) -> str:
    """The YAML; without its comments where it would be larger than the catalogue takes."""
    text = _file(department, source, datasets, labels, language)
    return text if len(text.encode()) <= _LARGEST else _file(department, source, datasets, labels, None)


def terms_used(datasets: Sequence[ProposedDataset], labels: Labels) -> tuple[str, ...]:
    """The terms that the file names, in order."""
    found = (_label(labels, dataset, field) for dataset in datasets for field in dataset.fields)
    return tuple(sorted({label.term for label in found if label is not None and label.term is not None}))


def terms_file(terms: Sequence[str]) -> str:
    """terms.yaml of these."""
    if not terms:
        return "{}  # the city's standard data elements: none yet\n"
    return "".join(f"{term}: {{zh: {quoted(_of(term).zh)}, en: {quoted(_of(term).en)}}}\n" for term in terms)


def reason_of(proposal: Proposal, language: Language) -> str:
    """The reasons and notices in one line."""
    index = 1 if language == "zh" else 0
    said: list[Words] = [*proposal.reasons[:3], *(NOTICES[notice] for notice in proposal.notices)]
    return ("；" if language == "zh" else "; ").join(words[index] for words in said)


def _of(term: str) -> Title:
    return ELEMENTS[term].title


def _label(labels: Labels, dataset: ProposedDataset, field: ProposedField) -> Proposal | None:
    return labels.get(dataset.table, {}).get(field.column)


def _file(
    department: str, source: str, datasets: Sequence[ProposedDataset], labels: Labels, language: Language | None
) -> str:
    lines = [
        "# Made from the source's own description. Terms and classes are proposals: read them before this serves.",
        f"department: {quoted(department)}",
        f"title: {title_of('', department)}",
        f"source: {quoted(source)}",
        "datasets:",
    ]
    for dataset in datasets:
        lines += [
            f"  {quoted(dataset.name)}:",
            f"    title: {title_of(dataset.comment, dataset.table)}",
            f"    table: {quoted(dataset.table)}",
            f"    key: [{', '.join(map(quoted, dataset.key))}]",
            *_people_and_places(dataset, labels),
            "    fields:",
            *(_field(field, _label(labels, dataset, field), language) for field in dataset.fields),
        ]
        if dataset.links:
            lines.append("    links:")
        for link in dataset.links:
            on = ", ".join(f"{quoted(here)}: {quoted(there)}" for here, there in link.on)
            one = ", one: true" if link.is_one else ""
            target = quoted(f"{department}.{link.to}")
            lines.append(f"      {quoted(link.name)}: {{to: {target}, on: {{{on}}}{one}}}")
    return "\n".join(lines) + "\n"


def _people_and_places(dataset: ProposedDataset, labels: Labels) -> list[str]:
    """The subject, where one column alone tells it. A region narrows what rows exist for whom: it is only suggested."""
    lines = []
    for key, term, lead in (("subject", "person.id_number", "    "), ("region", "region.community", "    # ")):
        fields = [field for field in dataset.fields if _is(field, _label(labels, dataset, field), term)]
        if len(fields) == 1:
            lines.append(f"{lead}{key}: {quoted(fields[0].name)}")
    return lines


def _is(field: ProposedField, label: Proposal | None, term: str) -> bool:
    return label is not None and label.term == term and label.confidence >= _SURE_FROM and field.type is FieldType.TEXT


def _field(field: ProposedField, label: Proposal | None, language: Language | None) -> str:
    column = "" if field.column == field.name else f"column: {quoted(field.column)}, "
    term = f"term: {label.term}, " if label is not None and label.term is not None else ""
    grade = "internal" if label is None else label.classification.value
    title = title_of(field.comment, field.column)
    if not field.comment.strip() and label is not None and label.term is not None and label.confidence >= _SURE_FROM:
        title = f"{{zh: {quoted(_of(label.term).zh)}, en: {quoted(_of(label.term).en)}}}"
    kind = quoted(field.type.value)
    line = f"      {quoted(field.name)}: {{{column}type: {kind}, {term}class: {grade}, title: {title}}}"
    return line if label is None or language is None else f"{line}{_comment(label, language)}"


def _comment(label: Proposal, language: Language) -> str:
    reason = reason_of(label, language)[:_LONGEST_REASON]
    if label.term is not None:
        return f"  # {label.confidence:.2f} {reason}"
    if label.likely is not None:
        return f"  # {'或为' if language == 'zh' else 'perhaps'} {label.likely}: {reason}"
    return f"  # {reason}" if label.notices else ""


def title_of(comment: str, name: str) -> str:
    """In both languages what the source says; a Chinese comment leaves the English title to the name."""
    told = " ".join("".join(character if character.isprintable() else " " for character in comment).split())
    told = told[:_LONGEST_TITLE] or name
    return f"{{zh: {quoted(told)}, en: {quoted(name if _HAN.search(told) else told)}}}"


def quoted(text: str) -> str:
    """A text as YAML reads it back, in quotes where it must be."""
    if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    return json.dumps(text, ensure_ascii=False)
