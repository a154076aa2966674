"""Feeds: services of others that are asked about a host in scope. What all of them share."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from functions.collection.module import Config, Context
from kernel.egress import EgressError, Request

MAX_ITEMS = 5_000
Url = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$", max_length=300)]
Secret = Annotated[SecretStr, Field(max_length=500)]


class FeedConfig(Config):
    """A feed is asked only when a tenant has switched it on: the subject of every question is told to a third party."""

    enabled: Annotated[
        bool, Field(description="Ask this service. It learns which names and addresses are looked at.")
    ] = False


class FeedError(Exception):
    """A feed that does not answer as documented; says how."""


async def ask(
    context: Context,
    base_url: str,
    path: str,
    *,
    about: str,
    headers: tuple[tuple[str, str], ...] = (),
    method: str = "GET",
    body: bytes | None = None,
) -> Any:
    """The JSON that a feed answers about a host in scope, or None when it knows nothing of it (404).

    Raises `OutOfScope`, `EgressError`, and `FeedError` for a refusal or an answer that is no JSON.
    """
    url = base_url.rstrip("/") + path
    kept = (("Accept", "application/json"), *headers)
    answer = await context.session.ask_provider(Request(method, url, kept, body), about=about)
    host = urlsplit(url).hostname
    if answer.status == 404:
        return None
    if answer.status in (401, 403):
        raise FeedError(f"{host} refuses the key ({answer.status})")
    if answer.status == 429:
        raise FeedError(f"{host} has answered as often as it will for now (429)")
    if answer.status != 200:
        raise FeedError(f"{host} answers with status {answer.status}")
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise FeedError(f"{host} answers with something that is not JSON") from None


async def ask_quietly(context: Context, *args: Any, **named: Any) -> Any:
    """As `ask`; what goes wrong is a line of the scan's log, and None."""
    try:
        return await ask(context, *args, **named)
    except (FeedError, EgressError) as error:
        context.log.warning("%s", error)
        return None


def items(value: Any, limit: int = MAX_ITEMS) -> list[dict[str, Any]]:
    """The objects of a list, at most `limit`; of anything else none."""
    return [item for item in value[:limit] if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any, limit: int = 500) -> str:
    """A text, or empty for anything else."""
    return value.strip()[:limit] if isinstance(value, str) else ""


def texts(value: Any, limit: int = 100) -> list[str]:
    """The texts of a list, at most `limit`; of anything else none."""
    return [text(item) for item in value[:limit] if isinstance(item, str)] if isinstance(value, list) else []


def mapping(value: Any) -> dict[str, Any]:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}
