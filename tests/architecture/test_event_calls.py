"""How many AWS calls each room makes for each event that it hears, and each step of a scan; kept like those of the
operations, in `infra/costs/measured.json` (`MEASURE=write` writes it anew)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts import all_events
from infra.costs import usage
from infra.costs.usage import Measured, Usage
from kernel.events import Envelope
from tests.architecture.happenings import hear, history, listeners, steps_of_a_scan
from tests.architecture.metering import Meter, metered
from tests.architecture.world import World
from tests.e2e.site import slow_site
from tests.kit import committed_events

ROOMS = sorted(file.parent.name for file in (Path(__file__).parents[2] / "functions").glob("*/events.py"))
RARE = {
    *("ReportFailed.v1", "WebhookDisabled.v1", "AccessRefused.v1"),
    *("OrganizationClosed.v1", "LimitApproached.v1"),
    *("GrantRefused.v1", "KeyGrantRefused.v1", "PolicyRefused.v1"),
    *("AuditLogDiverged.v1", "AuditReportFailed.v1", "AuditReportReady.v1"),
    *("AccountLocked.v1", "LogInRefused.v1", "NewDeviceSeen.v1", "RefreshTokenReused.v1"),
    *("InvitationRefused.v1", "RecoveryCodeUsed.v1", "ProvisioningRefused.v1"),
    *("PersonalDataExported.v1", "PersonalDataIncomplete.v1", "PersonErased.v1"),
    *("PersonErasureIncomplete.v1", "PersonErasureRefused.v1"),
    *("BreakGlassUsed.v1", "IdentityLinked.v1", "SsoRefused.v1", "SsoConnectionChanged.v1", "SsoDomainVerified.v1"),
    *("SsoDomainClaimed.v1", "SsoDomainRefused.v1", "SsoDomainReleased.v1"),
    "ScanContinued.v1",
    *("FactsRetired.v1", "ImportFinished.v1", "ImportFailed.v1"),
}
"""What the history lacks; it is heard as the other events of its context are."""
MOST_CALLS = 3
"""For one event in a room: what it is about, and what comes of it."""
FOLLOWED = ("MemberRolesChanged.v1", "MemberRemoved.v1", "TeamMemberAdded.v1", "TeamMemberRemoved.v1")
MORE_CALLS = {
    **dict.fromkeys((("ScanEnded.v1", room) for room in ("notifications", "collection")), 4),
    **dict.fromkeys(((kind, "organizations") for kind in ("ScanEnded.v1", "ScanDeleted.v1")), 5),
    ("FindingsDetected.v1", "notifications"): 4,
    **dict.fromkeys(((kind, "notifications") for kind in ("FactorDisabled.v1", "PasswordChanged.v1")), 4),
    **dict.fromkeys(((kind, "developers") for kind in FOLLOWED), 6),
    **dict.fromkeys(((kind, "scans") for kind in ("ScheduleChanged.v1", "OrganizationStatusChanged.v1")), 5),
}
"""Who is told what: the people, and for each whether it was told, the mail and the note. Keys follow their owners: who
he is, his teams, his keys and what the authorizer reads of them, in one transaction. The clock is set for an
organisation that may work, and looked at again, since it may have changed meanwhile. The last word of a scan's log is
said of one that is there, and what its modules did is read. Usage is the plan, how large the
scan was and is, what was counted, and all of that anew."""
WRITES = os.environ.get("MEASURE") == "write"


@pytest.fixture
def world(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with World(monkeypatch) as made:
        yield made


def test_a_room_asks_no_more_for_an_event_than_it_must(world: World) -> None:
    with metered() as meter:
        heard = _heard(meter, history(world))
        heard |= _heard(meter, [event for event in committed_events() if event.type not in heard])
    assert set(heard) == set(all_events()) - RARE
    for kind, rooms in heard.items():
        for room, used in rooms.items():
            assert used.total <= MORE_CALLS.get((kind, room), MOST_CALLS), (kind, room, used.calls)
    _compare_or_write("consumers", heard)


def _heard(meter: Meter, events: list[Envelope]) -> dict[str, dict[str, Usage]]:
    """What each room does for the first event of each kind."""
    first: dict[str, Envelope] = {}
    for envelope in events:
        first.setdefault(envelope.type, envelope)
    return {
        kind: {room: hear(meter, door, envelope) for room, door in listeners(kind, ROOMS)}
        for kind, envelope in first.items()
    }


def test_a_step_of_a_scan_asks_no_more_than_is_known(world: World) -> None:
    with metered() as meter, slow_site(1, 0) as site:
        steps = steps_of_a_scan(world, meter, site)
    _compare_or_write("steps", {"": steps})


def _compare_or_write(part: str, found: dict[str, dict[str, Usage]]) -> None:
    known = usage.read()
    if WRITES:
        consumers, steps = (found, known.steps) if part == "consumers" else (known.consumers, found[""])
        usage.write(Measured(known.operations, consumers, steps))
        return
    expected = known.consumers if part == "consumers" else {"": known.steps}
    assert _timeless(found) == _timeless(expected)


def _timeless(found: dict[str, dict[str, Usage]]) -> dict[str, dict[str, object]]:
    return {
        kind: {room: (used.calls, used.reads, used.writes, used.events) for room, used in rooms.items()}
        for kind, rooms in found.items()
    }
