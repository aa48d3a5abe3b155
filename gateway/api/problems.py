"""Refusal -> problem+json (RFC 9457), which PostgREST clients also read (code, message, details, hint)."""

from typing import cast

import orjson

from gateway.errors import GatewayError, Language
from gateway.model.audit import AuditReceipt

PROBLEM = "application/problem+json"


def language_of(accept_language: str | None) -> Language:
    """`zh` where the asker prefers Chinese, else `en`."""
    best, best_quality = "en", 0.0
    for part in (accept_language or "")[:200].split(","):
        tag, _, parameters = part.strip().partition(";")
        quality = parameters.strip().removeprefix("q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        primary = tag.lower().partition("-")[0]
        if primary in {"zh", "en"} and weight > best_quality:
            best, best_quality = primary, weight
    return cast("Language", best)


def problem_of(error: GatewayError, trace_id: str, receipt: AuditReceipt | None, language: Language) -> bytes:
    """The public body of a refusal; never data, SQL or a traceback."""
    text = error.message(language)
    return orjson.dumps(
        {
            "type": f"https://langqiao.example/errors/{error.code}",
            "title": text,
            "status": error.status,
            "detail": text,
            "trace_id": trace_id,
            "receipt": str(receipt) if receipt is not None else None,
            "gateway_code": error.code,
            "code": error.postgrest_code or error.code,
            "message": text,
            "details": None,
            "hint": error.hint(language),
        }
    )


def challenge_of(error: GatewayError) -> dict[str, str]:
    """Headers that a status demands (RFC 9110)."""
    if error.status == 401:
        return {"www-authenticate": 'Bearer realm="langqiao"'}
    if error.status == 405:
        return {"allow": "GET, HEAD"}
    if error.status in {429, 503}:
        return {"retry-after": "5"}
    return {}
