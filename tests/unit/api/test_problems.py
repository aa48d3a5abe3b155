"""Refusals as problem details that PostgREST clients also read, in the asker's language."""

import json

import pytest

from gateway.api.problems import challenge_of, language_of, problem_of
from gateway.errors import AuditUnavailable, FieldUnavailable, MethodNotAllowed, QueryMalformed, TokenExpired


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.5,zh;q=0.4", "en"),
        ("fr,zh;q=0.2", "zh"),
        ("zh;q=x", "en"),
        ("zh;q=0", "en"),
        ("," * 500, "en"),
    ],
)
def test_the_language_is_the_askers(header: str | None, language: str) -> None:
    assert language_of(header) == language


def test_a_problem_has_what_both_kinds_of_client_read() -> None:
    problem = json.loads(problem_of(FieldUnavailable(field="x", operator="secret"), "t" * 32, None, "en"))
    assert {"type", "title", "status", "detail"} <= problem.keys()
    assert {"code", "message", "details", "hint"} <= problem.keys()
    assert (problem["code"], problem["gateway_code"], problem["status"]) == ("42501", "GW201", 403)
    assert "secret" not in json.dumps(problem)


def test_a_problem_is_told_in_chinese_too() -> None:
    error = QueryMalformed(part="x", fault=("bad", "不对"), fix=("mend", "请修改"))
    problem = json.loads(problem_of(error, "t" * 32, None, "zh"))
    assert "不对" in problem["message"]
    assert problem["hint"] == "请修改"


def test_statuses_bring_the_headers_they_demand() -> None:
    assert "www-authenticate" in challenge_of(TokenExpired())
    assert challenge_of(MethodNotAllowed(method="PUT")) == {"allow": "GET, HEAD"}
    assert "retry-after" in challenge_of(AuditUnavailable())
    assert challenge_of(FieldUnavailable(field="x")) == {}
