"""The webhooks API: endpoints are registered, changed, tried and removed; their log is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from contracts import all_events
from contracts.access import Role
from functions.webhooks import api, events, steps
from functions.webhooks.model import Webhook
from functions.webhooks.service import MAX_WEBHOOKS
from kernel import aws
from kernel.actor import Actor
from kernel.table import Table, create
from tests import edges
from tests.edges import Receiver, receiving, status
from tests.faults import answering, refusal
from tests.kit import Answer, actor, call, committed_events, sqs_event

URL = "https://hooks.example.com/in"


@pytest.fixture(autouse=True)
def world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    edges.set_up(monkeypatch)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(status(204)) as each:
        yield each


def send(method: str, path: str, who: Actor | None, body: Any = None, **options: Any) -> Answer:
    return call(api.handler, method, path, who, body, **options)


def registered(who: Actor, url: str = URL, **fields: Any) -> dict[str, Any]:
    answer = send("POST", "/webhooks", who, {"url": url, **fields})
    assert answer.status == 201, answer.body
    return dict(answer.body)


def told() -> list[str]:
    return [event.type for event in committed_events()]


def test_an_endpoint_is_registered_shown_changed_and_removed() -> None:
    who = actor()
    made = registered(who, event_types=["ScanEnded.v1"], description="our chat")
    secret = made.pop("signing_secret")
    path = f"/webhooks/{made['webhook_id']}"
    shown = send("GET", path, who)
    assert shown.body == made
    assert shown.headers["etag"] == '"1"'
    assert send("GET", "/webhooks", who).body == {"items": [made], "next_cursor": None}
    body = {"url": URL + "2", "event_types": ["*"], "enabled": False}
    assert send("PUT", path, who, body, headers={"if-match": '"9"'}).status == 412
    changed = send("PUT", path, who, body, headers={"if-match": '"1"'})
    assert (changed.body["url"], changed.body["enabled"], changed.headers["etag"]) == (URL + "2", False, '"2"')
    assert send("DELETE", path, who, headers={"if-match": '"1"'}).status == 412
    assert send("DELETE", path, who).status == 204
    assert send("GET", path, who).status == 404
    assert told() == ["WebhookRegistered.v1", "WebhookChanged.v1", "WebhookDeleted.v1"]
    assert secret not in json.dumps([event.data for event in committed_events()])


def test_the_secret_is_shown_once_and_never_stored_in_the_clear() -> None:
    who = actor()
    made = registered(who)
    rotated = send("POST", f"/webhooks/{made['webhook_id']}/rotate-secret", who)
    assert rotated.body["signing_secret"] != made["signing_secret"]
    assert "signing_secret" not in send("GET", f"/webhooks/{made['webhook_id']}", who).body
    stored = str(aws.client("dynamodb").scan(TableName="palisade")["Items"])
    assert made["signing_secret"] not in stored
    assert rotated.body["signing_secret"] not in stored


def test_another_tenants_endpoint_is_not_there() -> None:
    owner, stranger = actor(), actor()
    path = f"/webhooks/{registered(owner)['webhook_id']}"
    for method, where, body in (
        ("GET", path, None),
        ("PUT", path, {"url": URL}),
        ("DELETE", path, None),
        ("POST", f"{path}/rotate-secret", None),
        ("POST", f"{path}/test", None),
        ("GET", f"{path}/deliveries", None),
        ("POST", f"{path}/deliveries/evt_1/replay", None),
    ):
        assert send(method, where, stranger, body).status == 404, (method, where)
    assert send("GET", "/webhooks", stranger).body["items"] == []
    assert send("POST", "/webhooks", actor(Role.ANALYST), {"url": URL}).status == 403


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://127.0.0.1:8080/api/v1/scans",
        "http://127.0.0.1:4566/_ministack/reset",
        "http://0.0.0.0/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://127.1/",
        "http://user:secret@hooks.example.com/",
        "http://hooks.example.com\\@127.0.0.1/",
        "http://168.63.129.16/",
        "http:///in",
        "http://hooks.example.com:0/",
        "http://hooks.example.com:99999/",
        "http://224.0.0.1/",
    ],
)
def test_an_address_that_may_not_be_called_is_refused(url: str) -> None:
    who = actor()
    refused = send("POST", "/webhooks", who, {"url": url})
    assert (refused.status, refused.problem) == (422, "bad-webhook-url")
    assert refused.body["errors"][0]["pointer"] == "/url"
    path = f"/webhooks/{registered(who)['webhook_id']}"
    assert send("PUT", path, who, {"url": url}).problem == "bad-webhook-url"
    assert told() == ["WebhookRegistered.v1"]


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "file:///etc/passwd", "x", "http://a b/", "http://" + "a" * 2050, ""]
)
def test_what_is_no_web_address_is_invalid(url: str) -> None:
    assert send("POST", "/webhooks", actor(), {"url": url}).problem == "invalid"


def test_an_event_that_nobody_publishes_cannot_be_ordered() -> None:
    refused = send("POST", "/webhooks", actor(), {"url": URL, "event_types": ["ScanEnded.v1", "Nonsense.v1"]})
    assert (refused.status, refused.problem) == (422, "unknown-event-type")
    assert "Nonsense.v1" in refused.body["errors"][0]["detail"]
    registered(actor(), event_types=sorted(all_events())[:100])


def test_an_organisation_has_a_bounded_number_of_endpoints() -> None:
    who = actor()
    fields = {"tenant_id": who.tenant_id, "url": URL, "event_types": ("*",), "created_by": "u", "created_at": "t"}
    for number in range(MAX_WEBHOOKS):
        Table().write(create(Webhook.model_validate({**fields, "webhook_id": f"webhook_{number}"})))
    refused = send("POST", "/webhooks", who, {"url": URL})
    assert (refused.status, refused.problem) == (409, "too-many-webhooks")
    registered(actor())


def test_an_event_reaches_those_who_want_it_once_and_is_logged(receiver: Receiver) -> None:
    who = actor()
    all_, some = registered(who, receiver.url), registered(who, receiver.url, event_types=["WebhookChanged.v1"])
    other = registered(actor(), receiver.url)
    send("PUT", f"/webhooks/{some['webhook_id']}", who, {"url": receiver.url, "event_types": ["WebhookChanged.v1"]})
    (changed,) = [event for event in committed_events() if event.type == "WebhookChanged.v1"]
    for _ in range(2):
        assert events.handler(sqs_event(changed), None) == {"batchItemFailures": []}
    assert len(receiver.requests) == 2
    headers, body = receiver.requests[0]
    secrets = (all_["signing_secret"], some["signing_secret"])
    signers = [secret for secret in secrets if _verifies(secret, headers, body)]
    assert len(signers) == 1
    for webhook in (all_, some):
        (delivery,) = send("GET", f"/webhooks/{webhook['webhook_id']}/deliveries", who).body["items"]
        assert (delivery["event_id"], delivery["status"]) == (changed.id, "delivered")
        assert delivery["attempts"][0]["status"] == 204
        assert "payload" not in delivery
    assert send("GET", f"/webhooks/{other['webhook_id']}/deliveries", who).status == 404


def _verifies(secret: str, headers: dict[str, str], body: str) -> bool:
    try:
        Verifier(secret).verify(body, headers)
    except Exception:
        return False
    return True


def test_a_failure_arranges_the_next_try_which_the_machine_makes(receiver: Receiver) -> None:
    who = actor()
    receiver.answer = status(500)
    webhook_id = registered(who, receiver.url)["webhook_id"]
    (event,) = committed_events()
    events.handler(sqs_event(event), None)
    ((name, task),) = edges.executions("DELIVERY_MACHINE_ARN")
    assert (task["tenant_id"], task["webhook_id"], task["event_id"]) == (who.tenant_id, webhook_id, event.id)
    assert 5 <= task["seconds"] <= 6
    assert len(name) <= 80
    receiver.answer = status(200)
    for _ in range(2):
        steps.retry(task, None)
    assert len(receiver.requests) == 2
    (delivery,) = send("GET", f"/webhooks/{webhook_id}/deliveries", who).body["items"]
    assert (delivery["status"], [each["status"] for each in delivery["attempts"]]) == ("delivered", [500, 200])
    assert send("GET", f"/webhooks/{webhook_id}", who).body["failing_since"] is None
    send("DELETE", f"/webhooks/{webhook_id}", who)
    steps.retry(task, None)


def test_a_machine_that_is_away_fails_the_event_and_the_repeat_sends_again(receiver: Receiver) -> None:
    receiver.answer = status(500)
    registered(actor(), receiver.url)
    (event,) = committed_events()
    with answering("StartExecution", *[refusal("ServiceUnavailable")] * 9):
        assert events.handler(sqs_event(event), None)["batchItemFailures"] == [{"itemIdentifier": event.id}]
    with answering("StartExecution", refusal("ExecutionAlreadyExists")):
        assert events.handler(sqs_event(event), None)["batchItemFailures"] == []
    assert len(receiver.requests) == 2


def test_one_endpoint_that_cannot_be_served_holds_up_no_other(receiver: Receiver) -> None:
    """The first one's secret was damaged; the event fails for it alone, and comes again."""
    who = actor()
    broken = registered(who, receiver.url)
    registered(who, receiver.url)
    webhook = api.store().webhook(who, broken["webhook_id"])
    webhook.secret = "AAAA"
    api.store().save(who, webhook, [])
    event = committed_events()[0]
    assert events.handler(sqs_event(event), None)["batchItemFailures"]
    assert len(receiver.requests) == 1


def test_a_test_event_is_sent_at_once_signed_logged_and_not_tried_again(receiver: Receiver) -> None:
    who = actor()
    made = registered(who, receiver.url)
    path = f"/webhooks/{made['webhook_id']}"
    good = send("POST", f"{path}/test", who)
    assert (good.status, good.body["status"], good.body["event_type"]) == (200, "delivered", "WebhookTest.v1")
    headers, body = receiver.requests[0]
    assert Verifier(made["signing_secret"]).verify(body, headers)["type"] == "WebhookTest.v1"
    receiver.answer = status(500)
    bad = send("POST", f"{path}/test", who)
    assert (bad.body["status"], bad.body["next_attempt_at"]) == ("failed", None)
    assert edges.executions("DELIVERY_MACHINE_ARN") == []
    listed = send("GET", f"{path}/deliveries", who).body["items"]
    assert {each["event_id"] for each in listed} == {good.body["event_id"], bad.body["event_id"]}


def test_what_is_sent_at_a_users_wish_is_sent_once_for_one_key(receiver: Receiver) -> None:
    who = actor()
    path = f"/webhooks/{registered(who, receiver.url)['webhook_id']}"
    headers = {"idempotency-key": "key-1"}
    first = send("POST", f"{path}/test", who, headers=headers)
    again = send("POST", f"{path}/test", who, headers=headers)
    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    replay = f"{path}/deliveries/{first.body['event_id']}/replay"
    assert send("POST", replay, who, headers=headers).body == send("POST", replay, who, headers=headers).body
    assert len(receiver.requests) == 2
    assert send("POST", f"{path}/deliveries/evt_none/replay", who).status == 404


def test_a_disabled_endpoint_gets_nothing_until_it_is_enabled_again(receiver: Receiver) -> None:
    who = actor()
    receiver.answer = status(410)
    path = f"/webhooks/{registered(who, receiver.url)['webhook_id']}"
    events.handler(sqs_event(*committed_events()), None)
    gone = send("GET", path, who).body
    assert (gone["enabled"], gone["disabled_reason"]) == (False, "The endpoint answered 410 Gone.")
    receiver.answer = status(200)
    (disabled,) = [event for event in committed_events() if event.type == "WebhookDisabled.v1"]
    events.handler(sqs_event(disabled), None)
    assert len(receiver.requests) == 1
    anew = send("PUT", path, who, {"url": receiver.url}).body
    assert (anew["enabled"], anew["disabled_reason"], anew["failing_since"]) == (True, None, None)
    events.handler(sqs_event(disabled), None)
    assert len(receiver.requests) == 2


def test_the_log_pages_from_the_newest(receiver: Receiver) -> None:
    who = actor()
    path = f"/webhooks/{registered(who, receiver.url)['webhook_id']}"
    sent = [send("POST", f"{path}/test", who).body["event_id"] for _ in range(5)]
    first = send("GET", f"{path}/deliveries", who, query="limit=2").body
    rest = send("GET", f"{path}/deliveries", who, query=f"limit=50&cursor={first['next_cursor']}").body
    listed = [each["event_id"] for each in first["items"] + rest["items"]]
    assert listed == sorted(sent, reverse=True)
