"""An API key for the app (header `apikey`) and a signed token for the person (`Authorization: Bearer`).

The token's claims (RFC 7519): iss, sub, aud, exp, iat, jti; `roles` and `regions` (lists of text), `org`,
`assurance` (1 to 3), `id_number` (a resident's own), and perhaps `purpose` and `case`, which then bind: a header that
says otherwise is refused. Purpose and case never change within a request: they are read once, here.
"""

import base64
import binascii
import hashlib
import ipaddress
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from gateway.authentication.recall import FreshKeys, Latest, Recalled, digest_of
from gateway.errors import (
    AppNotAuthenticated,
    CaseUnavailable,
    JustificationMissing,
    PersonNotAuthenticated,
    PurposeUnavailable,
    TerminalUnavailable,
)
from gateway.keys import judge_times, read_api_key, same_digest, times_of, verify_token
from gateway.model.caller import Caller, InboundRequest
from gateway.model.ids import AppId, CaseId, PrincipalId, PurposeId, RegionCode, RoleName

_NAME = re.compile(r"[a-z0-9][a-z0-9_/.-]{0,99}", re.ASCII)
_REGION = re.compile(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}", re.ASCII)
_TERMINAL = re.compile(r"t-[0-9a-f]{16}", re.ASCII)
_JUSTIFICATION_LENGTH = range(10, 501)
_MAX_LIST = 64

Networks = Mapping[str, tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """An issuer whose tokens count, with its public keys (a JWK set)."""

    issuer: str
    audience: str
    leeway_seconds: int
    jwks: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppKey:
    """What is kept of an API key: whose it is and the SHA-256 of its secret."""

    app: AppId
    digest: str


class Authenticator:
    """Turns credentials into a Caller. Unknown, wrong and revoked answer alike."""

    def __init__(
        self,
        *,
        issuers: tuple[TrustedIssuer, ...],
        find_app_key: Callable[[str], AppKey | None],
        networks: Networks,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        self._find_app_key = find_app_key
        self._networks = networks
        self._keys = FreshKeys(monotonic)
        self._verified: Latest[Mapping[str, object]] = Latest()
        self._callers: Latest[Recalled] = Latest()

    def recall(self, request: InboundRequest, now: datetime) -> Caller | None:
        """The caller whose very credentials were accepted before and still hold; None: they must be authenticated.

        Asks no database. One and the same object for as long as it is kept.
        """
        known = self._callers.find(digest_of(request))
        if known is None or not self._keys.is_fresh(known.key_id):
            return None
        # out of its time: authenticating says what is wrong
        return known.caller if known.since <= now.timestamp() < known.until else None

    @property
    def due(self) -> list[str]:
        """The app keys that somebody recalled by is due to `renew`; whoever does takes them out."""
        return self._keys.due

    def renew(self, key_id: str) -> None:
        """Read an app key again, so that no asker has to. Asks the database."""
        before = self._keys.now()
        found = self._find_app_key(key_id)
        self._keys.found_again(key_id, None if found is None else found.digest, before)

    def authenticate(self, request: InboundRequest, now: datetime) -> Caller:
        """The caller; may ask the database.

        Raises NotAuthenticated, or NameUnknown where token and headers disagree.
        """
        app, key_id = self._app(request.headers.get("apikey"))
        issuer, claims = self._claims(request.headers.get("authorization"), now)
        digest = digest_of(request)
        known = self._callers.find(digest)
        if known is not None:  # only the key had to be read again
            return known.caller
        caller = self._caller(request, app, claims)
        self._callers.keep(digest, Recalled(caller, key_id, *times_of(claims, issuer.leeway_seconds)))
        return caller

    def _caller(self, request: InboundRequest, app: AppId, claims: Mapping[str, object]) -> Caller:
        purpose = _declared(request.headers.get("purpose"), claims.get("purpose"))
        if isinstance(purpose, _Conflict):
            raise PurposeUnavailable(purpose=purpose.header)
        case = _declared(request.headers.get("case"), claims.get("case"))
        if isinstance(case, _Conflict):
            raise CaseUnavailable(case=case.header)
        assurance = claims.get("assurance", 1)
        id_number = claims.get("id_number")
        return Caller(
            principal=PrincipalId(_text(claims["sub"], 128)),
            app=app,
            roles=tuple(RoleName(role) for role in _names(claims.get("roles", ()), _NAME)),
            organisation=_text(claims.get("org", ""), 128),
            regions=tuple(RegionCode(code) for code in _names(claims.get("regions", ()), _REGION)),
            assurance=assurance if type(assurance) is int and 1 <= assurance <= 3 else 1,
            network=self._network(request.client_address),
            id_number=_text(id_number, 32) if id_number is not None else None,
            purpose=PurposeId(purpose) if purpose else None,
            case=CaseId(case) if case else None,
            justification=_justification(request.headers.get("justification"), purpose),
            terminal=_terminal(request.headers.get("terminal")),
            token_id=_text(claims["jti"], 128),
        )

    def _app(self, key: str | None) -> tuple[AppId, str]:
        read = read_api_key(key or "")
        before = self._keys.now()
        found = self._find_app_key(read[0]) if read is not None else None
        # the comparison is made for unknown keys too, so that its absence can't be timed
        kept = found.digest if found is not None else hashlib.sha256(b"no such key").hexdigest()
        given = read[1] if read is not None else ""
        if not same_digest(given, kept) or found is None or read is None:
            if read is not None and found is None:
                self._keys.gone(read[0])
            raise AppNotAuthenticated
        self._keys.found(read[0], found.digest, before)
        return found.app, read[0]

    def _claims(self, header: str | None, now: datetime) -> tuple[TrustedIssuer, Mapping[str, object]]:
        scheme, _, token = (header or "").partition(" ")
        issuer = self._issuers.get(_issuer_of(token)) if scheme.lower() == "bearer" else None
        if issuer is None:
            raise PersonNotAuthenticated
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        claims = self._verified.find(digest)
        if claims is not None:
            judge_times(claims, issuer.leeway_seconds, now)
            return issuer, claims
        claims = verify_token(
            token,
            jwks=issuer.jwks,
            issuer=issuer.issuer,
            audience=issuer.audience,
            leeway_seconds=issuer.leeway_seconds,
            now=now,
        )
        self._verified.keep(digest, claims)
        return issuer, claims

    def _network(self, address: str) -> str:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return ""
        return next(
            (name for name, ranges in self._networks.items() if any(parsed in network for network in ranges)), ""
        )


@dataclass(frozen=True, slots=True)
class _Conflict:
    header: str


def _declared(header: str | None, claim: object) -> str | _Conflict | None:
    """The declared name: the header's, the token's, or both where they agree."""
    if header is not None and (not _NAME.fullmatch(header) or (claim is not None and claim != header)):
        return _Conflict(header[:100])
    declared = header if header is not None else claim
    return declared if isinstance(declared, str) and _NAME.fullmatch(declared) else None


def _justification(header: str | None, purpose: str | None) -> str | None:
    if header is None:
        return None
    try:
        text = unquote(header, errors="strict").strip()
    except UnicodeDecodeError:
        text = ""
    if len(text) not in _JUSTIFICATION_LENGTH or not text.isprintable():
        raise JustificationMissing(purpose=purpose or "")
    return text


def _terminal(header: str | None) -> str | None:
    if header is not None and not _TERMINAL.fullmatch(header):
        raise TerminalUnavailable
    return header


def _issuer_of(token: str) -> str:
    """The issuer a token claims; only chooses the keys that must then verify it."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > 8_192:
        return ""
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return ""
    issuer = payload.get("iss") if isinstance(payload, dict) else None
    return issuer if isinstance(issuer, str) else ""


def _text(value: object, longest: int) -> str:
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise PersonNotAuthenticated
    return value


def _names(value: object, shape: re.Pattern[str]) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > _MAX_LIST:
        raise PersonNotAuthenticated
    for name in value:
        if not isinstance(name, str) or not shape.fullmatch(name):
            raise PersonNotAuthenticated
    return tuple(dict.fromkeys(value))
