"""What a process has of its own: time, clients, settings, log lines, the register of events."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import pytest
from aws_xray_sdk.core import xray_recorder
from hypothesis import given
from hypothesis import strategies as st

from kernel import aws, clock, observe
from kernel.actor import Actor
from kernel.events import REGISTRY, Envelope, Event
from kernel.http import Room, lambda_handler
from kernel.ids import new_id
from tests.kit import actor

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=ZONES)


@given(MOMENTS)
def test_a_timestamp_is_read_back_to_the_millisecond(at: datetime) -> None:
    assert abs(clock.parse(clock.timestamp(at)) - at) < timedelta(milliseconds=1)


@given(MOMENTS, MOMENTS)
def test_timestamps_sort_as_their_moments(one: datetime, other: datetime) -> None:
    first, second = clock.timestamp(one), clock.timestamp(other)
    assert len(first) == len(second) == 24
    assert (first < second) <= (one < other)


def test_now_is_in_utc() -> None:
    assert clock.now().tzinfo is UTC
    assert clock.timestamp().endswith("Z")


def test_a_setting_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANCHORAGE", "north")
    assert aws.setting("ANCHORAGE") == "north"
    monkeypatch.delenv("ANCHORAGE")
    with pytest.raises(KeyError, match="ANCHORAGE"):
        aws.setting("ANCHORAGE")


def test_a_client_is_made_once_and_does_not_wait_long(cloud: None) -> None:
    table = aws.client("dynamodb")
    assert aws.client("dynamodb") is table
    assert table.meta.config.connect_timeout <= 5
    assert table.meta.config.retries["total_max_attempts"] >= 3
    assert aws.client("s3").meta.config.signature_version == "s3v4"


def test_events_say_their_type_and_are_declared_once() -> None:
    class Sunk(Event, context="boats", version=3):
        boat_id: str

    try:
        assert (Sunk.type, Sunk.context) == ("Sunk.v3", "boats")
        assert REGISTRY["Sunk.v3"] is Sunk
        with pytest.raises(TypeError, match=r"Sunk\.v3 is declared twice"):
            type("Sunk", (Event,), {"__module__": __name__}, context="boats", version=3)
        envelope = Envelope(
            id="e",
            type="Sunk.v3",
            context="boats",
            tenant_id="t",
            at="now",
            sequence=1,
            data={"boat_id": "b", "new": 1},
        )
        assert envelope.event() == Sunk(boat_id="b")
    finally:
        del REGISTRY["Sunk.v3"]
    with pytest.raises(KeyError):
        envelope.event()


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The structured lines that the room's logger writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(observe.logger().registered_formatter)
    observe.logger().addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger(observe.logger().service).removeHandler(handler)


def test_lines_carry_whom_the_work_is_for_and_only_while_it_lasts(lines: Any) -> None:
    who = actor(request_id="request-1")
    with observe.working_for(who):
        observe.logger().info("within")
    observe.logger().info("after")
    within, after = lines()
    assert {within["tenant_id"], within["user_id"], within["request_id"]} == {who.tenant_id, who.user_id, "request-1"}
    assert "tenant_id" not in after


def test_a_task_acts_for_the_tenant_that_the_machine_names(lines: Any) -> None:
    tenant = new_id("org")

    @observe.task
    def door(who: Actor, event: dict[str, Any]) -> Any:
        observe.logger().info("at work")
        return who, event["answer"]

    who, answer = door({"tenant_id": tenant, "request_id": "request-1", "answer": 42}, None)
    assert (who, answer) == (Actor.system(tenant, request_id="request-1"), 42)
    assert lines()[0]["tenant_id"] == tenant
    with pytest.raises(ValueError, match="not a tenant id"):
        door({"tenant_id": "*"}, None)


def test_a_metric_is_one_line_and_nothing_is_not_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTEXT", "boats")
    observe.count("EventsTaken", 2)
    observe.count("EventsFailed", 0)
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "_aws" in text]
    assert (line["EventsTaken"], line["service"]) == ([2.0], "boats")
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == observe.NAMESPACE


@pytest.fixture
def segment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A segment of X-Ray, as Lambda opens one around an invocation."""
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    observe._tracer.cache_clear()
    yield xray_recorder.begin_segment("invocation", sampling=1)
    xray_recorder.clear_trace_entities()
    observe._tracer.cache_clear()


def test_a_sampled_trace_is_annotated_with_the_tenant(segment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    who = actor(request_id="request-1")
    for trace in (None, "Root=1-x;Sampled=0"):
        if trace:
            monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
        with observe.working_for(who):
            assert segment.annotations == {}
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-x;Sampled=1")
    with observe.working_for(who.model_copy(update={"request_id": None})):
        assert segment.annotations == {"tenant_id": who.tenant_id}
    with observe.working_for(who):
        assert segment.annotations == {"tenant_id": who.tenant_id, "request_id": "request-1"}


def test_a_room_is_primed_before_its_picture_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda's own runtime has the hook; elsewhere there is none, and nothing is primed."""
    registered: list[tuple[Any, ...]] = []
    runtime = ModuleType("snapshot_restore_py")
    runtime.register_before_snapshot = lambda *hook: registered.append(hook)  # type: ignore[attr-defined]
    app, asked = Room("boats"), list[str]()

    @app.get("/boats")
    async def fleet() -> dict[str, str]:
        asked.append("fleet")
        return {}

    lambda_handler(app, prime=["/boats"])
    assert registered == []
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    lambda_handler(app, prime=["/boats"])
    for hook, *arguments in registered:
        hook(*arguments)
    assert asked == ["fleet"]
