"""What an administrator is told of a database: questions to ask it, and what the answers mean.

Pure: whoever has a connection asks, in whatever way its driver does. One question a line, each gives rows.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from connectors._told import bad, clock_found, doubtful, good
from gateway.spi import Finding

Rows = Sequence[Sequence[Any]]
LEAST: Final = (
    "give it a role that may only SELECT: docs/sources.md has the SQL",
    "请改用只读角色：SQL 见 docs/sources.md",
)

POSTGRESQL_QUESTIONS: Final = {
    "role": "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication FROM pg_roles"
    " WHERE rolname = current_user",
    "writes": "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
    " AND (has_table_privilege(c.oid, 'INSERT') OR has_table_privilege(c.oid, 'UPDATE')"
    " OR has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE'))",
    "makes": "SELECT count(*) FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'"
    " AND has_schema_privilege(oid, 'CREATE')",
    "tls": "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "clock": "SELECT clock_timestamp()",
}
MARIADB_QUESTIONS: Final = {
    "grants": "SHOW GRANTS",  # with those of the role in force and of everybody; FOR CURRENT_USER leaves them out
    "tls": "SHOW SESSION STATUS LIKE 'Ssl_cipher'",
    "clock": "SELECT UTC_TIMESTAMP(6)",
}
_ROLE: Final = ("is a superuser", "may make roles", "may make databases", "bypasses row security", "may replicate")
_ROLE_ZH: Final = ("是超级用户", "可创建角色", "可创建数据库", "可绕过行级安全", "可复制")
_GRANT: Final = re.compile(r"GRANT (.+?) ON .+? TO ", re.IGNORECASE | re.DOTALL)
# what MariaDB gives to everybody in the databases for trying out
_SCRATCH: Final = re.compile(r" ON `test(\\+_%)?`\.\* TO PUBLIC$", re.IGNORECASE)
_READING: Final = frozenset(
    {
        "USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "REPLICATION CLIENT", "BINLOG MONITOR",
        "SLAVE MONITOR", "REPLICA MONITOR", "EXECUTE",
    }
)  # fmt: skip


def tell_postgresql(answers: dict[str, Rows], now: datetime) -> list[Finding]:
    """Whether the account could write, TLS, clock."""
    flags = answers["role"][0] if answers["role"] else ()
    en = [told for told, is_set in zip(_ROLE, flags, strict=False) if is_set]
    zh = [told for told, is_set in zip(_ROLE_ZH, flags, strict=False) if is_set]
    writes, makes = int(answers["writes"][0][0]), int(answers["makes"][0][0])
    if writes:
        en, zh = [*en, f"may write to {writes} tables"], [*zh, f"可写 {writes} 张表"]
    if makes:
        en, zh = [*en, f"may make tables in {makes} schemas"], [*zh, f"可在 {makes} 个模式中建表"]
    is_encrypted = bool(answers["tls"] and answers["tls"][0][0])
    return [
        may_it_write(en, zh),
        encrypted(is_encrypted=is_encrypted),
        clock_found((answers["clock"][0][0].astimezone(UTC) - now).total_seconds(), 0.0),
    ]


def tell_mariadb(answers: dict[str, Rows], now: datetime) -> list[Finding]:
    """The same of MariaDB and MySQL."""
    more = writing_privileges([str(row[0]) for row in answers["grants"]])
    told = [f"has {', '.join(more)}"] if more else []
    is_encrypted = bool(answers["tls"] and answers["tls"][0][1])
    skew = (answers["clock"][0][0].replace(tzinfo=UTC) - now).total_seconds()
    return [
        may_it_write(told, [f"拥有 {', '.join(more)}"] if more else []),
        encrypted(is_encrypted=is_encrypted),
        clock_found(skew, 0.0),
    ]


def writing_privileges(grants: Sequence[str]) -> list[str]:
    """What `SHOW GRANTS` grants beyond reading, sorted; a line that can't be read counts as such."""
    found: set[str] = set()
    for line in grants:
        if " ON " not in line.upper() or _SCRATCH.search(line):
            continue  # membership in a role: its privileges are listed on lines of their own
        match = _GRANT.match(line)
        if match is None:
            found.add("something that can't be read")
            continue
        for privilege in re.sub(r"\([^)]*\)", "", match[1]).split(","):
            name = " ".join(privilege.upper().split())
            if name not in _READING:
                found.add(name)
        if re.search(r"\bWITH\b.*\bGRANT OPTION\b", line, re.IGNORECASE):
            found.add("GRANT OPTION")
    return sorted(found)


def may_it_write(en: Sequence[str], zh: Sequence[str]) -> Finding:
    """From what the account may do beyond reading."""
    if en:
        return doubtful("read-only", f"the account {', '.join(en)}", f"账号{'、'.join(zh)}", *LEAST)
    return good("read-only", "the account can only read", "账号仅可读取")


def encrypted(*, is_encrypted: bool) -> Finding:
    """Of the connection."""
    if is_encrypted:
        return good("tls", "the connection is encrypted", "连接已加密")
    return doubtful(
        "tls",
        "the connection is not encrypted",
        "连接未加密",
        "ask for TLS in the address (sslmode=verify-full; ssl_ca=...)",
        "请在连接地址中启用 TLS",
    )


def not_let_in(kind: str) -> Finding:
    """The port answers, and no session comes of it."""
    return bad(
        "sign-in",
        f"the server answers, but there is no session ({kind})",
        f"服务器可连接，但无法建立会话（{kind}）",
        "check user, password, database and the server's rules for this address (pg_hba.conf, user@host)",
        "请检查用户、口令、库名，以及服务器对本机地址的访问规则",
    )
