"""`langqiao notices`, `reviews`, `canaries`: reviews as supervisors, reviewers and those who are asked see them."""

import json
from typing import Annotated

import typer
from rich.table import Table

from gateway.cli.asking import asker_of
from gateway.cli.terminal import DEMO_FOLDER, As, DemoFolder, PurposeName, Url, err, out
from gateway.demo.ask import Answer, get, post

After = Annotated[int, typer.Option(min=-1, help="only entries with a higher index")]
Raw = Annotated[bool, typer.Option("--json", help="the answer as it came")]
Entry = Annotated[int, typer.Argument(min=0, help="the entry's index 日志序号")]
Note = Annotated[str, typer.Option("--note", help="why, in words 说明")]
OwnPurpose = Annotated[str, typer.Option("--purpose", "-p", help="a purpose that you work for 所从事的用途")]
_COLUMNS = (
    "index", "at", "principal", "app", "dataset", "rows", "justification", "origin", "state", "due", "verdict",
)  # fmt: skip
_OWN = ("index", "at", "purpose", "dataset", "rows", "question", "answer_due", "answer", "verdict")
_WORDS = ("question", "answer", "note", "closing")


def notices(
    purpose: PurposeName = "policy-administration",
    after: After = -1,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    *,
    as_json: Raw = False,
) -> None:
    """List break-glass answers, as they happened (紧急访问通知)."""
    _show(get(asker_of(folder, person, url), f"/notices?after={after}", purpose=purpose), as_json=as_json)


reviews = typer.Typer(help="Entries asked about, answered, decided, closed. 复核", no_args_is_help=True)
canaries = typer.Typer(help="Planted people whom nobody should look at. 诱饵", no_args_is_help=True)


@reviews.command("list")
def reviews_list(
    purpose: PurposeName = "compliance-review",
    after: After = -1,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    *,
    as_json: Raw = False,
) -> None:
    """List what waits for a decision, the oldest first; what is overdue in red. 待复核."""
    _show(get(asker_of(folder, person, url), f"/reviews?after={after}", purpose=purpose), as_json=as_json)


@reviews.command("show")
def reviews_show(
    index: Entry,
    purpose: PurposeName = "compliance-review",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    *,
    as_json: Raw = False,
) -> None:
    """Show a review with all its words. 查看复核."""
    answer = get(asker_of(folder, person, url), f"/reviews/{index}", purpose=purpose)
    _show(answer, as_json=as_json)
    if not as_json:
        (entry,) = json.loads(answer.text)["entries"]
        for name in _WORDS:
            if entry[name]:
                out.print(f"{name}: {entry[name]}", highlight=False, markup=False)


@reviews.command("open")
def reviews_open(
    index: Entry,
    purpose: PurposeName = "compliance-review",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Choose an entry for a review. 选取一条日志复核."""
    _done(post(asker_of(folder, person, url), "/reviews", {"entry": index}, purpose=purpose or ""), index, "opened")


@reviews.command("ask")
def reviews_ask(
    index: Entry,
    question: Annotated[str, typer.Option("--question", help="what you want to know 问题")],
    purpose: PurposeName = "compliance-review",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Ask the entry's person. 向本人提问."""
    path = f"/reviews/{index}/question"
    _done(post(asker_of(folder, person, url), path, {"question": question}, purpose=purpose or ""), index, "asked")


@reviews.command("mine")
def reviews_mine(
    purpose: OwnPurpose,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
    *,
    as_json: Raw = False,
) -> None:
    """List what you were asked yourself. 向我提出的问题."""
    _show(get(asker_of(folder, person, url), "/reviews/asked", purpose=purpose), as_json=as_json, columns=_OWN)


@reviews.command("answer")
def reviews_answer(
    index: Entry,
    text: Annotated[str, typer.Option("--text", help="your answer 答复")],
    purpose: OwnPurpose,
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Answer what you were asked, once. 答复（仅一次）."""
    path = f"/reviews/{index}/answer"
    _done(post(asker_of(folder, person, url), path, {"answer": text}, purpose=purpose), index, "answered")


@reviews.command("decide")
def reviews_decide(
    index: Entry,
    verdict: Annotated[str, typer.Argument(help="justified, not-justified, or follow-up")],
    note: Note,
    purpose: PurposeName = "compliance-review",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Decide a review, for good. Nobody decides their own. 作出结论."""
    content: dict[str, object] = {"verdict": verdict, "note": note}
    _done(post(asker_of(folder, person, url), f"/reviews/{index}", content, purpose=purpose or ""), index, verdict)


@reviews.command("close")
def reviews_close(
    index: Entry,
    note: Note,
    purpose: PurposeName = "compliance-review",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Close what is decided, saying what followed. 结案."""
    path = f"/reviews/{index}/closing"
    _done(post(asker_of(folder, person, url), path, {"note": note}, purpose=purpose or ""), index, "closed")


@canaries.command("list")
def canaries_list(
    purpose: PurposeName = "policy-administration",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """List the keyed hashes that are watched for. 列出诱饵."""
    answer = get(asker_of(folder, person, url), "/canaries", purpose=purpose)
    _stop_where_refused(answer)
    table = Table("subject", "added_by", "added_at", header_style="bold")
    for one in json.loads(answer.text)["canaries"]:
        table.add_row(one["subject"], one["added_by"], one["added_at"])
    out.print(table)


@canaries.command("add")
def canaries_add(
    id_number: Annotated[str, typer.Option("--id-number", prompt=True, help="of the planted person 诱饵的身份证号")],
    purpose: PurposeName = "policy-administration",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Watch for a planted person; the number is hashed and kept nowhere. 设置诱饵."""
    answer = post(asker_of(folder, person, url), "/canaries", {"id_number": id_number}, purpose=purpose or "")
    _stop_where_refused(answer)
    out.print(f"{json.loads(answer.text)['subject']}  [dim]receipt {answer.receipt}[/]", highlight=False)


@canaries.command("withdraw")
def canaries_withdraw(
    subject: Annotated[str, typer.Argument(help="as the list has it")],
    purpose: PurposeName = "policy-administration",
    person: As = None,
    url: Url = None,
    folder: DemoFolder = DEMO_FOLDER,
) -> None:
    """Watch for it no more. 撤销诱饵."""
    path = "/canaries/withdrawal"
    answer = post(asker_of(folder, person, url), path, {"subject": subject}, purpose=purpose or "")
    _stop_where_refused(answer)
    out.print(f"withdrawn  [dim]receipt {answer.receipt}[/]", highlight=False)


def _show(answer: Answer, *, as_json: bool, columns: tuple[str, ...] = _COLUMNS) -> None:
    _stop_where_refused(answer)
    if as_json:
        out.print(answer.text, soft_wrap=True, highlight=False, markup=False)
        return
    table = Table(*columns, header_style="bold")
    for entry in json.loads(answer.text)["entries"]:
        table.add_row(
            *("" if entry[name] is None else str(entry[name]) for name in columns),
            style="red" if entry["is_overdue"] or entry["is_answer_overdue"] else None,
        )
    out.print(table)


def _done(answer: Answer, index: int, what: str) -> None:
    _stop_where_refused(answer)
    out.print(f"entry {index}: {what}  [dim]receipt {answer.receipt}[/]", highlight=False, soft_wrap=True)


def _stop_where_refused(answer: Answer) -> None:
    if answer.status >= 400:
        err.print(f"[bold red]{answer.status}[/] {answer.problem_text()}", highlight=False)
        raise typer.Exit(1)
