"""A call as a client's own methods, and what must come of it, said in plain SQL beside it."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from postgrest import APIError, SyncPostgrestClient

CLIENTS = Path(__file__).parent / "clients"
CACHE = Path(__file__).parents[2] / ".langqiao" / "clients"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?")
_SNAKE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_OPTIONS = {"nullsFirst": "nullsfirst", "referencedTable": "foreign_table"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`steps` are the methods of postgrest-js with their arguments; `rows`, `one`, `whole`, `text` or `error` is told.

    rows, one, whole, text: SQL of what `data` is: all rows, the only row (none: null), the whole as
    one JSON value, or all rows as CSV. error: the code.
    count: SQL of one number. is_counted: some
    number comes. person, purpose: who asks, in the city.
    """

    id: str
    table: str
    steps: tuple[tuple[Any, ...], ...]
    schema: str = "cinema"
    rows: str | None = None
    one: str | None = None
    whole: str | None = None
    text: str | None = None
    error: str | None = None
    count: str | None = None
    is_counted: bool = False
    person: str = ""
    purpose: str = "staging"


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What a client handed to its caller."""

    data: Any
    count: int | None
    error: Mapping[str, Any] | None


# ------------------------------------------------------------------ JavaScript
def _installed() -> Path:
    """The clients from npm, fetched once into a folder that git ignores."""
    wanted = (CLIENTS / "package.json").read_text(encoding="utf-8")
    marker = CACHE / "installed.json"
    if not marker.is_file() or marker.read_text(encoding="utf-8") != wanted:
        assert shutil.which("npm"), "npm is missing: apt-get install nodejs npm"
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / "package.json").write_text(wanted, encoding="utf-8")
        # react-admin itself is a peer of its provider, for types only
        words = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--legacy-peer-deps", "--silent"]
        done = subprocess.run(words, cwd=CACHE, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        marker.write_text(wanted, encoding="utf-8")
    return CACHE


def run_node(script: str, calls: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a script of `clients/` writes for the calls."""
    folder = _installed()
    shutil.copyfile(CLIENTS / script, folder / script)
    done = subprocess.run(
        ["node", script], cwd=folder, input=json.dumps(calls), capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(answers) == len(calls)
    return answers


def ask_javascript(url: str, calls: Sequence[Call], headers: Sequence[Mapping[str, str]]) -> dict[str, Came]:
    """Every call by @supabase/postgrest-js, in one process."""
    told = [
        {"url": url, "headers": sent, "schema": call.schema, "table": call.table, "steps": call.steps}
        for call, sent in zip(calls, headers, strict=True)
    ]
    answers = run_node("supabase.mjs", told)
    for answer in answers:
        assert "fault" not in answer, answer["fault"]
    return {
        call.id: Came(data=answer["data"], count=answer["count"], error=answer["error"])
        for call, answer in zip(calls, answers, strict=True)
    }


# ------------------------------------------------------------------ Python
def ask_python(url: str, call: Call, headers: Mapping[str, str]) -> Came:
    """One call by `postgrest`: the same methods under their Python names."""
    with httpx.Client(base_url=url, headers=dict(headers), timeout=30, trust_env=False) as http:
        client = SyncPostgrestClient(url, schema=call.schema, headers=dict(headers), http_client=http)
        builder: Any = client.from_(call.table)
        for method, *given in call.steps:
            builder = _step(builder, method, given)
        try:
            answer = builder.execute()
        except APIError as error:
            told = {"code": error.code, "message": error.message, "details": error.details, "hint": error.hint}
            return Came(data=None, count=None, error=told)
        return Came(data=getattr(answer, "data", None), count=getattr(answer, "count", None), error=None)


def _step(builder: Any, method: str, given: list[Any]) -> Any:  # noqa: C901, PLR0912 - one arm a method
    options: dict[Any, Any] = {
        _OPTIONS.get(key, key): value for item in given if isinstance(item, dict) for key, value in item.items()
    }
    plain = [item for item in given if not isinstance(item, dict)]
    match method:
        case "select":
            return builder.select(*plain, **options)
        case "order":
            is_ascending = options.pop("ascending", True)
            return builder.order(*plain, desc=not is_ascending, **options)
        case "limit" | "range":
            return getattr(builder, method)(*plain, **options)
        case "or":
            where = {"reference_table": options["foreign_table"]} if options else {}
            return builder.or_(*plain, **where)
        case "in" | "is":
            return getattr(builder, f"{method}_")(*plain)
        case "not":
            column, operator, value = plain
            return builder.filter(column, f"not.{operator}", "null" if value is None else value)
        case "contains" | "containedBy" | "match":
            return getattr(builder, _snake(method))(*given)
        case "textSearch":
            if options.get("type") == "websearch":  # the Python client has a spelling of its own
                options = options | {"type": "web_search"}
            return builder.text_search(*plain, options=options)
        case "likeAllOf" | "likeAnyOf" | "ilikeAllOf" | "ilikeAnyOf":
            return getattr(builder, _snake(method))(plain[0], ",".join(plain[1]))
        case "regexMatch" | "regexIMatch":
            return builder.filter(plain[0], {"regexMatch": "match", "regexIMatch": "imatch"}[method], plain[1])
        case "isDistinct":
            return builder.filter(plain[0], "isdistinct", "null" if plain[1] is None else plain[1])
        case "overlaps" if isinstance(plain[1], str):
            return builder.filter(plain[0], "ov", plain[1])
        case "notIn":
            return builder.filter(plain[0], "not.in", "(" + ",".join(map(str, plain[1])) + ")")
        case "rangeGt" | "rangeGte" | "rangeLt" | "rangeLte" | "rangeAdjacent":
            # this client wants the bounds one by one
            return getattr(builder, _snake(method))(plain[0], plain[1].strip("[]()").split(","))
        case _:
            return getattr(builder, _snake(method))(*plain)


def _snake(name: str) -> str:
    return _SNAKE.sub("_", name).lower()


# ------------------------------------------------------------------ comparing
def plain(value: Any) -> Any:
    """A JSON value with every moment in one form: two programs write UTC differently."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return value


def check_error(came: Came, code: str) -> None:
    """A refusal as clients of PostgREST read it: all four keys, and nothing beside it."""
    assert came.error is not None, came.data
    assert came.error["code"] == code, came.error
    assert came.error["message"]
    assert {"details", "hint"} <= came.error.keys()
    assert came.data is None
