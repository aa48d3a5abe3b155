"""Stages 0 and 1: the bytes that came in, and who sent them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from gateway.model.ids import AppId, CaseId, PrincipalId, PurposeId, RegionCode, RoleName


class InboundRequest(NamedTuple):
    """Bytes within limits; nothing else is promised. One a request: a NamedTuple is made in a third of the time."""

    method: str
    path: str  # decoded, without the query
    query_string: str  # as sent, still percent-encoded
    headers: Mapping[str, str]  # lower-case names; repeated headers joined by ", "
    client_address: str
    received_at: datetime
    trace_id: str  # 32 lower-case hex digits

    def __repr__(self) -> str:
        """The trace only: headers hold credentials."""
        return f"<InboundRequest {self.trace_id}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks and what they declare; not that anything is allowed."""

    principal: PrincipalId
    app: AppId
    roles: tuple[RoleName, ...]
    organisation: str
    regions: tuple[RegionCode, ...]  # the territory the person works in
    assurance: int  # 1 password, 2 second factor, 3 hardware token
    network: str  # name of the network the request came from, "" when unknown
    id_number: str | None  # the person's own, where the issuer vouches for it (a resident)
    purpose: PurposeId | None
    case: CaseId | None
    justification: str | None
    token_id: str
    terminal: str | None = None  # the device that the answer is for, as declared
