"""Whether the installed evaluator and Casbin are the ones that were examined. Refuses to start otherwise."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from gateway.errors import SettingsInvalid

LEAST_SIMPLEEVAL = (1, 0, 8)
"""Below it the evaluator has known holes (CVE-2026-32640 and others)."""


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution; None where there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def check_libraries(version_of: Callable[[str], str | None] = installed_version) -> None:
    """Raises SettingsInvalid where Casbin's evaluator is too old or a second Casbin overwrites pycasbin's files."""
    if version_of("casbin") is not None:
        raise SettingsInvalid(
            fault="a distribution named `casbin` is installed beside `pycasbin` and overwrites its files",
            fix="remove `casbin` and what depends on it (casbin-sqlalchemy-adapter does), then reinstall `pycasbin`",
        )
    found = version_of("simpleeval") or "0"
    parts = tuple(int(part) if part.isdigit() else 0 for part in found.split(".")[:3])
    if parts < LEAST_SIMPLEEVAL:
        raise SettingsInvalid(
            fault=f"the evaluator `simpleeval` {found} has known holes", fix="install simpleeval 1.0.8 or later"
        )
