"""The data plane in the OpenAPI description: it is no FastAPI route, so it is described here.

Names no dataset: what exists is told by GET /catalog to those who may know.
"""

from typing import Any

_HEADERS = {
    "apikey": "the app's key",
    "Authorization": "`Bearer <token>` of the person",
    "Purpose": "the one purpose of the request, e.g. `home-visit`",
    "Case": "the case, where the purpose needs one",
    "Justification": "reason in words (percent-encoded UTF-8), where the purpose needs one",
    "Accept-Profile": "the department, where the dataset is given by its short name",
    "Prefer": "`count=exact` for the number of visible rows",
}
_QUERY = {
    "select": "`field`, `alias:field`, `*`, `data->>key`, `field::text`, `field.sum()`, `count()`, `link(field)`",
    "order": "`field.desc.nullslast,field`",
    "limit": "rows, at most the page limit",
    "offset": "rows to leave out",
    "and": "`(a.eq.1,or(b.gt.2,c.is.null))`",
    "or": "`(a.eq.1,b.eq.2)`",
}


def describe_data_plane(description: dict[str, Any]) -> dict[str, Any]:
    """The description with GET and HEAD /data/{dataset} added."""
    parameters = [
        {"name": "dataset", "in": "path", "required": True, "schema": {"type": "string"},
         "description": "`department.dataset`, or the short name with Accept-Profile"},
        *({"name": name, "in": "header", "required": name in {"apikey"}, "schema": {"type": "string"},
           "description": text} for name, text in _HEADERS.items()),
        *({"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": text}
          for name, text in _QUERY.items()),
    ]  # fmt: skip
    problem = {"description": "a refusal (RFC 9457)", "content": {"application/problem+json": {"schema": {
        "$ref": "#/components/schemas/Problem"}}}}  # fmt: skip
    answer = {
        "description": "the disclosure; Langqiao-Receipt names its log entry",
        "headers": {
            name: {"schema": {"type": "string"}}
            for name in ("Langqiao-Receipt", "Langqiao-Policy", "Langqiao-Notices", "Content-Range", "Trace-Id")
        },
        "content": {
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
            "application/vnd.pgrst.object+json": {"schema": {"type": "object"}},
            "text/csv": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
    responses: dict[str, Any] = {"200": answer, "206": answer}
    responses |= dict.fromkeys(
        ("300", "400", "401", "403", "404", "405", "406", "414", "416", "429", "431", "502", "503", "504"), problem
    )
    summary = "Ask a dataset; further query parameters are filters: `field=eq.value`"
    description.setdefault("paths", {})["/data/{dataset}"] = {
        method: {"tags": ["data"], "summary": summary, "operationId": f"{method}_data", "parameters": parameters,
                 "responses": responses}
        for method in ("get", "head")
    }  # fmt: skip
    text = {"type": "string"}
    description.setdefault("components", {}).setdefault("schemas", {})["Problem"] = {
        "type": "object",
        "properties": {
            "type": text, "title": text, "status": {"type": "integer"}, "detail": text, "trace_id": text,
            "receipt": {"type": ["string", "null"]}, "gateway_code": text, "code": text, "message": text,
            "details": {"type": ["string", "null"]}, "hint": text,
        },
    }  # fmt: skip
    return description
