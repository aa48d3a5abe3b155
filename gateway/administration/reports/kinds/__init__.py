"""Kinds of reports: entries -> tables, one kind a file. The folder is the registry."""

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from gateway.administration.reports._model import Kind


def _walk() -> dict[str, type[Kind]]:
    found: dict[str, type[Kind]] = {}
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.startswith("_"):
            continue
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        own = [one for one in vars(loaded).values() if isinstance(one, type) and one.__module__ == loaded.__name__]
        wanted = module.name.replace("_", "-")
        if len(own) != 1 or getattr(own[0], "name", "") != wanted or wanted in found:
            msg = f"{loaded.__name__}: one class with the name `{wanted}`"
            raise TypeError(msg)
        found[wanted] = cast("type[Kind]", own[0])
    return found


KINDS: Final[Mapping[str, type[Kind]]] = MappingProxyType(_walk())
