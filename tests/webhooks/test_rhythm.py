"""The whole rhythm of retries, over virtual time and thousands of fates of an endpoint."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.webhooks import service
from functions.webhooks.model import (
    DELAYS,
    GIVE_UP_AFTER,
    JITTER,
    MAX_RETRY_AFTER,
    DeliveryStatus,
    Outcome,
    next_delay,
)
from functions.webhooks.schemas import ChangeWebhook
from tests.faults import Crash
from tests.webhooks.world import World

NOON = "2026-03-01T12:00:00Z"
REFUSALS = (100, 199, 300, 301, 302, 307, 308, 400, 401, 403, 404, 408, 409, 418, 429, 500, 502, 503, 504, 599)
FAILURES = st.builds(
    Outcome,
    status=st.none() | st.sampled_from(REFUSALS),
    retry_after=st.none() | st.sampled_from((0, 1, 60, 3600, 86_400, 86_401, 9_999_999)),
)
SUCCESSES = st.builds(Outcome, status=st.integers(200, 299))
FATES = st.lists(FAILURES, max_size=len(DELAYS)).flatmap(
    lambda failures: st.one_of(
        SUCCESSES.map(lambda success: [*failures, success]),
        st.just([*failures, Outcome(status=410)]),
        st.just([*failures, Outcome(error="no answer")]),
    )
)


@settings(max_examples=1000)
@given(FATES, st.integers(1, 2), st.integers(1, 3), st.integers(0, 2**32))
def test_an_acknowledged_event_is_never_lost_and_none_is_tried_for_ever(
    fate: list[Outcome], tellings: int, repeats: int, seed: int
) -> None:
    """However often the event is told and each try is asked for, and whatever the endpoint answers."""
    random.seed(seed)
    with time_machine.travel(NOON, tick=False) as time:
        world = World(*fate)
        webhook = world.register()
        envelope = world.event()
        for _ in range(tellings):
            world.dispatch(envelope)
        world.until_quiet(time, repeats=repeats)
        delivery = world.store.delivery(world.who, webhook.webhook_id, envelope.id)
        kept = world.store.webhook(world.who, webhook.webhook_id)
    posts = world.endpoint.posts
    answers = [fate[min(number, len(fate) - 1)] for number in range(len(posts))]
    assert 1 <= len(posts) <= len(DELAYS)
    assert len(delivery.attempts) == len(posts)
    assert [attempt.status for attempt in delivery.attempts] == [answer.status for answer in answers]
    assert not any(answer.delivered for answer in answers[:-1])
    assert {post.body for post in posts} == {delivery.payload}
    assert {post.headers["webhook-id"] for post in posts} == {envelope.id}
    if answers[-1].delivered:
        assert (delivery.status, kept.enabled, kept.failing_since) == (DeliveryStatus.DELIVERED, True, None)
    else:
        assert delivery.status is DeliveryStatus.FAILED
        assert len(posts) == len(DELAYS) or not kept.enabled
        assert kept.failing_since is not None
    assert delivery.next_attempt_at is None
    assert world.told().count("WebhookDisabled.v1") == (0 if kept.enabled else 1)
    assert kept.enabled == (answers[-1].status != 410 and posts[-1].at - posts[0].at <= GIVE_UP_AFTER) or (
        answers[-1].delivered
    )
    for number, (before, after) in enumerate(pairwise(posts), start=1):
        asked = min(answers[number - 1].retry_after or 0, MAX_RETRY_AFTER)
        waited = (after.at - before.at).total_seconds()
        assert max(DELAYS[number], asked) - 1 <= waited <= max(DELAYS[number] * (1 + JITTER), asked) + 1


@given(st.integers(1, len(DELAYS) - 1), st.floats(0, 1), st.none() | st.integers(0, 10**12))
def test_a_wait_is_bounded_by_the_rhythm_and_a_day(attempts: int, spread: float, retry_after: int | None) -> None:
    delay = next_delay(attempts, spread, retry_after)
    assert delay is not None
    assert DELAYS[attempts] <= delay <= max(DELAYS[attempts] * (1 + JITTER), MAX_RETRY_AFTER)


def test_the_rhythm_is_the_one_that_partners_are_promised() -> None:
    assert DELAYS == (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
    assert next_delay(len(DELAYS), 0.5) is None
    assert timedelta(days=5) == GIVE_UP_AFTER


@settings(max_examples=300)
@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 2**32))
def test_an_endpoint_that_fails_for_five_days_is_given_up_and_one_good_answer_starts_anew(
    answers: list[bool], seed: int
) -> None:
    """Six hours between events; each is tried once here."""
    random.seed(seed)
    with time_machine.travel(NOON, tick=False) as time:
        world = World()
        webhook_id = world.register().webhook_id
        failing_for = 0.0
        for good in answers:
            world.endpoint.plan = [Outcome(status=200 if good else 500)]
            world.retries.tries.clear()
            if not world.store.webhook(world.who, webhook_id).enabled:
                break
            world.dispatch(world.event())
            failing_for = 0.0 if good else failing_for + 6
            time.shift(timedelta(hours=6))
        kept = world.store.webhook(world.who, webhook_id)
    assert kept.enabled == (failing_for - 6 <= GIVE_UP_AFTER.total_seconds() / 3600)
    if not kept.enabled:
        assert kept.disabled_reason == "The endpoint has failed for five days."
        assert world.told().count("WebhookDisabled.v1") == 1


def test_an_endpoint_that_is_gone_is_disabled_at_once_and_what_waited_has_failed() -> None:
    with time_machine.travel(NOON, tick=False) as time:
        world = World(Outcome(status=500), Outcome(status=410))
        webhook_id = world.register().webhook_id
        first, second, third = world.event(), world.event(), world.event()
        world.dispatch(first)
        world.dispatch(second)
        world.dispatch(third)
        assert [world.store.delivery(world.who, webhook_id, each.id).status for each in (first, second)] == [
            DeliveryStatus.RETRYING,
            DeliveryStatus.FAILED,
        ]
        assert len(world.endpoint.posts) == 2
        world.until_quiet(time)
    assert len(world.endpoint.posts) == 2
    assert world.store.delivery(world.who, webhook_id, first.id).status is DeliveryStatus.FAILED
    assert world.told().count("WebhookDisabled.v1") == 1
    kept = world.store.webhook(world.who, webhook_id)
    assert (kept.enabled, kept.disabled_reason) == (False, "The endpoint answered 410 Gone.")


@settings(max_examples=200)
@given(st.integers(0, 7), st.integers(0, 2**32), st.booleans())
def test_a_replay_begins_anew_and_silences_what_was_arranged_before(failures: int, seed: int, recovered: bool) -> None:
    random.seed(seed)
    with time_machine.travel(NOON, tick=False) as time:
        world = World(Outcome(status=500))
        webhook_id = world.register().webhook_id
        envelope = world.event()
        world.dispatch(envelope)
        for _ in range(failures):
            due, *which = world.retries.tries.pop()
            time.move_to(due)
            world.retry(*which)
        posted = len(world.endpoint.posts)
        if recovered:
            world.endpoint.plan = [Outcome(status=200)]
        world.replay(webhook_id, envelope.id)
        world.until_quiet(time)
        delivery = world.store.delivery(world.who, webhook_id, envelope.id)
    assert len(world.endpoint.posts) - posted == len(delivery.attempts) == (1 if recovered else len(DELAYS))
    assert delivery.status is (DeliveryStatus.DELIVERED if recovered else DeliveryStatus.FAILED)


def test_a_worker_that_dies_after_it_sent_repeats_a_try_and_loses_none() -> None:
    """The next try is arranged before the log says so; a lost log is written by the repeat."""

    class Dies(World):
        def retry(self, webhook_id: str, event_id: str, version: int) -> None:
            self.table.client.before_write = self._die
            with pytest.raises(Crash):
                super().retry(webhook_id, event_id, version)
            self.table.client.before_write = lambda: None
            super().retry(webhook_id, event_id, version)

        def _die(self) -> None:
            raise Crash

    with time_machine.travel(NOON, tick=False) as time:
        world = Dies(Outcome(status=500))
        webhook_id = world.register().webhook_id
        envelope = world.event()
        world.dispatch(envelope)
        world.until_quiet(time)
        delivery = world.store.delivery(world.who, webhook_id, envelope.id)
    assert len(delivery.attempts) == len(DELAYS)
    assert delivery.status is DeliveryStatus.FAILED
    assert len(world.endpoint.posts) == 2 * len(DELAYS) - 1


def test_two_deliveries_that_find_the_endpoint_gone_disable_it_once() -> None:
    """Both were on their way when the first answer came."""
    with time_machine.travel(NOON, tick=False):
        world = World(Outcome(status=410))
        webhook = world.register()
        stale = world.store.webhook(world.who, webhook.webhook_id)
        for _ in range(2):
            envelope = world.event()
            delivery = world.store.open_delivery(world.who, world.delivery(stale, envelope))
            world.attempt(stale, delivery)
        kept = world.store.webhook(world.who, webhook.webhook_id)
    assert (kept.enabled, kept.failing_since is not None) == (False, True)
    assert world.told().count("WebhookDisabled.v1") == 1


def test_an_endpoint_that_is_changed_or_removed_while_it_answers_keeps_what_was_done_to_it() -> None:
    with time_machine.travel(NOON, tick=False):
        world = World(Outcome(status=500))
        webhook_id = world.register().webhook_id
        change = ChangeWebhook(url="https://elsewhere.example/", event_types=["*"])
        world.endpoint.meanwhile = lambda: service.change(world.store, world.who, webhook_id, change, None)
        world.dispatch(world.event())
        kept = world.store.webhook(world.who, webhook_id)
        assert (kept.url, kept.failing_since is not None) == (change.url, True)
        world.endpoint.meanwhile = lambda: service.remove(world.store, world.who, webhook_id, None)
        world.dispatch(world.event())
        assert world.store.find_webhook(world.who, webhook_id) is None


def test_a_change_between_reading_and_noting_an_endpoints_health_is_kept() -> None:
    """The write of the note fails on the version; it is read again."""
    with time_machine.travel(NOON, tick=False):
        world = World(Outcome(status=500))
        webhook_id = world.register().webhook_id
        change = ChangeWebhook(url="https://elsewhere.example/", event_types=["*"])
        writes: list[int] = []

        def interrupt() -> None:
            writes.append(len(writes))
            if len(writes) == 3:  # the delivery was opened and saved; now comes the note
                service.change(world.store, world.who, webhook_id, change, None)

        world.table.client.before_write = interrupt
        world.dispatch(world.event())
        kept = world.store.webhook(world.who, webhook_id)
    assert len(writes) == 5
    assert (kept.url, kept.failing_since is not None) == (change.url, True)
