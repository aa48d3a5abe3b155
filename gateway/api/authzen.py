"""OpenID AuthZEN Authorization API 1.0 over HTTP: evaluation, evaluations, search, metadata. docs/authzen.md."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response as HttpResponse

from gateway.administration import CaseDesk, PolicyEngine, PolicyHolder, authzen
from gateway.api.data_plane import write_response
from gateway.api.inbound import read_headers
from gateway.errors import BodyMalformed
from gateway.model.audit import EntryKind
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.ids import DatasetName, FieldName
from gateway.model.response import Response
from gateway.pipeline import Pipeline
from gateway.telemetry import read_traceparent

_PERMISSION = (DatasetName("langqiao.policy"), FieldName("evaluation"))
_ROOT = "/access/v1"
MOST_EVALUATIONS = 50


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)  # the specification lets senders add keys


class Subject(_Part):
    """Who is asked about."""

    type: Annotated[str, Field(max_length=100)]
    id: Annotated[str, Field(max_length=200)]
    properties: dict[str, Any] = Field(default_factory=dict)


class SubjectKind(_Part):
    """A subject of a search: what is found has the ids."""

    type: Annotated[str, Field(max_length=100)]
    id: Annotated[str, Field(max_length=200)] = ""
    properties: dict[str, Any] = Field(default_factory=dict)


class Action(_Part):
    """What would be done."""

    name: Annotated[str, Field(max_length=100)]


class Resource(_Part):
    """What it would be done to."""

    type: Annotated[str, Field(max_length=100)]
    id: Annotated[str, Field(max_length=300)]


class ResourceKind(_Part):
    """A resource of a search."""

    type: Annotated[str, Field(max_length=100)]
    id: Annotated[str, Field(max_length=300)] = ""


class Evaluation(_Part):
    """One question."""

    subject: Subject
    action: Action
    resource: Resource
    context: dict[str, Any] = Field(default_factory=dict)


class Item(_Part):
    """One of several questions: what it leaves out, the whole request says."""

    subject: Subject | None = None
    action: Action | None = None
    resource: Resource | None = None
    context: dict[str, Any] | None = None


class Options(_Part):
    """How several questions are answered."""

    evaluations_semantic: Literal["execute_all", "deny_on_first_deny", "permit_on_first_permit"] = "execute_all"


class Evaluations(Item):
    """Several questions with their defaults."""

    evaluations: Annotated[list[Item], Field(max_length=MOST_EVALUATIONS)] = Field(default_factory=list)
    options: Options = Options()


class PageAsked(_Part):
    """Which page of a search, and how long."""

    token: Annotated[str, Field(max_length=1_000)] = ""
    limit: Annotated[int, Field(ge=1)] = authzen.LONGEST_PAGE


class SubjectSearch(_Part):
    """Who may do it."""

    subject: SubjectKind
    action: Action
    resource: Resource
    context: dict[str, Any] = Field(default_factory=dict)
    page: PageAsked = PageAsked()


class ResourceSearch(_Part):
    """To what it may be done."""

    subject: Subject
    action: Action
    resource: ResourceKind
    context: dict[str, Any] = Field(default_factory=dict)
    page: PageAsked = PageAsked()


class ActionSearch(_Part):
    """What may be done."""

    subject: Subject
    resource: Resource
    context: dict[str, Any] = Field(default_factory=dict)
    page: PageAsked = PageAsked()


class AuthzenFace:
    """The routes, over the pipeline: each request is authenticated, permitted by a rule, and written down."""

    def __init__(
        self,
        *,
        pipeline: Callable[[], Pipeline],
        policy: Callable[[], PolicyHolder],
        cases: Callable[[], CaseDesk],
        public_url: str | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._pipeline = pipeline
        self._policy = policy
        self._cases = cases
        self._public_url = public_url
        self._clock = clock

    def routes(self) -> APIRouter:
        """Every AuthZEN route."""
        router = APIRouter(tags=["authzen"])
        add = router.add_api_route
        add("/.well-known/authzen-configuration", self.metadata, summary="Where this PDP answers (AuthZEN 1.0)")
        add(f"{_ROOT}/evaluation", self.evaluation, methods=["POST"], summary="One decision")
        add(f"{_ROOT}/evaluations", self.evaluations, methods=["POST"], summary="Several decisions")
        add(f"{_ROOT}/search/subject", self.search_subject, methods=["POST"], summary="Which roles may")
        add(f"{_ROOT}/search/resource", self.search_resource, methods=["POST"], summary="What one may use")
        add(f"{_ROOT}/search/action", self.search_action, methods=["POST"], summary="What one may do")
        return router

    async def metadata(self, request: Request) -> dict[str, str]:
        """The PDP's metadata."""
        base = (self._public_url or str(request.base_url)).rstrip("/")
        return {
            "policy_decision_point": base,
            "access_evaluation_endpoint": f"{base}{_ROOT}/evaluation",
            "access_evaluations_endpoint": f"{base}{_ROOT}/evaluations",
            "search_subject_endpoint": f"{base}{_ROOT}/search/subject",
            "search_resource_endpoint": f"{base}{_ROOT}/search/resource",
            "search_action_endpoint": f"{base}{_ROOT}/search/action",
        }

    async def evaluation(self, body: Evaluation, request: Request) -> HttpResponse:
        """Whether the subject may do the action to the resource in the context."""

        def answer(engine: PolicyEngine) -> tuple[object, str]:
            found = self._evaluate(engine, _tuple(body.subject, body.action, body.resource, body.context))
            return found.on_the_wire(), _told([found])

        return await self._answer(request, answer, (body.subject.id,))

    async def evaluations(self, body: Evaluations, request: Request) -> HttpResponse:
        """Several questions in order; without `evaluations` the request is one question."""
        items = body.evaluations or [Item()]
        whole = [body.subject, *(item.subject for item in items)]
        people = {subject.id for subject in whole if subject is not None}

        def answer(engine: PolicyEngine) -> tuple[object, str]:
            found: list[authzen.Answer] = []
            for item in items:
                found.append(self._item(engine, item, body))
                stops = {"deny_on_first_deny": False, "permit_on_first_permit": True}
                if found[-1].decision is stops.get(body.options.evaluations_semantic):
                    break
            told = [one.on_the_wire() for one in found]
            return ({"evaluations": told} if body.evaluations else told[0]), _told(found)

        return await self._answer(request, answer, tuple(people))

    def _item(self, engine: PolicyEngine, item: Item, whole: Evaluations) -> authzen.Answer:
        subject, action = item.subject or whole.subject, item.action or whole.action
        resource = item.resource or whole.resource
        context = item.context if item.context is not None else whole.context
        if subject is None or action is None or resource is None:
            error = {"status": 400, "message": "a subject, an action and a resource are needed"}
            return authzen.Answer(decision=False, context={"error": error})
        return self._evaluate(engine, _tuple(subject, action, resource, context or {}))

    async def search_subject(self, body: SubjectSearch, request: Request) -> HttpResponse:
        """The roles (subject type `role`) that may do the action to the resource."""
        asked = _tuple(body.subject, body.action, body.resource, body.context)
        return await self._search(request, asked, "subject", body.page)

    async def search_resource(self, body: ResourceSearch, request: Request) -> HttpResponse:
        """The datasets or fields to which the subject may do the action."""
        asked = _tuple(body.subject, body.action, body.resource, body.context)
        return await self._search(request, asked, "resource", body.page)

    async def search_action(self, body: ActionSearch, request: Request) -> HttpResponse:
        """What the subject may do to the resource."""
        asked = _tuple(body.subject, Action(name=""), body.resource, body.context)
        return await self._search(request, asked, "action", body.page)

    # ------------------------------------------------------------------ between wire and road
    def _evaluate(self, engine: PolicyEngine, asked: authzen.Tuple) -> authzen.Answer:
        return authzen.evaluate(engine, asked, self._cases().find, self._clock())

    async def _search(self, request: Request, asked: authzen.Tuple, entity: str, page: PageAsked) -> HttpResponse:
        def answer(engine: PolicyEngine) -> tuple[object, str]:
            found = authzen.search(
                engine,
                asked,
                entity,
                self._cases().find,
                self._clock(),
                token=page.token,
                limit=page.limit,
            )
            about = {"next_token": found.next_token, "count": len(found.results), "total": found.total}
            return {"page": about, "results": list(found.results)}, f"authzen search {entity}: {found.total} found"

        return await self._answer(request, answer, (asked.subject_id,) if asked.subject_id else ())

    async def _answer(
        self, request: Request, answer: Callable[[PolicyEngine], tuple[object, str]], people: tuple[str, ...]
    ) -> HttpResponse:
        found: list[object] = []
        engine = self._policy().current  # one version for the whole request, whatever is published meanwhile

        async def prepare(_caller: Caller, _purpose: Purpose) -> Change:
            content, detail = await asyncio.to_thread(answer, engine)

            async def make() -> None:
                found.append(content)

            return Change(detail=detail, case="", subjects=people, make=make)

        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        inbound = read_headers(request.scope, self._clock(), trace_id)
        outcome = await self._pipeline().act(
            inbound, permission=_PERMISSION, kind=EntryKind.EXPLAIN, prepare=prepare, engine=engine
        )
        if isinstance(outcome, Response):
            status, headers, body = write_response(outcome, trace_id, inbound.headers.get("accept-language"))
            # the specification knows 400 for what can't be read
            response = HttpResponse(body, 400 if status == BodyMalformed.status else status, headers)
        else:
            response = JSONResponse(found[0], headers={"langqiao-receipt": str(outcome)})
        response.headers.update(request_id_of(request))
        return response


def request_id_of(request: Request) -> dict[str, str]:
    """The request identifier, which every response says again (section 10.1.3)."""
    told = request.headers.get("x-request-id")
    return {"x-request-id": told} if told is not None else {}


def _tuple(
    subject: Subject | SubjectKind, action: Action, resource: Resource | ResourceKind, context: dict[str, Any]
) -> authzen.Tuple:
    return authzen.Tuple(
        subject_type=subject.type,
        subject_id=subject.id,
        properties=subject.properties,
        action=action.name,
        resource_type=resource.type,
        resource_id=resource.id,
        context=context,
    )


def _told(found: list[authzen.Answer]) -> str:
    """What the log says: the decisions in order, with the rules of each; nothing that the asker wrote."""
    parts = []
    for one in found:
        rules = one.context.get("rules")
        named = " ".join(str(rule) for rule in rules[:20]) if isinstance(rules, list) else ""
        parts.append(f"{'permit' if one.decision else 'deny'} {named}".strip())
    return f"authzen evaluation: {'; '.join(parts)}"
