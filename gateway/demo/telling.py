"""How the demo tells a scene: the question, the answer as the app sees it, which rule did what, the receipt."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape

from gateway.demo.ask import Answer, Asker, ask

_SHOWN_ROWS = 3


class SceneFailed(Exception):
    """A scene did not go as told."""


def expect(told: object, sentence: str) -> None:
    """Raise SceneFailed with the sentence where what was told did not happen."""
    if not told:
        raise SceneFailed(sentence)


@dataclass(slots=True)
class Teller:
    """Asks and tells. Every request is a real one."""

    console: Console
    askers: dict[str, Asker]
    titles: dict[str, str]
    receipts: list[str] = field(default_factory=list)

    def scene(self, number: int, zh: str, en: str) -> None:
        """The head of a scene."""
        self.console.print(f"\n[bold cyan]{number:>2}  {zh}[/]  [cyan]{en}[/]", soft_wrap=True)

    def say(self, text: str) -> None:
        """One line of telling."""
        self.console.print(f"    {text}", highlight=False, soft_wrap=True)

    def ask(
        self,
        person: str,
        question: str,
        purpose: str,
        *,
        case: str | None = None,
        justification: str | None = None,
        fields: Sequence[str] | None = None,
        why: bool = True,
    ) -> Answer:
        """Ask as `person`, show what came back, and (with `why`) the rules behind it."""
        asker = self.askers[person]
        self.say(f"[bold]{self.titles[person]}[/] · [magenta]{purpose}[/]")
        self.say(f"[yellow]? GET /data/{escape(question)}[/]")
        answer = ask(asker, question, purpose=purpose, case=case, justification=justification)
        self._show(answer)
        if why and answer.status < 400:
            told = ask(asker, question, purpose=purpose, case=case, justification=justification, explain=True)
            self._show_why(told, fields or _selected(question))
        if answer.receipt:
            self.receipts.append(answer.receipt)
            self.say(f"[dim]receipt 回执 {answer.receipt[:60]}…[/]")
        return answer

    def _show(self, answer: Answer) -> None:
        if answer.status >= 400:
            self.say(f"[red]✗ {answer.status} {escape(answer.problem_text())}[/]")
            return
        rows = answer.rows()
        for row in rows[:_SHOWN_ROWS]:
            self.say(f"[green]→ {escape(json.dumps(row, ensure_ascii=False))}[/]")
        if not rows:
            self.say("[green]→ no rows 无结果[/]")
        elif len(rows) > _SHOWN_ROWS:
            self.say(f"[dim]  … {len(rows)} rows in all[/]")
        if answer.notices:
            self.say(f"[yellow]! {escape(answer.notices)}[/]")

    def _show_why(self, told: Answer, fields: Sequence[str]) -> None:
        if told.status >= 400:
            return
        why = json.loads(told.text)
        parts = [
            f"{name} [bold]{why['fields'][name]['level']}[/] ← {' '.join(why['fields'][name]['rules'])}"
            for name in fields
            if name in why["fields"]
        ]
        self.say("[dim]why 为何:[/] " + "; ".join(parts))
        self.say(f"[dim]rows 行:[/] {escape(why['rows']['filter'])} ← {' '.join(why['rows']['rules'])}")


def _selected(question: str) -> list[str]:
    """The fields that a question names in `select`."""
    select = question.partition("select=")[2].partition("&")[0]
    return [part for part in select.split(",") if part.isidentifier()]
