"""The emulator decides nothing by IAM. What keeps tenants apart in AWS is decided here as their policies would: a call
with the session tag `tenant` reaches that tenant's keys, prefixes and encryption context, and a function's own role
those of no tenant. Whoever comes with other credentials (an operator, a test) is let through.

The policies themselves are proven by tests/iam; this shows on the laptop what a door that forgets them would meet.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import unquote

from infra.local.mends import part

Answer = tuple[int, dict[str, str], bytes]
CREDENTIAL = re.compile(r"Credential=([^/,]+)/")
FUNCTIONS_OWN = re.compile(r"\d{12}")
"""The emulator gives a function its account's number for an access key."""
KEY = re.compile(rb'"(?:pk|gsi1pk|gsi2pk|:pk)"\s*:\s*\{\s*"S"\s*:\s*"(?:TENANT#|PLATFORM#TENANTS#)([^#"]*)')
START = re.compile(rb'"ExclusiveStartKey"\s*:\s*\{(?:[^{}]|\{[^{}]*\})*\}')
"""Where a look goes on: a query's lies in its own partition, or DynamoDB refuses it; a scan's may be anybody's."""
CONTEXT = re.compile(rb'"EncryptionContext"\s*:\s*\{[^}]*"tenant"\s*:\s*"([^"]*)"')
PREFIX = re.compile(r"(?:^|/)tenants/([^/]*)")
READABLE_BY_ITSELF = rb"PLATFORM#TENANTS#"
NOBODY = object()


def apply() -> None:
    """Put the walls before the table, the buckets and the keys."""
    for name, named, refuse in (
        ("dynamodb", _tenants_of_items, _refuse_json),
        ("kms", _tenants_of_context, _refuse_json),
        ("s3", _tenants_of_objects, _refuse_xml),
    ):
        service = part(f"services.{name}")
        service.handle_request = _walled(service.handle_request, named, refuse)


Named = Callable[[str, bytes, dict[str, Any]], Iterable[tuple[str, bool]]]
Refuse = Callable[[str], Answer]


def _walled(handle: Callable[..., Awaitable[Answer]], named: Named, refuse: Refuse) -> Callable[..., Awaitable[Answer]]:
    async def walled(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], *rest: Any, **more: Any
    ) -> Answer:
        tenant = _acting_for(headers)
        if tenant is not NOBODY:
            for owner, is_shared in named(path, body, query):
                if owner != tenant and not (tenant is None and is_shared):
                    return refuse(f"{tenant or 'the door itself'} may not touch what is {owner}'s")
        return await handle(method, path, headers, body, query, *rest, **more)

    return walled


def _acting_for(headers: dict[str, str]) -> object:
    """The tenant of a tagged session, None for a function's own role, NOBODY for whom no wall is meant."""
    match = CREDENTIAL.search(headers.get("authorization", ""))
    if match is None:
        return NOBODY
    session = part("services.sts")._sessions.get(match.group(1))
    if session is None:
        return None if FUNCTIONS_OWN.fullmatch(match.group(1)) else NOBODY
    tags = {tag["Key"]: tag["Value"] for tag in session.get("SessionTags") or ()}
    return tags.get("tenant", NOBODY)


def _tenants_of_items(_path: str, body: bytes, _query: dict[str, Any]) -> Iterable[tuple[str, bool]]:
    for match in KEY.finditer(START.sub(b"", body)):
        yield match.group(1).decode(), READABLE_BY_ITSELF in match.group(0)


def _tenants_of_context(_path: str, body: bytes, _query: dict[str, Any]) -> Iterable[tuple[str, bool]]:
    for match in CONTEXT.finditer(body):
        yield match.group(1).decode(), False


def _tenants_of_objects(path: str, _body: bytes, query: dict[str, Any]) -> Iterable[tuple[str, bool]]:
    prefix = query.get("prefix", "")
    for text in (path, *(prefix if isinstance(prefix, list) else [prefix])):
        for match in PREFIX.finditer(unquote(str(text))):
            yield match.group(1), False


def _refuse_json(why: str) -> Answer:
    answer: Answer = part("core.responses").error_response_json("AccessDeniedException", why, 400)
    return answer


def _refuse_xml(why: str) -> Answer:
    body = f"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>{why}</Message></Error>".encode()
    return 403, {"Content-Type": "application/xml"}, body
