"""Errors as RFC 9457 problems, in one place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from kernel import observe
from kernel.errors import (
    PROBLEM_BASE,
    BadRequest,
    FieldError,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Problem,
    TooLarge,
)
from kernel.http.app import PREFIX, Told
from kernel.records import InvalidKey

MEDIA_TYPE = "application/problem+json"
BY_STATUS: dict[int, type[Problem]] = {400: BadRequest, 404: NotFound, 405: MethodNotAllowed, 413: TooLarge}


class FieldProblem(BaseModel):
    """One fault in the input."""

    pointer: str = Field(description="JSON pointer into the body, or the parameter's name.")
    detail: str


class ProblemDocument(BaseModel):
    """An RFC 9457 problem."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str
    errors: list[FieldProblem] | None = None


def install(app: FastAPI) -> None:
    """Answer every error of a room as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(InvalidKey, _no_such_key)
    app.add_exception_handler(Exception, _unexpected)


def answer(request: Request, problem: Problem) -> Response:
    """A problem as a response."""
    told = _own_words(request, problem)
    headers = {"X-Request-Id": str(request.state.request_id)}
    if problem.retry_after:
        headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(told.body, told.status, headers, told.media_type)


def _own_words(request: Request, problem: Problem) -> Told:
    """The problem as the room's protocol tells of it: RFC 9457, where the room says nothing else."""
    if (tell := getattr(request.app, "tell", None)) is not None:
        told: Told = tell(problem)
        return told
    document = ProblemDocument(
        type=PROBLEM_BASE + problem.slug,
        title=problem.title,
        status=problem.status,
        detail=problem.detail,
        instance=PREFIX + request.url.path,
        trace_id=_trace_id(request),
        errors=[FieldProblem(**error) for error in problem.errors] if problem.errors else None,
    )
    return Told(problem.status, document.model_dump_json(exclude_none=True), MEDIA_TYPE)


def from_validation(errors: Sequence[Any]) -> Problem:
    """What pydantic found, as a problem: 400 when the body is not JSON, else 422 with a pointer per fault."""
    if any(error["type"] == "json_invalid" for error in errors):
        return BadRequest("The body is not JSON.")
    return Invalid(errors=[_field_error(error) for error in errors])


def _field_error(error: Any) -> FieldError:
    place, *path = error["loc"]
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in path]
    pointer = "/" + "/".join(parts) if place == "body" else ".".join([str(place), *map(str, path)])
    return {"pointer": pointer if path else f"{pointer}", "detail": str(error["msg"])[:300]}


def _trace_id(request: Request) -> str:
    return os.environ.get("_X_AMZN_TRACE_ID") or str(request.state.request_id)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(request, error)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer(request, from_validation(error.errors()))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = BY_STATUS.get(error.status_code, Problem)
    reply = answer(request, kind() if kind in (NotFound, MethodNotAllowed) else kind(str(error.detail)))
    reply.headers.update(error.headers or {})
    if error.status_code == 405:
        reply.headers["Allow"] = ", ".join(_allowed(request))
    return reply


def _allowed(request: Request) -> list[str]:
    """The methods of all routes at this path; the framework names those of the first one only."""
    matching = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    return sorted({method for route in matching for method in route.methods})


async def _no_such_key(request: Request, _error: Exception) -> Response:
    return answer(request, NotFound())


async def _unexpected(request: Request, error: Exception) -> Response:
    observe.logger().exception("unexpected error", exc_info=error)
    return answer(request, Problem())
