"""A small client of the gateway: what an app does, in one function. Real HTTP, real credentials."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import Self, cast
from urllib.parse import quote

import httpx2

from gateway.demo.personas import credentials_of


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Asker:
    """An app with its key and a person with their token."""

    url: str
    app_key: str
    token: str

    @classmethod
    def from_demo(cls, folder: Path, person: str, now: datetime, *, hours: int = 1, url: str | None = None) -> Self:
        """One of the demo's people; raises OSError or KeyError where the demo was not made or knows them not."""
        found = credentials_of(folder, person, now, hours)
        return cls(url=url or found.url, app_key=found.app_key, token=found.token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    text: str
    receipt: str
    content_range: str
    notices: str

    def rows(self) -> list[dict[str, object]]:
        """The rows of a disclosure; none for a refusal."""
        parsed = json.loads(self.text) if self.text and self.status < 400 else []
        return cast("list[dict[str, object]]", parsed if isinstance(parsed, list) else [parsed])

    def problem_text(self) -> str:
        """`GW401 …` of a refusal."""
        try:
            problem = json.loads(self.text)
            return f"{problem['gateway_code']} {problem['message']} → {problem['hint']}"
        except (ValueError, KeyError, TypeError):
            return self.text[:200]

    @property
    def code(self) -> str:
        """The gateway's code of a refusal, else an empty text."""
        return self.problem_text().partition(" ")[0] if self.status >= 400 else ""


def ask(
    asker: Asker,
    question: str,
    *,
    purpose: str | None = None,
    case: str | None = None,
    justification: str | None = None,
    explain: bool = False,
) -> Answer:
    """Ask `dataset?query`; with `explain` ask what it would meet instead."""
    declared = {"purpose": purpose, "case": case, "justification": quote(justification) if justification else None}
    headers = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}"}
    headers |= {name: value for name, value in declared.items() if value is not None}
    path = "/data/" + quote(question.removeprefix("/data/"), safe="/?&=.,():*-_!'\"%+<>{}|~")
    with httpx2.Client(base_url=asker.url, timeout=30, trust_env=False) as client:
        if explain:
            response = client.post("/explain", headers=headers, json={"question": path})
        else:
            response = client.get(path, headers=headers)
    return answer_of(response)


def post(
    asker: Asker, path: str, content: dict[str, object] | None, *, purpose: str, case: str | None = None
) -> Answer:
    """A control-plane change, e.g. opening a case."""
    headers = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": purpose}
    headers |= {"case": case} if case is not None else {}
    with httpx2.Client(base_url=asker.url, timeout=30, trust_env=False) as client:
        return answer_of(client.post(path, headers=headers, json=content))


def get(asker: Asker, path: str, *, purpose: str | None = None) -> Answer:
    """What the control plane tells, e.g. the reviews that wait."""
    headers = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}"}
    headers |= {"purpose": purpose} if purpose is not None else {}
    with httpx2.Client(base_url=asker.url, timeout=30, trust_env=False) as client:
        return answer_of(client.get(path, headers=headers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file that came back, or why it didn't."""

    refused: Answer | None
    name: str
    content: bytes
    note: str
    receipt: str


def download(asker: Asker, path: str, content: dict[str, object], *, purpose: str) -> Download:
    """A file that is made by order, with the signed note in its header."""
    headers = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": purpose}
    with httpx2.Client(base_url=asker.url, timeout=120, trust_env=False) as client:
        response = client.post(path, headers=headers, json=content)
    name = response.headers.get("content-disposition", "").partition('filename="')[2].rstrip('"')
    return Download(
        refused=answer_of(response) if response.status_code >= 400 else None,
        name=PurePath(name).name or "report",
        content=response.content,
        note=base64.b64decode(response.headers.get("langqiao-report-note", "")).decode(),
        receipt=response.headers.get("langqiao-receipt", ""),
    )


def answer_of(response: httpx2.Response) -> Answer:
    """What the app keeps of a response."""
    return Answer(
        status=response.status_code,
        text=response.text,
        receipt=response.headers.get("langqiao-receipt", ""),
        content_range=response.headers.get("content-range", ""),
        notices=response.headers.get("langqiao-notices", ""),
    )
