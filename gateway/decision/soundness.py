"""A bundle's model and rules -> the judge, or every problem at once.

Before it is handed out the judge's index is tried against pycasbin's whole matcher on samples of the policy's names.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from math import prod
from pathlib import Path
from typing import Any

from gateway.decision.hierarchy import ROOT_REGION, Hierarchies, build_hierarchies
from gateway.decision.judge import Circumstances, Judge
from gateway.decision.libraries import check_libraries
from gateway.decision.mask_fit import MaskFit, build_masks
from gateway.decision.model_conf import read_model
from gateway.decision.rules import load_rules
from gateway.decision.vocabulary import build_vocabulary
from gateway.errors import BundleInvalid, BundleProblem, Defect
from gateway.model.catalog import Catalog
from gateway.obligations import parse_obligation

_SAMPLES, _SAMPLE_EVALUATIONS = 64, 4_000
_SAMPLE_INSTANT = datetime(2026, 7, 1, tzinfo=UTC)


def build(bundle: Path, catalog: Catalog) -> tuple[Judge, Hierarchies]:
    """The judge of the bundle; raises BundleInvalid, SettingsInvalid, and Defect where the self-test fails."""
    check_libraries()
    hierarchies, problems = build_hierarchies(catalog)
    vocabulary = build_vocabulary(catalog, hierarchies)
    fit, mask_problems = build_masks(catalog)
    model, model_problems = read_model(bundle)
    rules, conditions, rule_problems = load_rules(bundle, vocabulary, fit)
    found = (
        *problems,
        *mask_problems,
        *_ceiling_problems(catalog, fit),
        *_obligation_problems(catalog),
        *model_problems,
        *rule_problems,
    )
    if found:
        raise BundleInvalid(problems=tuple(sorted(found, key=lambda each: (each.file, each.line))))
    judge = Judge(model, rules, hierarchies, conditions)
    _try_out(judge, hierarchies)
    return judge, hierarchies


def _ceiling_problems(catalog: Catalog, fit: MaskFit) -> Iterable[BundleProblem]:
    """A ceiling may fall on any field, so its mask must take every type."""
    reached = [(dataset, field) for dataset in catalog.datasets.values() for field in dataset.fields.values()]
    declared = [
        *(("purposes.yaml", f"the purpose `{each.id}`", each.ceiling) for each in catalog.purposes.values()),
        *(("apps.yaml", f"the app `{each.id}`", each.ceiling) for each in catalog.apps.values()),
    ]
    for file, whose, ceiling in declared:
        if ceiling is None:
            continue
        if ceiling not in catalog.masks:
            yield BundleProblem(file=file, line=0, fault=f"{whose} names an unknown mask", fix="name one of masks.yaml")
            continue
        for sentence in fit.misfits(ceiling, reached):
            yield BundleProblem(
                file=file, line=0, fault=f"{whose}: {sentence}", fix="name a mask whose `otherwise` takes every type"
            )


def _obligation_problems(catalog: Catalog) -> Iterable[BundleProblem]:
    for purpose in catalog.purposes.values():
        for spec in purpose.obligations:
            try:
                parse_obligation(spec)
            except ValueError as wrong:
                yield BundleProblem(
                    file="purposes.yaml",
                    line=0,
                    fault=f"the obligation `{spec.name}` of the purpose `{purpose.id}` can't be taken: {wrong}",
                    fix="mend its name or value",
                )


def _try_out(judge: Judge, hierarchies: Hierarchies) -> None:
    """Hold the index against Casbin's whole matcher; raises Defect at the first difference.

    For spread combinations of the policy's names: every rule that the index found, and a spread of those it left out.
    """
    columns: list[list[Any]] = [
        sorted(hierarchies.roles.above),
        sorted(hierarchies.purposes.above),
        sorted(hierarchies.apps.above),
        sorted({(rule.obj, rule.act) for rule in judge.rules}),
    ]
    matcher, rows = judge.index.matcher, judge.index.rows
    step = max(1, len(rows) * _SAMPLES // _SAMPLE_EVALUATIONS)
    ctx = Circumstances(attributes={})
    for number, (sub, pur, app, (obj, act)) in enumerate(_spread(columns, _SAMPLES)):
        values = (sub, app, "", obj, act, pur, ROOT_REGION, _SAMPLE_INSTANT, ctx)
        found = frozenset(judge.index.matched(*values))
        for position in found.union(range(number % step, len(rows), step)):
            if matcher.matches(values, rows[position]) != (position in found):
                raise Defect(operator=f"the index differs from Casbin on {sub} {pur} {app} {obj} {act}")


def _spread(columns: list[list[Any]], samples: int) -> Iterator[tuple[Any, ...]]:
    """Evenly spread combinations, without walking all of them."""
    total = prod(len(column) for column in columns)
    for step in range(min(samples, total)):
        place = step * total // samples
        chosen = []
        for column in reversed(columns):
            place, index = divmod(place, len(column))
            chosen.append(column[index])
        yield tuple(reversed(chosen))
