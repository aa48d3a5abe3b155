"""The audit room gives what it promises, and verifying a log loads nothing of serving one."""

import subprocess
import sys

import pytest

import gateway.audit

HEAVY = (
    "casbin",
    "fastapi",
    "gateway.audit.log",
    "gateway.pipeline",
    "httpx2",
    "opentelemetry",
    "structlog",
    "uvicorn",
)


def test_every_name_of_the_room_is_there() -> None:
    for name in gateway.audit.__all__:
        assert getattr(gateway.audit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gateway.audit.nothing  # noqa: B018 - asked for


def test_the_command_that_verifies_loads_what_it_needs() -> None:
    told = f"import sys, gateway.cli.verifying; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_the_command_is_the_same_by_itself_and_among_the_others() -> None:
    from gateway.cli.commands import app as whole
    from gateway.cli.verifying import app as lean
    from gateway.cli.verifying import audit_verify

    for app in (whole, lean):
        (audit,) = (group.typer_instance for group in app.registered_groups if group.name == "audit")
        assert audit is not None
        assert [one.callback for one in audit.registered_commands if one.name == "verify"] == [audit_verify]
