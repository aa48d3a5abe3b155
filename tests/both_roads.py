"""Every question of a test is planned on both roads, as a first one and as one asked before: they must agree."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from gateway.audit import Recorder
from gateway.decision import PolicyEngine
from gateway.model.caller import Caller, InboundRequest
from gateway.model.catalog import Purpose
from gateway.model.plan import ReadPlan
from gateway.pipeline import Pipeline

_plan = Pipeline._plan


@contextmanager
def compared() -> Iterator[list[str]]:
    """Until the block ends, also for pipelines that serve already; what differed is in the list."""
    differed: list[str] = []

    async def plan(
        pipeline: Pipeline,
        engine: PolicyEngine,
        recorder: Recorder,
        request: InboundRequest,
        caller: Caller,
        purpose: Purpose,
    ) -> ReadPlan:
        first = replace(pipeline)  # which has been asked nothing yet
        anew = await _plan(first, engine, recorder, request, caller, purpose)
        await _plan(pipeline, engine, recorder, request, caller, purpose)
        again = await _plan(pipeline, engine, recorder, request, caller, purpose)
        if again != anew:
            differed.append(request.query_string)
        return again

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pipeline, "_plan", plan)
        yield differed
