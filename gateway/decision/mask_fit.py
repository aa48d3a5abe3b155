"""Whether the masks that policy declares can be built, and treat the fields that they may meet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from gateway.errors import BundleProblem
from gateway.masks import build_mask
from gateway.model.catalog import Catalog, Dataset, Field
from gateway.model.ids import TermName
from gateway.spi import Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskFit:
    """The built masks: for each name, by term and otherwise (key None)."""

    built: Mapping[str, Mapping[TermName | None, Mask]]

    def misfits(self, mask: str, reached: Iterable[tuple[Dataset, Field]]) -> list[str]:
        """A sentence for each field among `reached` whose values the mask can't treat."""
        kinds = self.built.get(mask, {})
        found = []
        for dataset, field in reached:
            kind = kinds.get(field.term, kinds.get(None))
            if kind is None or not kind.accepts(field.type):
                found.append(
                    f"the mask `{mask}` can't treat `{dataset.name}.{field.name}`, which is {field.type.value}"
                )
        return found


def build_masks(catalog: Catalog) -> tuple[MaskFit, tuple[BundleProblem, ...]]:
    """Every declared mask built once, with the declarations that can't be, and those that belie their ranks."""
    built: dict[str, dict[TermName | None, Mask]] = {}
    problems: list[BundleProblem] = []
    for name, declaration in catalog.masks.items():
        kinds = built.setdefault(name, {})
        for term, choice in (*declaration.by_term.items(), (None, declaration.otherwise)):
            try:
                kinds[term] = build_mask(choice)
            except ValueError as wrong:
                where = f"for `{term}`" if term is not None else "otherwise"
                problems.append(
                    BundleProblem(
                        file="masks.yaml",
                        line=0,
                        fault=f"the mask `{name}` can't be built {where}: {wrong}",
                        fix="mend its kind or parameters",
                    )
                )
    return MaskFit(built=built), (*problems, *_misordered(catalog, built))


def _misordered(catalog: Catalog, built: Mapping[str, Mapping[TermName | None, Mask]]) -> Iterable[BundleProblem]:
    """Of two masks the one with the higher rank is the stricter, so it may hide no term less than the other."""
    ranked = sorted(catalog.masks.values(), key=lambda declaration: declaration.rank)
    for laxer, stricter in pairwise(ranked):
        less, more = built[laxer.name], built[stricter.name]
        for term in sorted({*less, *more}, key=lambda term: term or ""):
            low, high = less.get(term, less.get(None)), more.get(term, more.get(None))
            if low is not None and high is not None and high.hides < low.hides:
                yield BundleProblem(
                    file="masks.yaml",
                    line=0,
                    fault=(
                        f"the mask `{stricter.name}` (rank {stricter.rank}) hides "
                        f"{f'`{term}`' if term is not None else 'other terms'} less ({high.hides}) than "
                        f"`{laxer.name}` (rank {laxer.rank}) does ({low.hides})"
                    ),
                    fix="change the ranks, or give the term in the stricter mask a kind that hides as much",
                )
