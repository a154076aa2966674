"""What tests of SCIM share: a key that the authorizer knows, requests, and the door as a server on loopback."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from contracts.developers import ApiKeyRecord, digest, new_key_text
from contracts.organizations import Tenancy
from functions.access.triggers import authorize
from functions.access.triggers import store as entrance
from functions.identity import scim
from kernel.actor import Actor
from kernel.http.app import gateway_event
from kernel.ids import new_id
from kernel.table import Table, create
from tests.kit import Answer, call

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ALL = ("scim:read", "scim:create", "scim:update", "scim:delete")


def machine(tenant_id: str | None = None, permissions: tuple[str, ...] = ALL) -> Actor:
    """An organisation's directory, as the authorizer makes it of the key of a service account."""
    return Actor(
        tenant_id=tenant_id or new_id("org"),
        user_id=new_id("svc"),
        roles=("provisioner",),
        permissions=frozenset(permissions),
        key_id=new_id("key"),
    )


def send(who: Actor | None, method: str, path: str, body: Any = None, **options: Any) -> Answer:
    """A request of the directory."""
    headers = {"content-type": scim.MEDIA_TYPE, **options.pop("headers", {})}
    return call(scim.handler, method, f"{scim.PREFIX}{path}", who, body, headers=headers, **options)


def person(name: str | None = None, /, **more: Any) -> dict[str, Any]:
    """What a directory says of somebody new."""
    return {"schemas": [USER], "userName": name or f"{uuid.uuid4().hex}@example.org", **more}


def provisioned(who: Actor, name: str | None = None, /, **more: Any) -> dict[str, Any]:
    """Somebody new is there."""
    answer = send(who, "POST", "/Users", person(name, **more))
    assert answer.status == 201, answer.body
    return dict(answer.body)


def patch(who: Actor, path: str, *operations: dict[str, Any], **options: Any) -> Answer:
    """Change something of somebody."""
    return send(who, "PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, **options)


def fault(answer: Answer) -> tuple[int, str | None]:
    """What an answer refuses, as SCIM says it."""
    assert answer.headers["content-type"] == scim.MEDIA_TYPE, answer.body
    assert answer.body["schemas"] == [scim.ERROR]
    assert answer.body["status"] == str(answer.status)
    assert answer.body["detail"]
    return answer.status, answer.body.get("scimType")


def key_of(tenant_id: str, permissions: tuple[str, ...] = ("scim:*",)) -> str:
    """The text of an API key of a service account in an organisation that is open."""
    key_id = new_id("key")
    text, secret = new_key_text(key_id)
    Table().write(create(Tenancy(tenant_id=tenant_id, requests_per_second=10_000, burst=10_000)))
    Table().write(
        create(
            ApiKeyRecord(
                tenant_id=tenant_id,
                key_id=key_id,
                user_id=new_id("svc"),
                hashes=(digest(secret),),
                permissions=permissions,
            )
        )
    )
    entrance.cache_clear()
    return text


@contextmanager
def serving() -> Iterator[str]:
    """The door behind the authorizer, on loopback; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Gateway)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{scim.PREFIX}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Gateway(BaseHTTPRequestHandler):
    """What the HTTP API does: the authorizer first, then the door."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        event = gateway_event(self.command, path, query=query, headers=headers, body=body or None)
        with self.lock:
            event["requestContext"]["authorizer"] = {"lambda": authorize(event, None)["context"]}
            answer = scim.handler(event, None)
        content = answer.get("body") or ""
        sent = base64.b64decode(content) if answer.get("isBase64Encoded") else content.encode()
        self.send_response(answer["statusCode"])
        for name, value in answer["headers"].items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def log_message(self, *_said: Any) -> None:
        """Nobody reads it."""


def as_json(value: Any) -> str:
    """For comparing what was shown."""
    return json.dumps(value, sort_keys=True)
