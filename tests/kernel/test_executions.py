"""Executions that broke off: who is told, for which tenant, and what is not believed."""

from __future__ import annotations

from typing import Any

import pytest

from kernel.actor import Actor
from kernel.executions import MAX_ERROR, BrokenOff, watches
from kernel.ids import new_id
from tests.executions import MACHINE, queued, status_change

TENANT = new_id("org")
WORK = {"tenant_id": TENANT, "scan_id": "scan_1"}
Taken = list[tuple[str, BrokenOff]]


@pytest.fixture
def taken() -> Taken:
    return []


@pytest.fixture
def door(taken: Taken, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SOME_MACHINE_ARN", MACHINE)

    @watches("SOME_MACHINE_ARN")
    def take(actor: Actor, broken: BrokenOff) -> None:
        if broken.name == "bad":
            raise RuntimeError("no")
        taken.append((actor.tenant_id, broken))

    return take


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        ("ABORTED", "any", "Somebody who operates the platform ended its execution."),
        ("TIMED_OUT", None, "Its execution ran out of time."),
        ("FAILED", "States.Runtime", "Its execution broke (States.Runtime)."),
        ("FAILED", None, "Its execution broke."),
    ],
)
def test_a_bad_end_is_told_in_words(door: Any, taken: Taken, status: str, error: str | None, words: str) -> None:
    assert door(queued(status_change("scan_1", WORK, status, error=error)), None) == {"batchItemFailures": []}
    ((tenant, broken),) = taken
    assert (tenant, broken.name, broken.work, broken.words) == (TENANT, "scan_1", WORK, words)


def test_an_error_without_end_is_cut(door: Any, taken: Taken) -> None:
    door(queued(status_change("scan_1", WORK, "FAILED", error="x" * 10_000)), None)
    assert len(taken[0][1].error) == MAX_ERROR


@pytest.mark.parametrize(
    "event",
    [
        status_change("scan_1", WORK, "SUCCEEDED"),
        status_change("scan_1", WORK, "RUNNING"),
        status_change("scan_1", WORK, machine=f"{MACHINE}-other"),
        status_change("scan_1", WORK, executionArn=f"{MACHINE}:scan_2"),
        status_change("scan_1", WORK, name="scan_2"),
        status_change("scan_1", WORK) | {"source": "palisade.scans"},
        status_change("scan_1", None),
        status_change("scan_1", "{"),
        status_change("scan_1", "[]"),
        status_change("scan_1", {"scan_id": "scan_1"}),
        status_change("scan_1", WORK | {"tenant_id": "org_*"}),
        status_change("scan_1", WORK | {"tenant_id": {"S": TENANT}}),
    ],
)
def test_what_is_no_bad_end_of_this_machines_work_is_left_out(door: Any, taken: Taken, event: Any) -> None:
    assert door(queued(event), None) == {"batchItemFailures": []}
    assert taken == []


def test_what_fails_comes_again_alone(door: Any, taken: Taken) -> None:
    batch = queued(status_change("bad", WORK), "{", status_change("scan_1", WORK))
    assert [each["itemIdentifier"] for each in door(batch, None)["batchItemFailures"]] == ["m0", "m1"]
    assert [broken.name for _, broken in taken] == ["scan_1"]
