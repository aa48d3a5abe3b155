"""Every detector of this room, by name; a duplicate or malformed one fails at import."""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError

from gateway.audit.detectors._finding import Detector
from gateway.errors import SettingsInvalid


def _walk() -> dict[str, type[Detector]]:
    found: dict[str, type[Detector]] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"gateway.audit.detectors.{module.name}")
        own = [one for one in vars(loaded).values() if isinstance(one, type) and one.__module__ == loaded.__name__]
        wanted = module.name.replace("_", "-")
        if len(own) != 1 or not is_dataclass(own[0]) or getattr(own[0], "name", "") != wanted or wanted in found:
            msg = f"{loaded.__name__}: one dataclass with the name `{wanted}`"
            raise TypeError(msg)
        found[wanted] = cast("type[Detector]", own[0])
    return found


DETECTORS: Final[Mapping[str, type[Detector]]] = MappingProxyType(_walk())


def build_detector(name: str, parameters: Mapping[str, Any]) -> Detector:
    """The detector with these parameters; raises SettingsInvalid that names the parameter, never its value."""
    if name not in DETECTORS:
        raise SettingsInvalid(fault=f"`flags.{name[:40]}`: no such detector", fix=f"use {', '.join(sorted(DETECTORS))}")
    known = {field.name for field in fields(cast("Any", DETECTORS[name]))}
    for given in parameters:
        if given not in known:
            raise SettingsInvalid(
                fault=f"`flags.{name}.{given[:40]}`: no such parameter", fix=f"use {', '.join(sorted(known))}"
            )
    try:
        return TypeAdapter(DETECTORS[name]).validate_python(dict(parameters))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in ("flags", name, *first["loc"]))
        raise SettingsInvalid(fault=f"`{where}`: {first['msg']}", fix="see docs/audit-reviews.md") from None


def build_detectors(zone: str, parameters: Mapping[str, Mapping[str, Any]]) -> tuple[Detector, ...]:
    """All of them, those without parameters with their defaults; raises SettingsInvalid."""
    for name in parameters:
        build_detector(name, {})
    if "canary" in parameters:
        raise SettingsInvalid(fault="`flags.canary`: takes no parameters", fix="register canaries as an officer")
    built = []
    for name, kind in sorted(DETECTORS.items()):
        has_zone = any(field.name == "zone" for field in fields(cast("Any", kind)))
        built.append(build_detector(name, ({"zone": zone} if has_zone else {}) | dict(parameters.get(name, {}))))
    return tuple(built)
