"""Signatures as partners verify them: with the library of the Standard Webhooks specification."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from functions.webhooks import service
from functions.webhooks.model import SECRET_BYTES, headers, new_secret
from kernel import clock
from tests.webhooks.world import Post, World

SECRET = new_secret()


def verified(post: Post, secret: str) -> object:
    return Verifier(secret).verify(post.body, post.headers)


@given(st.text(min_size=1, max_size=30).filter(str.isalnum), st.dictionaries(st.text(max_size=5), st.text(max_size=9)))
def test_what_is_signed_is_verified(message_id: str, content: dict[str, str]) -> None:
    body = json.dumps(content)
    signed = headers([SECRET], message_id, clock.now(), body)
    assert Verifier(SECRET).verify(body, signed) == content


def test_a_changed_body_id_time_or_secret_does_not_pass() -> None:
    body = '{"a": 1}'
    signed = headers([SECRET], "evt_1", clock.now(), body)
    later = str(int(signed["webhook-timestamp"]) + 1)
    for forged, text in (
        (signed, '{"a": 2}'),
        ({**signed, "webhook-id": "evt_2"}, body),
        ({**signed, "webhook-timestamp": later}, body),
        ({**signed, "webhook-signature": "v1,AAAA"}, body),
    ):
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(text, forged)
    with pytest.raises(WebhookVerificationError):
        Verifier(new_secret()).verify(body, signed)


def test_an_old_delivery_cannot_be_played_again_later() -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as time:
        signed = headers([SECRET], "evt_1", clock.now(), "{}")
        time.shift(timedelta(minutes=6))
        with pytest.raises(WebhookVerificationError, match="too old"):
            Verifier(SECRET).verify("{}", signed)


def test_while_a_secret_is_rotated_both_verify_and_a_day_later_the_new_one_alone() -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as time:
        world = World()
        registered = world.register()
        old, webhook_id = registered.signing_secret, registered.webhook_id
        world.dispatch(world.event())
        new = service.rotate(world.store, world.sealer, world.who, webhook_id).signing_secret
        world.dispatch(world.event())
        time.shift(timedelta(hours=23, minutes=59))
        world.dispatch(world.event())
        time.shift(timedelta(minutes=2))
        world.dispatch(world.event())
        before, rotating, _, after = world.endpoint.posts
        assert len(rotating.headers["webhook-signature"].split()) == 2
        time.move_to(before.at, tick=False)
        assert verified(before, old)
        with pytest.raises(WebhookVerificationError):
            verified(before, new)
        for secret in (old, new):
            assert verified(rotating, secret)
        time.move_to(after.at, tick=False)
        assert verified(after, new)
        with pytest.raises(WebhookVerificationError):
            verified(after, old)


def test_a_payload_says_what_happened_to_whom_and_nothing_of_the_caller() -> None:
    world = World()
    secret = world.register().signing_secret
    envelope = world.event()
    world.dispatch(envelope)
    (post,) = world.endpoint.posts
    assert verified(post, secret) == {
        "id": envelope.id,
        "type": "OrganizationCreated.v1",
        "timestamp": envelope.at,
        "organization_id": world.who.tenant_id,
        "sequence": 1,
        "data": {"organization_id": "o", "name": "n", "owner_id": "", "owner_email": ""},
    }
    assert "someone@example.com" not in post.body
    assert post.headers["content-type"] == "application/json"


def test_secrets_are_long_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert SECRET_BYTES >= 24
    assert all(len(secret) > 40 and secret.startswith("whsec_") for secret in secrets)


def test_a_repeated_delivery_is_signed_for_its_own_time() -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as time:
        world = World()
        registered = world.register()
        envelope = world.event()
        world.dispatch(envelope)
        time.shift(timedelta(days=2))
        world.replay(registered.webhook_id, envelope.id)
        first, second = world.endpoint.posts
        assert verified(second, registered.signing_secret)
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
