"""Clients of PostgREST, unchanged: supabase's for JavaScript and for Python, on a discovered schema and on the city.

What must come is asked of the database itself, never of the gateway.
"""

from collections.abc import Callable

import pytest

from tests.conformance import embed_calls, staging_calls
from tests.conformance.calls import Call, Came, ask_javascript, ask_python, check_error, plain
from tests.conformance.staging import Staging

STAGING_CALLS = (*staging_calls.CALLS, *embed_calls.CALLS)

Check = Callable[[Call, Came], None]


def _told(calls: tuple[Call, ...]) -> list[object]:
    assert len({call.id for call in calls}) == len(calls)
    return [pytest.param(call, id=call.id) for call in calls]


@pytest.fixture(scope="session")
def javascript_staging(staging_gateway: Staging) -> dict[str, Came]:
    """Every call, asked once by one process of Node."""
    return ask_javascript(staging_gateway.url, STAGING_CALLS, [staging_gateway.headers] * len(STAGING_CALLS))


def _check_staging(staging: Staging, call: Call, came: Came) -> None:
    if call.error is not None:
        check_error(came, call.error)
        return
    assert came.error is None, came.error
    if call.rows is not None:
        assert plain(came.data) == plain(staging.rows(call.rows))
    elif call.one is not None:
        assert plain([came.data]) == plain(staging.rows(call.one) or [None])
    elif call.whole is not None:
        assert plain(came.data) == plain(staging.scalar(call.whole))
    elif call.text is not None:
        assert came.data == staging.csv(call.text)
    if call.count is not None:
        assert came.count == staging.scalar(call.count)


@pytest.mark.parametrize("call", _told(STAGING_CALLS))
def test_javascript_on_a_discovered_schema(
    call: Call, staging_gateway: Staging, javascript_staging: dict[str, Came]
) -> None:
    _check_staging(staging_gateway, call, javascript_staging[call.id])


@pytest.mark.parametrize("call", _told(STAGING_CALLS))
def test_python_on_a_discovered_schema(call: Call, staging_gateway: Staging) -> None:
    _check_staging(staging_gateway, call, ask_python(staging_gateway.url, call, staging_gateway.headers))
