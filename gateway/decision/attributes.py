"""Caller, case and clock -> the attributes that conditions read. What isn't known is missing, never empty."""

from collections.abc import Mapping
from datetime import datetime

from gateway.catalog.condition import time_attributes
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.condition import AttributeValue


def attributes_of(caller: Caller, case: CaseFacts | None, now: datetime) -> Mapping[str, AttributeValue]:
    """By the names of `gateway.catalog.condition.ATTRIBUTES`; None is a missing attribute."""
    return {
        **time_attributes(now),
        "subject.principal": caller.principal,
        "subject.organisation": caller.organisation or None,
        "subject.id_number": caller.id_number,
        "subject.regions": tuple(caller.regions),
        "subject.assurance": caller.assurance,
        "case.subjects": case.subjects if case is not None else None,
        "case.state": case.state.value if case is not None else None,
        "ctx.network": caller.network or None,
        "ctx.assurance": caller.assurance,
        "ctx.case_state": case.state.value if case is not None else None,
        "ctx.approved_by": case.approved_by if case is not None else None,
        "ctx.justification": caller.justification,
    }
