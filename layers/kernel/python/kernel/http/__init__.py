"""The HTTP door: what every room's API has in common, so that a room writes routes and nothing else."""

from kernel.http.framework import Query, Request, Response  # isort: skip - before anything imports FastAPI

from kernel.http.app import PREFIX, Room, Told, lambda_handler
from kernel.http.caller import require
from kernel.http.replies import IfMatch, List, ListParameters, page, reply

__all__ = [
    "PREFIX",
    "IfMatch",
    "List",
    "ListParameters",
    "Query",
    "Request",
    "Response",
    "Room",
    "Told",
    "lambda_handler",
    "page",
    "reply",
    "require",
]
