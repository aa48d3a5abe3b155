"""Reviews over HTTP: break-glass notices, what waits, and each step from question to closing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response as HttpResponse

from gateway.administration import Notice, ReviewDesk, nothing_to_make
from gateway.api.acting import Acting
from gateway.model.audit import EntryKind
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import DatasetName
from gateway.pipeline import Pipeline

HIGHEST_INDEX = 2**63 - 1  # that a database can keep
_REVIEW = DatasetName("langqiao.review")
Index = Annotated[int, Path(ge=0, le=HIGHEST_INDEX)]
After = Annotated[int, Query(ge=-1, le=HIGHEST_INDEX)]
Words = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]+$")]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReviewVerdict(_Wire):
    """What the reviewer found, and why. The note is sealed beside the log, not in it."""

    verdict: Literal["justified", "not-justified", "follow-up"]
    note: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


class ReviewOpening(_Wire):
    """An entry chosen for a review."""

    entry: Annotated[int, Field(ge=0, le=HIGHEST_INDEX)]


class ReviewQuestion(_Wire):
    """What the entry's person is asked."""

    question: Words


class ReviewAnswer(_Wire):
    """What the person says to it."""

    answer: Words


class ReviewClosing(_Wire):
    """What followed from the verdict."""

    note: Words


class ReviewFace:
    """The routes."""

    def __init__(
        self,
        *,
        pipeline: Callable[[], Pipeline],
        reviews: Callable[[], ReviewDesk],
        clock: Callable[[], datetime],
    ) -> None:
        self._acting = Acting(pipeline=pipeline, clock=clock, dataset=_REVIEW, kind=EntryKind.REVIEW)
        self._reviews = reviews
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every route of reviews and notices."""
        router = APIRouter(tags=["reviews"])
        add = router.add_api_route
        add("/notices", self.notices, summary="Break-glass answers, as they happen")
        add("/reviews", self.waiting, summary="Entries that wait for a verdict")
        add("/reviews", self.open, methods=["POST"], status_code=201, summary="Choose an entry for a review")
        add("/reviews/asked", self.asked, summary="What you were asked yourself")
        add("/reviews/{index}", self.read, summary="A review with all its words")
        add("/reviews/{index}", self.decide, methods=["POST"], summary="Decide a review")
        add("/reviews/{index}/question", self.ask, methods=["POST"], summary="Ask the entry's person")
        add("/reviews/{index}/answer", self.answer, methods=["POST"], summary="Answer what you were asked")
        add("/reviews/{index}/closing", self.close, methods=["POST"], summary="Close what is decided")
        return router

    # ------------------------------------------------------------------ what is told
    async def notices(self, request: Request, after: After = -1) -> HttpResponse:
        """Those over `after`, reviewed or not; ask again with the last index."""
        return await self._list(
            request, "notice", "notices listed", lambda _: self._reviews().notices(after, self._clock())
        )

    async def waiting(self, request: Request, after: After = -1) -> HttpResponse:
        """The oldest first; ask again with the last index."""
        return await self._list(
            request, "verdict", "reviews listed", lambda _: self._reviews().waiting(after, self._clock())
        )

    async def asked(self, request: Request) -> HttpResponse:
        """The unanswered first, with the day until which an answer is awaited."""
        return await self._list(
            request, "answer", "own reviews listed",
            lambda caller: self._reviews().asked_of(caller.principal, self._clock()),
        )  # fmt: skip

    async def read(self, index: Index, request: Request) -> HttpResponse:
        """Question, answer, note and closing; decided and closed ones as well."""
        return await self._list(
            request, "verdict", f"review of entry {index} read", lambda _: (self._reviews().read(index, self._clock()),)
        )

    # ------------------------------------------------------------------ steps
    async def open(self, body: ReviewOpening, request: Request) -> HttpResponse:
        """Any entry of the log that has no review yet."""
        return await self._step(
            request, "opening", lambda caller: self._reviews().open(body.entry, caller, self._clock()),
            {"index": body.entry, "state": "opened"}, status=201,
        )  # fmt: skip

    async def ask(self, index: Index, body: ReviewQuestion, request: Request) -> HttpResponse:
        """Once; the answer is awaited within `review_answer_hours`."""
        return await self._step(
            request, "question",
            lambda caller: self._reviews().ask(index, caller, question=body.question, now=self._clock()),
            {"index": index, "state": "asked"},
        )  # fmt: skip

    async def answer(self, index: Index, body: ReviewAnswer, request: Request) -> HttpResponse:
        """Only the person whose entry it is answers; once."""
        return await self._step(
            request, "answer",
            lambda caller: self._reviews().answer(index, caller, answer=body.answer, now=self._clock()),
            {"index": index, "state": "answered"},
        )  # fmt: skip

    async def decide(self, index: Index, body: ReviewVerdict, request: Request) -> HttpResponse:
        """Somebody else than the person decides; once. Who was asked is heard first, or lets the time pass."""
        return await self._step(
            request, "verdict",
            lambda caller: self._reviews().decide(
                index, caller, verdict=body.verdict, note=body.note, now=self._clock()
            ),
            {"index": index, "verdict": body.verdict},
        )  # fmt: skip

    async def close(self, index: Index, body: ReviewClosing, request: Request) -> HttpResponse:
        """What is decided, with what followed."""
        return await self._step(
            request, "closure",
            lambda caller: self._reviews().close(index, caller, note=body.note, now=self._clock()),
            {"index": index, "state": "closed"},
        )  # fmt: skip

    async def _list(
        self, request: Request, field: str, detail: str, read: Callable[[Caller], tuple[Notice, ...]]
    ) -> HttpResponse:
        found: list[Notice] = []

        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            found.extend(await asyncio.to_thread(read, caller))
            return nothing_to_make(detail)

        return await self._acting.act(request, field, prepare, lambda: {"entries": [_write(item) for item in found]})

    async def _step(
        self,
        request: Request,
        field: str,
        step: Callable[[Caller], Awaitable[Change]],
        content: dict[str, object],
        *,
        status: int = 200,
    ) -> HttpResponse:
        async def prepare(caller: Caller, _purpose: Purpose) -> Change:
            return await step(caller)

        return await self._acting.act(request, field, prepare, lambda: content, status=status)


def _write(notice: Notice) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(notice).items()}
