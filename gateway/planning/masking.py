"""A field's verdict -> the mask that it must pass, and whether the source can compute it."""

from gateway.catalog.storage import keeps_text
from gateway.errors import Defect
from gateway.masks import build_mask
from gateway.model.catalog import Catalog, Field, MaskChoice
from gateway.model.decision import FieldVerdict, Verdict
from gateway.model.plan import PlannedMask
from gateway.model.sqlform import SqlForm
from gateway.spi import Mask

_HIDES_ALL = MaskChoice(kind="redact", parameters={})


def plan_mask(field: Field, verdict: FieldVerdict, catalog: Catalog) -> PlannedMask | None:
    """The mask for a shown field; None only where the verdict is clear. A mask that doesn't fit the type hides all."""
    if verdict.verdict is Verdict.ALLOW:
        return None
    declaration = catalog.masks.get(verdict.mask) if verdict.mask is not None else None
    if verdict.verdict is not Verdict.MASK or declaration is None:
        raise Defect(operator=f"no mask for the field {field.name}")
    choice = declaration.otherwise
    if field.term is not None:
        choice = declaration.by_term.get(field.term, declaration.otherwise)
    if not _build(choice).accepts(field.type):
        choice = _HIDES_ALL
    return PlannedMask(name=declaration.name, choice=choice, at_source=False)


def form_at_source(mask: PlannedMask, field: Field) -> SqlForm | None:
    """What the source computes in the gateway's place; None where stored text isn't the text that the mask means."""
    return _build(mask.choice).sql_form() if keeps_text(field) else None


def _build(choice: MaskChoice) -> Mask:
    try:
        return build_mask(choice)
    except ValueError as fault:
        raise Defect(operator=f"a mask of the catalogue can't be built: {fault}") from None
