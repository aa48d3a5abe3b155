"""A database tried step by step over SQLAlchemy; what the answers mean is `_sql_diagnosis`."""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine

from connectors._sql_diagnosis import (
    LEAST,
    MARIADB_QUESTIONS,
    POSTGRESQL_QUESTIONS,
    Rows,
    not_let_in,
    tell_mariadb,
    tell_postgresql,
)
from connectors._told import bad, doubtful, good, no_tcp
from connectors._work import Call, Workers
from gateway.errors import SourceDenied, SourceFailed
from gateway.spi import Finding, Outcome

_PORTS: Final = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
_SECONDS: Final = 10.0
_UNKNOWN: Final = (
    "read-only",
    "whether the account could write can't be found out here",
    "此处无法判断账号是否可写",
)


async def diagnose_database(
    name: str, engine: Engine, workers: Workers, health: Callable[[], Awaitable[None]]
) -> AsyncIterator[Finding]:
    """Ends after the first that bars the rest."""
    kind = engine.dialect.name
    if kind != "sqlite":
        port = engine.url.port or _PORTS.get(kind)
        async for finding in reached(name, engine.url.host, port):
            yield finding
            if finding.outcome is Outcome.BAD:
                return
    began = time.monotonic()
    try:
        await health()
    except SourceFailed as error:
        yield _no_file(error) if kind == "sqlite" else not_let_in(error.operator or error.code)
        return
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    yield good("sign-in", f"a session was opened ({took})", f"会话已建立（{took}）")
    try:
        for finding in await workers.run(Call(name, lambda: _told(engine)), _SECONDS):
            yield finding
    except SourceFailed:
        yield doubtful(*_UNKNOWN, *LEAST)


async def reached(name: str, host: str | None, port: int | None) -> AsyncIterator[Finding]:
    """Whether the name is known and the port answers; nothing for a socket of this machine."""
    if host is None or port is None or host.startswith("/"):
        return  # a socket of this machine, or several hosts
    import httpcore2  # for a trial alone: it takes its time to load

    from connectors._addresses import CheckedNetwork

    network = CheckedNetwork(name)
    try:
        try:
            addresses = await network.resolve(host, port)
        except httpcore2.ConnectError:
            yield bad(
                "dns",
                "the host's name is not found",
                "无法解析主机名",
                "check it and the name server",
                "请检查主机名与 DNS",
            )
            return
        yield good("dns", f"the host is known ({len(addresses)} addresses)", f"主机名可解析（{len(addresses)} 个地址）")
        began = time.monotonic()
        try:
            stream = await httpcore2.AnyIOBackend().connect_tcp(str(addresses[0]), port, _SECONDS)
            await stream.aclose()
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            yield no_tcp(type(error).__name__)
            return
        took = f"{(time.monotonic() - began) * 1000:.0f} ms"
        yield good("tcp", f"the port answers ({took})", f"端口可连接（{took}）")
    finally:
        network.close()


def _told(engine: Engine) -> list[Finding]:
    kind = engine.dialect.name
    questions = {"postgresql": POSTGRESQL_QUESTIONS, "mysql": MARIADB_QUESTIONS, "mariadb": MARIADB_QUESTIONS}.get(kind)
    try:
        with engine.connect() as connection:
            if questions is None:
                rows = connection.exec_driver_sql("PRAGMA database_list").fetchall() if kind == "sqlite" else []
                return [_file(str(row[2])) for row in rows if row[1] == "main"] or [doubtful(*_UNKNOWN, *LEAST)]
            answers: dict[str, Rows] = {}
            began = datetime.fromtimestamp(time.time(), UTC)
            for question, statement in questions.items():
                began = datetime.fromtimestamp(time.time(), UTC)
                answers[question] = [tuple(row) for row in connection.exec_driver_sql(statement).fetchall()]
            middle = began + (datetime.fromtimestamp(time.time(), UTC) - began) / 2  # `clock` is asked last
            return (tell_postgresql if kind == "postgresql" else tell_mariadb)(answers, middle)
    except Exception as error:  # noqa: BLE001  # drivers raise what they like; the text may hold the address
        return [not_found_out(error)]


def not_found_out(error: Exception) -> Finding:
    """Of an error its kind only: its text may hold the address."""
    return doubtful(*_UNKNOWN[:1], f"{_UNKNOWN[1]} ({type(error).__name__})", _UNKNOWN[2], *LEAST)


def _file(path: str) -> Finding:
    if path and os.access(path, os.W_OK):
        return doubtful(
            "read-only",
            "the file is opened read-only, but the gateway's account could write to it",
            "文件以只读方式打开，但网关账号对其有写权限",
            "take the right to write away",
            "请收回写权限",
        )
    return good("read-only", "the file can only be read", "文件仅可读取")


def _no_file(error: SourceFailed) -> Finding:
    told = "not let in" if isinstance(error, SourceDenied) else error.operator or error.code
    return bad(
        "sign-in",
        f"the file can't be opened as a database ({told})",
        f"无法打开数据库文件（{told}）",
        "check `folder`, `file` and their rights",
        "请检查 `folder`、`file` 及其权限",
    )
