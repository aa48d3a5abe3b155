"""How a web source signs in: a header, a bearer token, a user and password, or OAuth 2.0 client credentials.

Secrets are read anew when they are needed. An access token is kept until shortly before its end, and fetched anew once
where the service no longer takes it. Nothing of it is ever in a repr, an error or a log.
"""

import asyncio
import binascii
import json
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote_plus, urlencode

from connectors._http import Answer, Ask, WebService, refusal
from connectors._options import Options, Secret
from gateway.errors import CredentialUnavailable, SourceDenied, SourceRubbish, SourceTimeout

_EARLY_SECONDS: Final = 30.0
_DEFAULT_SECONDS: Final = 60.0  # where a token's end is not said


class NoCredential(Exception):
    """The secret can't be read, or is none that can be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSignIn:
    """The service asks nobody who they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A fixed token in a header."""

    token: Secret
    header: str
    scheme: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """A user and a password."""

    user: str = field(repr=False)
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """OAuth 2.0, RFC 6749 section 4.4."""

    token_url: str = field(repr=False)
    client_id: str = field(repr=False)
    client_secret: Secret
    scope: str
    in_body: bool


SignIn = NoSignIn | Token | Basic | ClientCredentials


def read_sign_in(taken: Options) -> SignIn:
    """The one way that is configured; raises SettingsInvalid."""
    ways: list[SignIn] = []
    header, scheme = taken.text("token_header", "authorization"), taken.text("token_scheme", "Bearer")
    token = taken.secret("token")
    if not all(part.isascii() and part.replace("-", "").isalnum() for part in (header, scheme)):
        taken.refuse("token_scheme", "and `token_header` must be one word each")
    if token is not None:
        is_plain = header.lower() != "authorization" and scheme == "Bearer"
        ways.append(Token(token=token, header=header.lower(), scheme="" if is_plain else scheme))
    if taken.has("user"):
        user, password = taken.text("user"), taken.secret("password")
        if password is None:
            taken.refuse("password_file", "is missing")
        if ":" in user:
            taken.refuse("user", "must not hold a colon")
        ways.append(Basic(user=user, password=password))
    if taken.has("oauth2"):
        inner = taken.inner("oauth2", taken.mapping("oauth2"))
        secret = inner.secret("client_secret")
        if secret is None:
            inner.refuse("client_secret_file", "is missing")
        style = inner.text("style", "basic")
        if style not in ("basic", "body"):
            inner.refuse("style", "must be `basic` or `body`")
        ways.append(
            ClientCredentials(
                token_url=inner.text("token_url"),
                client_id=inner.text("client_id"),
                client_secret=secret,
                scope=inner.text("scope", ""),
                in_body=style == "body",
            )
        )
        inner.done()
    if len(ways) > 1:
        taken.refuse("token_file", "`user` and `oauth2` exclude each other")
    return ways[0] if ways else NoSignIn()


class Credential:
    """What a request carries to sign in."""

    def __init__(self, way: SignIn, service: WebService) -> None:
        self._way = way
        self._service = service
        self._token = ""
        self._until = 0.0
        self._fetching = asyncio.Lock()

    def __repr__(self) -> str:
        """The way only."""
        return f"<Credential {type(self._way).__name__}>"

    async def ask(self, ask: Ask, dataset: str, deadline: float) -> Answer:
        """Ask signed in; an access token that is no longer taken is fetched anew, once. Raises SourceFailed."""
        headers = await self._headers(dataset, deadline)
        answer = await self._service.ask(replace(ask, headers={**ask.headers, **headers}), dataset, deadline)
        if answer.status != 401 or not isinstance(self._way, ClientCredentials):
            return answer
        if headers.get("authorization") == f"Bearer {self._token}":  # else somebody fetched one meanwhile
            self._token = ""
        headers = await self._headers(dataset, deadline)
        return await self._service.ask(replace(ask, headers={**ask.headers, **headers}), dataset, deadline)

    async def _headers(self, dataset: str, deadline: float) -> dict[str, str]:
        try:
            match self._way:
                case NoSignIn():
                    return {}
                case Token(token=token, header=header, scheme=scheme):
                    return {header: f"{scheme} {_usable(token)}".strip()}
                case Basic(user=user, password=password):
                    return {"authorization": _basic(user, _usable(password, ascii_only=False))}
                case ClientCredentials() as way:
                    return {"authorization": f"Bearer {await self._access_token(way, dataset, deadline)}"}
        except NoCredential as error:
            raise CredentialUnavailable(dataset=dataset, operator=str(error)) from None
        except TimeoutError:
            raise SourceTimeout(dataset=dataset, operator="the token endpoint") from None

    async def _access_token(self, way: ClientCredentials, dataset: str, deadline: float) -> str:
        async with asyncio.timeout_at(deadline), self._fetching:
            now = asyncio.get_running_loop().time()
            if self._token and now < self._until:
                return self._token
            secret = _usable(way.client_secret, ascii_only=False)
            form = {"grant_type": "client_credentials"} | ({"scope": way.scope} if way.scope else {})
            headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
            if way.in_body:
                form |= {"client_id": way.client_id, "client_secret": secret}
            else:  # RFC 6749, 2.3.1: each is form-encoded first
                headers["authorization"] = _basic(quote_plus(way.client_id), quote_plus(secret))
            ask = Ask(
                method="POST", url=way.token_url, headers=headers, content=urlencode(form).encode(), is_safe=False
            )
            answer = await self._service.ask(ask, dataset, deadline)
            if answer.status == 400:  # invalid_client, invalid_scope: it is we who are not let in
                raise SourceDenied(dataset=dataset, operator="the token endpoint refuses the client")
            if answer.status != 200:
                raise refusal(answer.status, dataset)
            self._token, seconds = _read_token(answer.body, dataset)
            self._until = now + max(seconds - _EARLY_SECONDS, seconds / 2)
            return self._token


def _read_token(body: bytes, dataset: str) -> tuple[str, float]:
    try:
        told = json.loads(body)
        token, kind, seconds = told["access_token"], told.get("token_type", "bearer"), told.get("expires_in")
        if not isinstance(token, str) or not _is_word(token) or str(kind).lower() != "bearer":
            raise ValueError
        return token, min(float(seconds), 86_400.0) if seconds is not None else _DEFAULT_SECONDS
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SourceRubbish(dataset=dataset, operator="the token endpoint gave no token") from None


def _usable(secret: Secret, *, ascii_only: bool = True) -> str:
    found = secret.read()
    if found is None or not found.isprintable() or (ascii_only and not _is_word(found)):
        raise NoCredential("no usable secret")
    return found


def _is_word(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable()


def _basic(user: str, password: str) -> str:
    return "Basic " + binascii.b2a_base64(f"{user}:{password}".encode(), newline=False).decode()


__all__ = ["Credential", "SignIn", "read_sign_in"]
