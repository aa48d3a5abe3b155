"""The options of a source with its secrets in place, and whether one of them has changed.

`NAME_file` and `NAME_env` are read by the connector; here a file is only watched. `NAME_secret = "store:reference"` is
read from a secret store when its lease is over, and given to the connector as `NAME`, wrapped so that it is never
printed. A store that can't be reached changes nothing: the old secret serves on.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from gateway.errors import SettingsInvalid
from gateway.model.ids import SourceName
from gateway.plugins import plugins
from gateway.settings import Settings
from gateway.spi import SecretStore

GROUP = "langqiao.secrets"
DEFAULT_LEASE_SECONDS = 300.0  # where a store doesn't say
FORCED_SECONDS = 5.0  # a store is not asked more often than this because a source denied us
_SUFFIX = "_secret"
Signature = tuple[int, int, int, int] | None


def open_stores(settings: Settings) -> dict[str, SecretStore]:
    """Every configured store by its entry point; raises SettingsInvalid."""
    kinds = {point.name: point for point in plugins(GROUP)}
    stores: dict[str, SecretStore] = {}
    for name, store in settings.secrets.items():
        if store.kind not in kinds:
            raise SettingsInvalid(
                fault=f"`secrets.{name}.kind`: no secret store `{store.kind}`",
                fix=f"use one of {', '.join(sorted(kinds))}",
            )
        stores[name] = kinds[store.kind].load().open(name, store.options())
    return stores


@dataclass(slots=True)
class _Held:
    """A secret as it was read from its store."""

    store: SecretStore
    reference: str
    secret: SecretStr
    read_at: float
    seconds: float


@dataclass(slots=True, kw_only=True, repr=False)
class Credentials:
    """Those of one source."""

    name: SourceName
    given: Mapping[str, object]
    stores: Mapping[str, SecretStore]
    monotonic: Callable[[], float] = time.monotonic
    _held: dict[tuple[str, ...], _Held] = field(init=False, default_factory=dict)
    _files: dict[str, Signature] = field(init=False, default_factory=dict)
    _reader: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        """Read every secret of a store once; raises SettingsInvalid that names the option."""
        # its own thread: a store or a disk that hangs must not take the threads of others
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"secrets-{self.name}")
        for path, value in _walk(self.given):
            if path[-1].endswith(_SUFFIX):
                self._held[path] = self._first(path, value)
        self._files = self._look()

    def __repr__(self) -> str:
        """The source's name."""
        return f"<Credentials of {self.name}>"

    @property
    def may_change(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self._files or self._held)

    def options(self) -> dict[str, object]:
        """The options as the connector takes them."""
        return self._filled(self.given, ())

    async def changed(self, *, is_forced: bool = False) -> bool:
        """Whether a file was replaced, or a store gave another secret; stores are asked when a lease is over."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._changed, is_forced)

    def close(self) -> None:
        """End the thread."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _changed(self, is_forced: bool) -> bool:
        found, before = self._look(), self._files
        self._files = found
        has_changed = found != before
        now = self.monotonic()
        for held in self._held.values():
            age = now - held.read_at
            if age < (min(FORCED_SECONDS, held.seconds) if is_forced else held.seconds):
                continue
            held.read_at = now
            lease = held.store.read(held.reference)
            if lease is None:
                continue
            held.seconds = lease.seconds or DEFAULT_LEASE_SECONDS
            if lease.secret != held.secret:
                held.secret, has_changed = lease.secret, True
        return has_changed

    def _look(self) -> dict[str, Signature]:
        return {
            str(value): _signature(value)
            for path, value in _walk(self.given)
            if path[-1].endswith("_file") and isinstance(value, str)
        }

    def _first(self, path: tuple[str, ...], value: object) -> _Held:
        option = ".".join(path)
        store, _, reference = value.partition(":") if isinstance(value, str) else ("", "", "")
        if store not in self.stores or not reference:
            raise SettingsInvalid(
                fault=f"source `{self.name}`: option `{option}` names no secret store of the settings",
                fix='write "store:reference", where `store` is a name under `secrets`',
            )
        lease = self.stores[store].read(reference)
        if lease is None:
            raise SettingsInvalid(
                fault=f"source `{self.name}`: the secret of option `{option}` can't be read from `{store}`",
                fix="check the reference, the store's address and its token",
            )
        return _Held(
            self.stores[store], reference, lease.secret, self.monotonic(), lease.seconds or DEFAULT_LEASE_SECONDS
        )

    def _filled(self, options: Mapping[str, object], above: tuple[str, ...]) -> dict[str, object]:
        made: dict[str, object] = {}
        for name, value in options.items():
            path = (*above, name)
            if path in self._held:
                made[name.removesuffix(_SUFFIX)] = self._held[path].secret
            elif isinstance(value, Mapping):
                made[name] = self._filled(value, path)
            else:
                made[name] = value
        return made


def _walk(options: Mapping[str, object], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _walk(value, (*above, name))
        else:
            yield (*above, name), value


def _signature(place: str) -> Signature:
    try:
        found = Path(place).stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
