"""Settings -> guarded sources, each by its connector's entry point. The gateway never names a connector."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime

from gateway.errors import SettingsInvalid
from gateway.model.ids import SourceName
from gateway.plugins import plugins
from gateway.settings import Settings, Source
from gateway.sources.credentials import Credentials, open_stores
from gateway.sources.guarded import GuardedSource
from gateway.sources.keeping import Sources
from gateway.spi import Connector, SecretStore


def open_sources(settings: Settings, more: Mapping[SourceName, Source], clock: Callable[[], datetime]) -> Sources:
    """Every configured source, and `more`; raises SettingsInvalid."""
    stores = open_stores(settings)
    configured = {SourceName(name): source for name, source in settings.sources.items()} | dict(more)
    return Sources({name: guard(name, source, stores, clock) for name, source in configured.items()})


def guard(
    name: SourceName, source: Source, stores: Mapping[str, SecretStore], clock: Callable[[], datetime]
) -> GuardedSource:
    """One source with what stands before it; raises SettingsInvalid."""
    return GuardedSource(
        name=name,
        kind=source.kind,
        resilience=source.resilience,
        credentials=Credentials(name=name, given=source.options(), stores=stores),
        open_connector=lambda options: open_source(name, source.kind, options),
        monotonic=time.monotonic,
        clock=clock,
    )


def open_source(name: SourceName, kind: str, options: Mapping[str, object]) -> Connector:
    """A connector by its entry point; raises SettingsInvalid."""
    kinds = {point.name: point for point in plugins("langqiao.connectors")}
    if kind not in kinds:
        raise SettingsInvalid(
            fault=f"`sources.{name}.kind`: no connector `{kind}`",
            fix=f"use one of {', '.join(sorted(kinds))}",
        )
    try:
        connector: type[Connector] = kinds[kind].load()
    except ImportError:
        raise SettingsInvalid(
            fault=f"`sources.{name}.kind`: the libraries of `{kind}` are not installed",
            fix="install the extra that connectors/README.md names beside the kind",
        ) from None
    return connector.open(name, options)
