"""The scans context's items, by named access pattern."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from contracts.access import TeamBrief
from contracts.collection import OwnModule
from contracts.modules import ModuleFace, ModuleSetting
from contracts.organizations import OrganizationStatus, Tenancy
from contracts.plans import Metered, plans, unless_exhausted
from contracts.scans import ScanQueued
from functions.scans.model import ApprovedTarget, Queue, Scan, Schedule
from functions.scans.profiles import OwnProfile
from kernel import aws
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.events import Event
from kernel.records import Resource
from kernel.table import Change, Once, Page, Table, create, delete, update

S = TypeVar("S", Scan, Schedule)
Kept = Scan | ApprovedTarget | Schedule | OwnProfile


class Store:
    """Reads and commits what the context owns, and reads the module settings that it was granted."""

    def __init__(self, table: Table | None = None) -> None:
        self._table = table or Table()

    def scan(self, actor: Actor, scan_id: str) -> Scan:
        """One scan that the actor sees. Raises NotFound."""
        return _seen(actor, self._table.require(actor, Scan, scan_id=scan_id))

    def find_scan(self, actor: Actor, scan_id: str) -> Scan | None:
        """One scan, or None."""
        return self._table.get(actor, Scan, scan_id=scan_id)

    def scans(self, actor: Actor, limit: int, cursor: str | None) -> Page[Scan]:
        """The tenant's scans that the actor sees, newest first; a page may be short."""
        page = self._table.query(actor, Scan, limit=limit, cursor=cursor, newest_first=True)
        return Page([scan for scan in page.items if actor.sees(scan.team_id)], page.next_cursor)

    def has_team(self, actor: Actor, team_id: str) -> bool:
        """Whether the tenant has a team."""
        return self._table.get(actor, TeamBrief, team_id=team_id) is not None

    def target(self, actor: Actor, target_id: str) -> ApprovedTarget:
        """One target. Raises NotFound."""
        return self._table.require(actor, ApprovedTarget, target_id=target_id)

    def targets(self, actor: Actor, limit: int, cursor: str | None) -> Page[ApprovedTarget]:
        """The targets that the tenant named, oldest first."""
        return self._table.query(actor, ApprovedTarget, limit=limit, cursor=cursor)

    def approved_patterns(self, actor: Actor) -> list[str]:
        """What the tenant may scan actively."""
        return [target.pattern for target in self._table.all(actor, ApprovedTarget) if target.approved]

    def schedule(self, actor: Actor, schedule_id: str) -> Schedule:
        """One schedule that the actor sees. Raises NotFound."""
        return _seen(actor, self._table.require(actor, Schedule, schedule_id=schedule_id))

    def find_schedule(self, actor: Actor, schedule_id: str) -> Schedule | None:
        """One schedule, or None."""
        return self._table.get(actor, Schedule, schedule_id=schedule_id)

    def schedules(self, actor: Actor, limit: int, cursor: str | None) -> Page[Schedule]:
        """The tenant's schedules that the actor sees, oldest first; a page may be short."""
        page = self._table.query(actor, Schedule, limit=limit, cursor=cursor)
        return Page([each for each in page.items if actor.sees(each.team_id)], page.next_cursor)

    def every_schedule(self, actor: Actor) -> dict[str, Schedule]:
        """All of the tenant's schedules by id."""
        return {each.schedule_id: each for each in self._table.all(actor, Schedule)}

    def module_settings(self, actor: Actor) -> dict[str, ModuleSetting]:
        """What the tenant has set for its modules, by name."""
        return {setting.name: setting for setting in self._table.all(actor, ModuleSetting)}

    def profile(self, actor: Actor, name: str) -> OwnProfile | None:
        """One of the tenant's own profiles, or None."""
        return self._table.get(actor, OwnProfile, name=name)

    def profiles(self, actor: Actor) -> list[OwnProfile]:
        """The tenant's own profiles by name."""
        return list(self._table.all(actor, OwnProfile))

    def queue(self, actor: Actor) -> Queue:
        """Whose turn it is; an empty queue when nothing was ever queued."""
        return self._table.get(actor, Queue) or Queue(tenant_id=actor.tenant_id)

    def save_queue(self, queue: Queue) -> None:
        """Raises Conflict or PreconditionFailed when another worker came between."""
        self._table.write(update(queue) if queue.version else create(queue))

    def scans_at_once(self, actor: Actor) -> int:
        """How many scans the plan lets run at the same time."""
        return plans()[self._tenancy(actor).plan].scans_at_once

    def may_work(self, actor: Actor) -> bool:
        """Whether the organisation is neither suspended nor being closed."""
        return self._tenancy(actor).status is OrganizationStatus.ACTIVE

    def _tenancy(self, actor: Actor) -> Tenancy:
        with aws.acting_for(actor.tenant_id):
            found = self._table.get_platform(Tenancy, tenant_id=actor.tenant_id)
        return found or Tenancy(tenant_id=actor.tenant_id)

    def own_faces(self, actor: Actor) -> dict[str, ModuleFace]:
        """The modules that the tenant wrote itself, by name."""
        return {own.name: own.face for own in self._table.all(actor, OwnModule)}

    def add(
        self,
        actor: Actor,
        record: Kept,
        events: Sequence[Event],
        once: Once | None = None,
    ) -> None:
        """Commit a new item, its events and its answer."""
        self._table.transact(actor, [create(record), *_limits(actor, events)], events, answer=record, once=once)

    def save(self, actor: Actor, record: Kept, *events: Event, answer: Resource | None = None) -> None:
        """Commit a changed item. Raises PreconditionFailed when it moved on since it was read."""
        self._table.transact(actor, [update(record), *_limits(actor, events)], events, answer=answer)

    def remove(self, actor: Actor, record: Kept, *events: Event) -> None:
        """Delete an item as it was read."""
        self._table.transact(actor, [delete(record)], events)


def _limits(actor: Actor, events: Sequence[Event]) -> list[Change]:
    """A scan that is queued needs room in the plan for itself and for what it will find."""
    if not any(isinstance(event, ScanQueued) for event in events):
        return []
    return [unless_exhausted(actor, metered) for metered in (Metered.SCANS, Metered.OBSERVATIONS, Metered.STORAGE)]


def _seen(actor: Actor, record: S) -> S:
    """The record, if no team hides it from the actor."""
    if not actor.sees(record.team_id):
        raise NotFound()
    return record
