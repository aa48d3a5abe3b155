"""Folder -> registry: the obligations are the modules of this package, one Obligation a module.

The name of an obligation is its module's name. A module whose name begins with `_` is none. Installed packages may
add some through entry points of the group `langqiao.obligations`; they can't replace one. Whatever is malformed fails
here, that is at import.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from types import MappingProxyType, ModuleType

from gateway.spi import AmendsPlan, Annotates, Obligation, TreatsRows


def walk_obligations(
    package: str, path: Iterable[str], third_party: Iterable[EntryPoint]
) -> Mapping[str, type[Obligation]]:
    """Name -> class, sorted by name; raises ImportError that names the module and its fault."""
    found: dict[str, type[Obligation]] = {}
    for module in sorted(pkgutil.iter_modules(path), key=lambda module: module.name):
        if module.name.startswith("_"):
            continue
        _add(found, module.name, _the_obligation_of(importlib.import_module(f"{package}.{module.name}")))
    for entry in sorted(third_party, key=lambda entry: entry.name):
        _add(found, entry.name, _checked(entry.load(), entry.value))
    return MappingProxyType(dict(sorted(found.items())))


def _the_obligation_of(module: ModuleType) -> type[Obligation]:
    own = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__]
    obligations = [kind for kind in own if issubclass(kind, Obligation)]
    if len(obligations) != 1:
        msg = f"{module.__name__} must define exactly one Obligation, it defines {len(obligations)}"
        raise ImportError(msg)
    return _checked(obligations[0], module.__name__)


def _checked(kind: object, origin: str) -> type[Obligation]:
    if not (inspect.isclass(kind) and issubclass(kind, Obligation)) or inspect.isabstract(kind):
        msg = f"{origin} is no complete Obligation"
        raise ImportError(msg)
    # A dataclass writes a docstring of its own, `Name(field: type)`, where there is none.
    doc = kind.__dict__.get("__doc__") or ""
    if not doc.strip() or doc.startswith(f"{kind.__name__}("):
        msg = f"{origin} has no docstring that says what it binds"
        raise ImportError(msg)
    is_useful = issubclass(kind, (AmendsPlan, TreatsRows, Annotates))
    if not is_useful:
        msg = f"{origin} acts at none of the three moments"
        raise ImportError(msg)
    return kind


def _add(found: dict[str, type[Obligation]], name: str, kind: type[Obligation]) -> None:
    if name in found:
        msg = f"two obligations are named `{name}`"
        raise ImportError(msg)
    found[name] = kind
