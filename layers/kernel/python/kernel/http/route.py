"""A route that repeats a POST's first answer when its Idempotency-Key comes again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from kernel import idempotency
from kernel.errors import BadRequest, Problem
from kernel.http.caller import caller
from kernel.http.framework import no_pydantic_1
from kernel.http.replies import stored_reply
from kernel.table import Table

_KEY = re.compile(r"[!-~]{1,255}")
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class PlainRoute(APIRoute):
    """A route of a protocol that has its own way to say a thing twice."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        with no_pydantic_1():
            super().__init__(path, endpoint, **options)


class CommandRoute(PlainRoute):
    """Wraps a POST endpoint; other methods pass through unchanged."""

    def get_route_handler(self) -> Endpoint:
        """The endpoint, with replay around it where the method is POST."""
        endpoint: Endpoint = super().get_route_handler()
        return self._replaying(endpoint) if "POST" in (self.methods or ()) else endpoint

    def _replaying(self, endpoint: Endpoint) -> Endpoint:
        status = self.status_code or 200

        async def replaying(request: Request) -> Response:
            key = request.headers.get("idempotency-key")
            if key is None:
                return await endpoint(request)
            command = idempotency.Command(request.url.path, _checked(key), await request.body(), status)
            with idempotency.handling(command):
                try:
                    return await endpoint(request)
                except (idempotency.Replay, Problem, RequestValidationError) as error:
                    return _replay(request, command, error)

        return replaying


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise BadRequest("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return key


def _replay(request: Request, command: idempotency.Command, error: Exception) -> Response:
    """The kept answer of an earlier command with this key, or the error when there is none."""
    if isinstance(error, Problem) and error.status in (401, 403):
        raise error
    table, actor = Table(), caller(request)
    kept = table.get(actor, idempotency.Kept, digest=command.digest)
    if kept is None:
        raise idempotency.StillRunning() if isinstance(error, idempotency.Replay) else error
    if kept.fingerprint != command.fingerprint:
        raise idempotency.KeyReused()
    body = idempotency.body_of(table, actor, kept)
    response = stored_reply(body.encode(), kept.status, kept.address, json.loads(body).get("version"))
    response.headers["Idempotency-Replayed"] = "true"
    return response
