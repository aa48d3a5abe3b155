"""How the way to a database is encrypted, from the options of its source.

`tls` is `verify-full` (certificate and host name are checked), `require` (encrypted, to whomever) or `disable`. Without
it: verify-full, and no encryption to the machine itself.
"""

import ssl
from dataclasses import dataclass
from functools import lru_cache

from connectors._options import Options

_MODES = ("verify-full", "require", "disable")
_HERE = frozenset({"", "localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Tls:
    """What was configured; `context`: where files were named."""

    mode: str | None
    context: ssl.SSLContext | None = None

    def towards(self, host: str | None) -> ssl.SSLContext | None:
        """The context for a host; None: none."""
        is_here = self.mode is None and ((host or "") in _HERE or (host or "").startswith("/"))
        if is_here or self.mode == "disable":
            return None
        return self.context or _usual(checks=self.mode != "require")


def take_tls(taken: Options) -> Tls:
    """Options `tls`, `tls_ca`, `tls_cert` and `tls_key`; raises SettingsInvalid."""
    mode = taken.text("tls") if taken.has("tls") else None
    if mode is not None and mode not in _MODES:
        taken.refuse("tls", f"must be one of {', '.join(_MODES)}")
    files = {name: taken.text(name) if taken.has(name) else None for name in ("tls_ca", "tls_cert", "tls_key")}
    if mode == "disable":
        for name, file in files.items():
            if file is not None:
                taken.refuse(name, "says something of an encryption that `tls` switches off")
        return Tls(mode)
    if not any(files.values()):
        return Tls(mode)
    try:
        context = ssl.create_default_context(cafile=files["tls_ca"])
    except OSError:
        taken.refuse("tls_ca", "is no readable file of certificates")
    if mode == "require":
        _trust_anybody(context)
    if files["tls_cert"] is not None:
        try:
            context.load_cert_chain(files["tls_cert"], files["tls_key"])
        except OSError:
            taken.refuse("tls_cert", "and `tls_key` are no certificate and its key")
    elif files["tls_key"] is not None:
        taken.refuse("tls_key", "needs `tls_cert`")
    # who names files wants encryption, even to the machine itself
    return Tls(mode or "verify-full", context)


@lru_cache
def _usual(*, checks: bool) -> ssl.SSLContext:
    """With the system's certificates: to read them takes its time, and they are for all sources."""
    context = ssl.create_default_context()
    if not checks:
        _trust_anybody(context)
    return context


def _trust_anybody(context: ssl.SSLContext) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
