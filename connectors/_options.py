"""Options of a source -> checked values.

A fault names the source and the option, never the option's value: it may hold a secret.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from pydantic import SecretStr

from gateway.errors import SettingsInvalid
from gateway.model.ids import SourceName

FIX = "see connectors/README.md for the options of each kind"


class Options:
    """The options of one source, taken one by one; what nobody took is unknown."""

    def __init__(self, source: SourceName, options: Mapping[str, object], prefix: str = "") -> None:
        self._source = source
        self._left = dict(options)
        self._prefix = prefix

    def __repr__(self) -> str:
        """Names only: values may be secret."""
        return f"<Options of {self._source}: {', '.join(sorted(self._left))}>"

    def refuse(self, name: str, fault: str) -> NoReturn:
        """Raise SettingsInvalid about one option."""
        raise SettingsInvalid(fault=f"source `{self._source}`: option `{self._prefix}{name}` {fault}", fix=FIX)

    def has(self, name: str) -> bool:
        """Whether the option is given (and not yet taken)."""
        return name in self._left

    def text(self, name: str, default: str | None = None) -> str:
        """A text; may be empty only where the default is."""
        value = self._left.pop(name, default)
        if value is None:
            self.refuse(name, "is missing")
        if not isinstance(value, str) or (not value and default != ""):
            self.refuse(name, "must be a text")
        return value

    def number(self, name: str, default: int, least: int = 1) -> int:
        """A whole number of at least `least`."""
        value = self._left.pop(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            self.refuse(name, f"must be a whole number, at least {least}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self._left.pop(name, default)
        if not isinstance(value, bool):
            self.refuse(name, "must be true or false")
        return value

    def seconds(self, name: str, default: float) -> float:
        """A positive number of seconds."""
        value = self._left.pop(name, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 3600:
            self.refuse(name, "must be a number of seconds between 0 and 3600")
        return float(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._left.pop(name, ())
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
            self.refuse(name, "must be a list of texts")
        return tuple(str(item) for item in value)

    def mapping(self, name: str) -> dict[str, object]:
        """A table of options."""
        value = self._left.pop(name, {})
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            self.refuse(name, "must be a table")
        return {str(key): item for key, item in value.items()}

    def inner(self, name: str, value: object) -> "Options":
        """The options inside one entry of a table."""
        if not isinstance(value, Mapping):
            self.refuse(name, "must be a table")
        return Options(self._source, {str(k): v for k, v in value.items()}, f"{self._prefix}{name}.")

    def folder(self, name: str) -> Path:
        """An absolute folder; whether it exists is seen when the source is asked."""
        path = Path(self.text(name))
        if not path.is_absolute():
            self.refuse(name, "must be an absolute path")
        return path

    def secret(self, name: str) -> "Secret | None":
        """`<name>_file`, `<name>_env`, or one from a secret store under the plain name; None where none is given."""
        kept = self._left.get(name)
        if isinstance(kept, SecretStr):
            del self._left[name]
            return Secret("store", kept.get_secret_value())
        given = [suffix for suffix in ("file", "env") if self.has(f"{name}_{suffix}")]
        if len(given) == 2:
            self.refuse(f"{name}_file", f"and `{name}_env` exclude each other")
        if not given:
            return None
        place = f"{name}_{given[0]}"
        secret = Secret(given[0], self.text(place))
        if secret.read() is None:
            self.refuse(place, "does not lead to a readable, non-empty secret")
        return secret

    def done(self) -> None:
        """Refuse what nobody took."""
        for name in sorted(self._left):
            self.refuse(name, "is unknown")


class Secret:
    """Where a secret is. Read anew each time, so that a changed file counts without a restart."""

    def __init__(self, kind: str, place: str) -> None:
        self._kind = kind
        self._place = place

    def __repr__(self) -> str:
        """Never the secret."""
        return f"<Secret from {self._kind}>"

    def read(self) -> str | None:
        """The secret without surrounding white space; None where it can't be read or is empty."""
        if self._kind == "store":
            return self._place.strip() or None
        if self._kind == "env":
            return os.environ.get(self._place, "").strip() or None
        try:
            return Path(self._place).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None
