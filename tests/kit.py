"""What tests of many rooms need: actors, requests as the gateway makes them, and the events that were committed."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import pytest

from contracts.access import Role, permissions_of
from kernel import aws, cursors, viewer
from kernel.actor import Actor
from kernel.attributes import from_item
from kernel.events import Envelope
from kernel.http.app import PREFIX, gateway_event
from kernel.ids import new_id

REGION = "us-east-1"
SCIM = "/scim/v2/"
KEEPERS = ("store", "envelope", "sealer", "signer", "bucket", "work")
"""The functions in which a room's doors keep what they made."""
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def actor(role: Role = Role.ORGANIZATION_ADMIN, tenant_id: str | None = None, **fields: Any) -> Actor:
    """A logged-in user of a tenant (a fresh one by default)."""
    return Actor(
        tenant_id=tenant_id or new_id("org"),
        user_id=fields.pop("user_id", new_id("user")),
        email="someone@example.com",
        roles=(role,),
        permissions=permissions_of((role,)),
        **fields,
    )


def forget() -> None:
    """What a process keeps between requests is gone: clients, keys, and the stores of the rooms' doors.

    The session stays: it holds nothing but the models of the services, which take long to read.
    """
    aws.client.cache_clear()
    forget_rooms()


@contextmanager
def own_session() -> Iterator[None]:
    """Within, AWS is called in a session that nobody else listens to: for calls that are not the rooms' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws, "session", cache(aws.session.__wrapped__))
        aws.client.cache_clear()
        yield
        aws.client.cache_clear()


def forget_rooms() -> None:
    """The stores of the rooms' doors, and their keys, are gone; clients stay, because making one takes long."""
    cursors._signing_key.cache_clear()
    for room, keeper in _kept(len(sys.modules)):
        getattr(getattr(room, keeper), "cache_clear", lambda: None)()


@lru_cache(maxsize=1)
def _kept(_modules: int) -> list[tuple[Any, str]]:
    """The rooms that keep something, with the keeper's name; looked for anew when a module was imported."""
    rooms = [module for name, module in list(sys.modules.items()) if name.startswith("functions.")]
    return [(room, keeper) for room in rooms for keeper in KEEPERS if hasattr(room, keeper)]


def edge_of(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The headers of a request that came through the edge, from 203.0.113.9; from now on there is one."""
    answer = aws.client("secretsmanager").create_secret(Name=new_id("edge"), SecretString="only the edge knows")
    monkeypatch.setenv("EDGE_SECRET_ARN", answer["ARN"])
    viewer._secret.cache_clear()
    return {"palisade-viewer": "203.0.113.9", "palisade-edge": "only the edge knows"}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def problem(self) -> str:
        """The slug of a problem."""
        return str(self.body["type"]).rpartition("/")[2]


def call(
    handler: Handler,
    method: str,
    path: str,
    who: Actor | None = None,
    body: Any = None,
    *,
    raw: str | None = None,
    query: str = "",
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send a request through a room's Lambda handler, as API Gateway would after the authorizer."""
    text = raw if raw is not None else None if body is None else json.dumps(body)
    authorizer = {"actor": who.model_dump_json()} if who else {"reason": "No token was sent."}
    sent = {"content-type": "application/json", **(headers or {})}
    event = gateway_event(method, addressed(path), query=query, headers=sent, body=text, authorizer=authorizer)
    answer = handler(event, None)
    content = answer.get("body") or ""
    if answer.get("isBase64Encoded"):
        content = base64.b64decode(content).decode()
    is_json = content and "json" in answer["headers"].get("content-type", "")
    parsed = json.loads(content) if is_json else content
    return Answer(answer["statusCode"], answer["headers"], parsed)


def addressed(path: str) -> str:
    """Where a path of the API lies: beneath its prefix, but for what has a prefix of its own."""
    return path if path.startswith(SCIM) else PREFIX + path


def committed_events(table_name: str = "palisade") -> list[Envelope]:
    """Every event in the outbox, oldest first."""
    items = aws.client("dynamodb").scan(TableName=table_name)["Items"]
    records = [from_item(item) for item in items]
    envelopes = [Envelope.model_validate_json(r["envelope"]) for r in records if "#OUTBOX#" in r["pk"]]
    return sorted(envelopes, key=lambda envelope: (envelope.at, envelope.sequence, envelope.id))


def sqs_event(*envelopes: Envelope) -> dict[str, Any]:
    """Events as a queue behind the bus delivers them."""
    return {
        "Records": [
            {
                "messageId": envelope.id,
                "receiptHandle": "r",
                "body": json.dumps({"detail-type": envelope.type, "detail": envelope.model_dump(mode="json")}),
                "attributes": {},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:q",
                "awsRegion": REGION,
                "md5OfBody": "",
            }
            for envelope in envelopes
        ]
    }


def create_table(client: Any, name: str) -> None:
    """The platform's table, as the stack declares it."""
    names = ["pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk"]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "S"} for attribute in names],
        KeySchema=_schema("pk", "sk"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": _schema(f"{index}pk", f"{index}sk"),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in ("gsi1", "gsi2")
        ],
    )


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]
