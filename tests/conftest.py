"""What every test may use: one small town a session, and fresh ones where a test breaks things."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from gateway.demo.prepare import Demo
from tests.both_roads import compared
from tests.town import Town, build, served

# no example is timed: a busy machine is no fault of the code
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

# a parallel worker's terminal is said to be narrow, and a console that was made there would stay so
os.environ.pop("COLUMNS", None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that can't run is a failure: what it would have shown was not shown."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI shows everything: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def both_roads() -> Iterator[None]:
    """What was asked before is answered from what is kept: in every test by the very plan of a first question."""
    with compared() as differed:
        yield
    assert not differed


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The small city, built once; its gateway is not served."""
    return build(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="session")
def town(city: Demo) -> Iterator[Town]:
    """The shared town. Tests may ask and change cases, nothing else."""
    with served(city) as town:
        yield town


@pytest.fixture
def fresh_demo(tmp_path: Path, city: Demo) -> Demo:
    """A town of one's own, not served yet."""
    return build(tmp_path / "town", city=city.folder / "city")


@pytest.fixture
def serve() -> Iterator[Callable[[Demo], Town]]:
    """Serve a town until the test ends."""
    with ExitStack() as stack:
        yield lambda demo: stack.enter_context(served(demo))
