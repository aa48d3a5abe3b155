"""`langqiao reidentify`, `flags`: tokens turned back by approval, and who ran into a limit against guessing."""

import json
from typing import Annotated, cast

import typer
from rich.table import Table

from gateway.cli.asking import asker_of
from gateway.cli.terminal import DEMO_FOLDER, As, CaseName, DemoFolder, Url, err, out
from gateway.demo.ask import Answer, get, post

_PATH = "/reidentifications"
_COLUMNS = (
    "id", "state", "case", "requested_by", "requested_at", "entry", "dataset", "field", "seen_by", "reason",
    "decided_by", "lapses_at",
)  # fmt: skip
_FLAG_COLUMNS = ("index", "at", "principal", "purpose", "id", "zh", "en")
Purpose = Annotated[str, typer.Option("--purpose", "-p", help="the one purpose of the request 用途")]
Raw = Annotated[bool, typer.Option("--json", help="the answer as it came 原样输出")]
RequestName = Annotated[str, typer.Argument(help="the request's id, e.g. r-0123456789abcdef 申请编号")]

reidentify = typer.Typer(help="Tokens turned back, by approval of a second person. 身份还原", no_args_is_help=True)


@reidentify.command("request")
def reidentify_request(
    entry: Annotated[int, typer.Argument(min=0, help="index of the answer's receipt 答复的日志序号")],
    dataset: Annotated[str, typer.Argument(help="full name of the dataset 数据集全名")],
    field: Annotated[str, typer.Argument(help="the field that showed the token 显示令牌的字段")],
    token: Annotated[str, typer.Option("--token", prompt=True, help="as the answer showed it 所见令牌")],
    because: Annotated[str, typer.Option("--because", help="why, in 10 to 500 characters 理由")],
    case: CaseName = None,
    purpose: Purpose = "re-identification",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Ask for a token to be turned back; it counts whatever comes of it. 申请还原令牌."""
    content: dict[str, object] = {
        "entry": entry, "dataset": dataset, "field": field, "token": token, "reason": because,
    }  # fmt: skip
    answer = post(asker_of(folder, person, url), _PATH, content, purpose=purpose, case=case)
    told = _told(answer)
    out.print(f"{told['id']}: {told['state']}  [dim]receipt {answer.receipt}[/]", highlight=False, soft_wrap=True)


@reidentify.command("list")
def reidentify_list(
    purpose: Purpose = "re-identification",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    *,
    as_json: Raw = False,
) -> None:
    """List the purpose's requests, pending ones first. 列出还原申请."""
    _show(get(asker_of(folder, person, url), _PATH, purpose=purpose), "requests", _COLUMNS, as_json=as_json)


@reidentify.command("approve")
def reidentify_approve(
    request: RequestName,
    note: Annotated[str, typer.Option("--note", help="why, in words 批注")],
    refuse: Annotated[bool, typer.Option("--refuse", help="refuse it instead 驳回")] = False,
    purpose: Purpose = "re-identification",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Approve what somebody else asked for, or refuse it, for good. 批准或驳回他人的申请."""
    content: dict[str, object] = {"verdict": "refused" if refuse else "approved", "note": note}
    answer = post(asker_of(folder, person, url), f"{_PATH}/{request}/approval", content, purpose=purpose)
    told = _told(answer)
    out.print(f"{request}: {told['state']}  [dim]receipt {answer.receipt}[/]", highlight=False, soft_wrap=True)


@reidentify.command("open")
def reidentify_open(
    request: RequestName,
    case: CaseName = None,
    purpose: Purpose = "re-identification",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Show what the token stands for: to who asked, once. 开启已批准的申请（仅一次）."""
    answer = post(asker_of(folder, person, url), f"{_PATH}/{request}/opening", None, purpose=purpose, case=case)
    told = _told(answer)
    out.print(str(told["value"]), highlight=False, markup=False)
    err.print(f"[dim]receipt {answer.receipt}[/]", highlight=False, soft_wrap=True)


def flags(
    purpose: Purpose = "policy-administration",
    after: Annotated[int, typer.Option(min=-1, help="only entries with a higher index 仅列出其后的记录")] = -1,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    *,
    as_json: Raw = False,
) -> None:
    """List who was flagged, and why: in a sentence each. 告警."""
    answer = get(asker_of(folder, person, url), f"/flags?after={after}", purpose=purpose)
    _show(answer, "flags", _FLAG_COLUMNS, as_json=as_json)


def _told(answer: Answer) -> dict[str, object]:
    if answer.status >= 400:
        err.print(f"[bold red]{answer.status}[/] {answer.problem_text()}", highlight=False)
        raise typer.Exit(1)
    return cast("dict[str, object]", json.loads(answer.text))


def _show(answer: Answer, of: str, columns: tuple[str, ...], *, as_json: bool) -> None:
    told = _told(answer)
    if as_json:
        out.print(answer.text, soft_wrap=True, highlight=False, markup=False)
        return
    table = Table(*columns, header_style="bold")
    for one in cast("list[dict[str, object]]", told[of]):
        table.add_row(*("" if one[name] is None else str(one[name]) for name in columns))
    out.print(table)
