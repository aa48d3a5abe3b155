"""Words for an administrator: findings in one line each, and names of the department's within them."""

from typing import Final

from gateway.spi import Finding, Outcome

MOST_SKEW_SECONDS: Final = 5.0
SEE_CODE: Final = ("see docs/errors.md for the code", "请查阅 docs/errors.md")


def good(step: str, en: str, zh: str) -> Finding:
    """It works."""
    return Finding(step=step, outcome=Outcome.GOOD, told=(en, zh))


def doubtful(step: str, en: str, zh: str, fix_en: str, fix_zh: str) -> Finding:
    """It works, and should be mended."""
    return Finding(step=step, outcome=Outcome.DOUBTFUL, told=(en, zh), fix=(fix_en, fix_zh))


def bad(step: str, en: str, zh: str, fix_en: str, fix_zh: str) -> Finding:
    """It doesn't work."""
    return Finding(step=step, outcome=Outcome.BAD, told=(en, zh), fix=(fix_en, fix_zh))


def named(text: str) -> str:
    """A name of the department's in the operator's text: one line, not too long."""
    return "`" + "".join(sign if sign.isprintable() else "?" for sign in text[:60]) + "`"


def no_tcp(kind: str) -> Finding:
    """The port can't be reached."""
    return bad(
        "tcp",
        f"the port can't be reached ({kind})",
        f"无法连接端口（{kind}）",
        "check host, port, firewall and that the service runs",
        "请检查主机、端口、防火墙，并确认服务已启动",
    )


def clock_found(skew: float, unit: float) -> Finding:
    """How far a source's clock is from ours; `unit` is how exactly that is known."""
    if abs(skew) > MOST_SKEW_SECONDS + unit:
        return doubtful(
            "clock",
            f"its clock is {skew:+.0f} seconds from ours",
            f"时钟与网关相差 {skew:+.0f} 秒",
            "have both follow a time server (NTP)",
            "请双方配置 NTP 时间同步",
        )
    return good("clock", f"its clock agrees with ours ({skew:+.1f} s)", f"时钟一致（{skew:+.1f} 秒）")
