"""What FastAPI itself refuses, and what a route raises -> problem+json."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response as HttpResponse
from starlette.exceptions import HTTPException

from gateway.api.authzen import request_id_of
from gateway.api.problems import PROBLEM, challenge_of, language_of, problem_of
from gateway.errors import BodyMalformed, Defect, GatewayError, MethodNotAllowed, PathUnknown
from gateway.telemetry import operator_log, read_traceparent


def add_refusals(api: FastAPI) -> None:
    """Every error has one form."""

    def problem(request: Request, error: GatewayError) -> HttpResponse:
        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        body = problem_of(error, trace_id, None, language_of(request.headers.get("accept-language")))
        if request.url.path.startswith("/access/v1/"):
            status = 400 if isinstance(error, BodyMalformed) else error.status
            return HttpResponse(body, status, challenge_of(error) | request_id_of(request), PROBLEM)
        return HttpResponse(body, error.status, challenge_of(error), PROBLEM)

    @api.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: Exception) -> HttpResponse:
        # the place and the kind of fault, never the value: it may be an ID number
        faults = error.errors() if isinstance(error, RequestValidationError) else []
        text = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['type']}" for fault in faults[:3])
        return problem(request, BodyMalformed(fault=text))

    @api.exception_handler(HTTPException)
    async def _missing(request: Request, error: Exception) -> HttpResponse:
        status = error.status_code if isinstance(error, HTTPException) else 404
        if status == 405:
            return problem(request, MethodNotAllowed(method=request.method[:20]))
        if status == 400:
            return problem(request, BodyMalformed(fault="body: can't be read as text"))
        return problem(request, PathUnknown(path=request.url.path[:100]))

    @api.exception_handler(Exception)
    async def _defect(request: Request, error: Exception) -> HttpResponse:
        if isinstance(error, GatewayError):
            return problem(request, error)
        operator_log().error("defect", detail=type(error).__name__)
        return problem(request, Defect())
