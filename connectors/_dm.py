"""DM (达梦) for SQLAlchemy: its SQL is Oracle's, its driver is dmPython. dmSQLAlchemy won't load on SQLAlchemy 2.1."""

from importlib import import_module
from types import ModuleType
from typing import Any

from sqlalchemy.dialects.oracle.base import OracleDialect
from sqlalchemy.engine import URL, Connection


class DmDialect(OracleDialect):
    """`dm://user:password@host:5236`; a schema is an option of the source."""

    name = "dm"
    driver = "dmPython"
    default_paramstyle = "qmark"
    supports_statement_cache = False

    @classmethod
    def import_dbapi(cls) -> ModuleType:
        """The vendor's driver; it comes with the database, not from a registry."""
        return import_module("dmPython")

    def create_connect_args(self, url: URL) -> Any:  # noqa: ANN401  # as in the library
        """As the driver takes them."""
        return [], {"user": url.username, "password": url.password, "server": url.host, "port": url.port or 5236}

    def _get_server_version_info(self, connection: Connection) -> tuple[int, ...]:
        """What of Oracle it understands: FETCH FIRST."""
        del connection
        return (12, 2)
