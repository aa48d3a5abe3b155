"""Whether a caller may act for a purpose at all, before any rule is asked: the purpose's own terms, and its case."""

from collections.abc import Callable, Mapping
from datetime import datetime

from gateway.errors import CaseMissing, CaseUnavailable, GatewayError, JustificationMissing, PurposeUnavailable
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.catalog import Catalog, Purpose
from gateway.model.ids import AppId, PurposeId, RoleName

JUSTIFICATION_LETTERS = range(10, 501)
Admits = Callable[[PurposeId, AppId, tuple[RoleName, ...]], bool]


def refuse_purpose(
    purpose_id: PurposeId, caller: Caller, now: datetime, catalog: Catalog, is_admitted: Admits
) -> GatewayError | None:
    """Why the caller can't act for the purpose: unknown, abstract, out of its time, or not theirs. None: they can.

    Both must be admitted: the app (by the purpose and by its own registration) and one of the person's roles, as
    `admits` says.
    """
    purpose = catalog.purposes.get(purpose_id)
    if (
        purpose is None
        or caller.purpose != purpose_id
        or not purpose.valid_from <= now < purpose.valid_until
        or not is_admitted(purpose_id, caller.app, caller.roles)
    ):
        return PurposeUnavailable(purpose=purpose_id)
    return None


def admits(
    purpose: Purpose,
    app_id: AppId,
    roles: tuple[RoleName, ...],
    catalog: Catalog,
    roles_above: Mapping[str, frozenset[str]],
) -> bool:
    """Whether the purpose is for this app and one of these roles, at any time."""
    app = catalog.apps.get(app_id)
    if app is None or purpose.is_abstract or app_id not in purpose.apps or purpose.id not in app.purposes:
        return False
    admitted = {f"role:{role}" for role in purpose.roles}
    return any(admitted & roles_above.get(f"role:{role}", frozenset()) for role in roles)


def refuse_circumstances(
    purpose_id: PurposeId, caller: Caller, case: CaseFacts | None, now: datetime, catalog: Catalog
) -> GatewayError | None:
    """What the purpose demands and the request lacks: a justification, an approved and open case. None: nothing."""
    purpose = catalog.purposes[purpose_id]
    if purpose.needs_justification and len((caller.justification or "").strip()) not in JUSTIFICATION_LETTERS:
        return JustificationMissing(purpose=purpose_id)
    if caller.case is None:
        return CaseMissing(purpose=purpose_id) if purpose.needs_case else None
    if case is None or not is_open(case, purpose_id, caller, now):
        return CaseUnavailable(case=caller.case)
    return None


def is_open(case: CaseFacts, purpose_id: PurposeId, caller: Caller, now: datetime) -> bool:
    """Whether the declared case is approved, in its time, and for this purpose and app."""
    return (
        case.id == caller.case
        and case.purpose == purpose_id
        and case.state is CaseState.APPROVED
        and now < case.expires_at
        and case.assignee_app in {"", caller.app}
    )
