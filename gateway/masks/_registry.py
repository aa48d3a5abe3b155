"""Folder -> registry: the masks are the modules of this package, one Mask a module.

The name of a mask is its module's name with `_` written as `-`. A module whose name begins with `_` is no mask.
Installed packages may add masks through entry points of the group `langqiao.masks`; they can't replace one. Whatever
is malformed fails here, that is at import: a gateway with half a set of masks does not start.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from types import MappingProxyType, ModuleType

from gateway.masks._reveals import Reveals
from gateway.spi import Mask


def walk_masks(package: str, path: Iterable[str], third_party: Iterable[EntryPoint]) -> Mapping[str, type[Mask]]:
    """Name -> class, sorted by name; raises ImportError that names the module and its fault."""
    found: dict[str, type[Mask]] = {}
    for module in sorted(pkgutil.iter_modules(path), key=lambda module: module.name):
        if module.name.startswith("_"):
            continue
        kind = _the_mask_of(importlib.import_module(f"{package}.{module.name}"))
        _add(found, module.name.replace("_", "-"), kind)
    for entry in sorted(third_party, key=lambda entry: entry.name):
        _add(found, entry.name, _checked(entry.load(), entry.value))
    return MappingProxyType(dict(sorted(found.items())))


def _the_mask_of(module: ModuleType) -> type[Mask]:
    own = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__]
    masks = [kind for kind in own if issubclass(kind, Mask)]
    if len(masks) != 1:
        msg = f"{module.__name__} must define exactly one Mask, it defines {len(masks)}"
        raise ImportError(msg)
    return _checked(masks[0], module.__name__)


def _checked(kind: object, origin: str) -> type[Mask]:
    if not (inspect.isclass(kind) and issubclass(kind, Mask)) or inspect.isabstract(kind):
        msg = f"{origin} is no complete Mask"
        raise ImportError(msg)
    # A dataclass writes a docstring of its own, `Name(field: type)`, where there is none.
    doc = kind.__dict__.get("__doc__") or ""
    if not doc.strip() or doc.startswith(f"{kind.__name__}("):
        msg = f"{origin} has no docstring that says what it reveals"
        raise ImportError(msg)
    reveals = getattr(kind, "reveals", None)
    if not isinstance(reveals, frozenset) or not all(isinstance(one, Reveals) for one in reveals):
        msg = f"{origin} does not declare `reveals`"
        raise ImportError(msg)
    return kind


def _add(found: dict[str, type[Mask]], name: str, kind: type[Mask]) -> None:
    if name in found:
        msg = f"two masks are named `{name}`"
        raise ImportError(msg)
    found[name] = kind
