"""A report's standing in words: the lines above and below its tables."""

from gateway.administration.reports._model import Cell, Report, Standing, Titles, View

_LINES: tuple[Titles, ...] = (
    {"en": "Time", "zh": "统计时段"},
    {"en": "Log", "zh": "审计日志"},
    {"en": "Entries", "zh": "日志范围"},
    {"en": "Checkpoint root", "zh": "检查点根"},
    {"en": "Parameters", "zh": "参数"},
    {"en": "Made at", "zh": "生成时间"},
)
_SIZE: Titles = {"en": "entries", "zh": "条"}
PROMISE: Titles = {
    "en": "Each figure is counted from the log's entries of this time and range alone. Reviews are told as the log had"
    " them at its end. The signed note says over which bytes it was made: langqiao audit report-verify FILE.",
    "zh": "各项数字均仅由上述时段与范围内的日志条目统计得出，复核状态以时段末为准。本文件附有签名，"
    "可用 langqiao audit report-verify 凭公钥核验。",
}
NOTHING: Titles = {"en": "Nothing of the kind in this time.", "zh": "本时段内没有此类记录。"}


def standing_lines(report: Report) -> tuple[tuple[str, str], ...]:
    """Names and values."""
    standing = report.standing
    view = View(language=standing.language, zone=standing.zone)
    parameters = ", ".join(f"{name} {value}" for name, value in sorted(standing.parameters.items()))
    values = (
        f"{view.moment(standing.since)} - {view.moment(standing.until)} ({standing.zone})",
        f"{standing.origin} ({standing.size} {_SIZE[standing.language]})",
        _range(standing),
        standing.root,
        parameters or "-",
        f"{view.moment(standing.made_at)} ({standing.zone})",
    )
    return tuple((line[standing.language], value) for line, value in zip(_LINES, values, strict=True))


def plain(cell: Cell) -> str:
    """A cell's text, without what no document can hold: control characters, lone surrogates."""
    text = str(cell)
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in " \t\n" else "\ufffd" for letter in text)


def _range(standing: Standing) -> str:
    return "-" if standing.begin >= standing.end else f"{standing.begin} - {standing.end - 1}"
