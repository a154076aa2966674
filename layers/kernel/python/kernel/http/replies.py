"""Answers: resources with their ETag and address, and pages of lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from kernel.http.app import PREFIX
from kernel.records import Resource

T = TypeVar("T", bound=BaseModel)
JSON = "application/json"
IF_MATCH = r'^(\*|(W/)?"[0-9]{1,12}")$'


class List(BaseModel, Generic[T]):
    """A page of a list."""

    model_config = ConfigDict(defer_build=True)

    items: list[T]
    next_cursor: str | None = Field(default=None, description="Pass it as `cursor` for the next page.")


class ListParameters(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str | None, Field(max_length=2048, pattern=r"^[A-Za-z0-9_-]+$")] = None


def reply(resource: Resource, status: int = 200) -> Response:
    """A resource as the caller sees it: its ETag from its version, its address where it was created."""
    return stored_reply(resource.wire(), status, resource.path(), getattr(resource, "version", None))


def stored_reply(body: bytes, status: int, address: str | None, version: int | None) -> Response:
    """An answer from its parts; a replay is made of the same ones."""
    headers = {}
    if version is not None:
        headers["ETag"] = f'"{version}"'
    if address and status in (201, 202):
        headers["Location"] = PREFIX + address
    return Response(body, status, headers, JSON)


def page(items: Sequence[Resource], next_cursor: str | None) -> Response:
    """A page of a list."""
    cursor = f'"{next_cursor}"'.encode() if next_cursor else b"null"
    body = b'{"items":[' + b",".join(item.wire() for item in items) + b'],"next_cursor":' + cursor + b"}"
    return Response(body, media_type=JSON)


async def _if_match(
    if_match: Annotated[
        str | None, Header(max_length=64, pattern=IF_MATCH, description="The ETag that was read.")
    ] = None,
) -> int | None:
    return None if if_match in (None, "*") else int(str(if_match).strip('W/"'))


IfMatch = Annotated[int | None, Depends(_if_match)]
"""The version that the caller has read, or None when it does not mind."""
