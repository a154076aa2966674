"""Scans that recur. The clock is EventBridge Scheduler; it follows our record through the record's events.

What reads cron is imported by those who set the clock: most requests of the room's door do not.
"""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.scans import Budget, ScheduleChanged, ScheduleDeleted
from functions.scans.calendar import zone
from functions.scans.errors import MalformedCron, NotAtWork
from functions.scans.gateways import Clockwork
from functions.scans.model import Scan, Schedule
from functions.scans.schemas import CreateScan, CreateSchedule
from functions.scans.service.scans import create_scan, validate_request
from functions.scans.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.ids import new_id
from kernel.table import Once


def create_schedule(store: Store, actor: Actor, command: CreateSchedule) -> Schedule:
    """Set up a recurring scan. What it will scan is checked now, and again at each run."""
    _demand_cron(command.cron, command.timezone)
    profile, _, _ = validate_request(store, actor, command)
    schedule = Schedule(
        tenant_id=actor.tenant_id,
        schedule_id=new_id("schedule"),
        name=command.name,
        cron=command.cron,
        timezone=command.timezone,
        targets=tuple(command.targets),
        profile=command.profile,
        modules=tuple(command.modules) if command.modules else None,
        scope=command.scope,
        budget=command.budget or profile.budget or Budget(),
        politeness=command.politeness,
        team_id=command.team_id,
        calendar=command.calendar,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )
    changed = ScheduleChanged(
        schedule_id=schedule.schedule_id, name=schedule.name, cron=schedule.cron, timezone=schedule.timezone
    )
    store.add(actor, schedule, [changed])
    return schedule


def delete_schedule(store: Store, actor: Actor, schedule_id: str) -> None:
    """Remove a recurring scan; scans that it started stay."""
    schedule = store.schedule(actor, schedule_id)
    store.remove(actor, schedule, ScheduleDeleted(schedule_id=schedule_id, name=schedule.name))


def arm(store: Store, clockwork: Clockwork, actor: Actor, schedule_id: str) -> None:
    """Set the clock as the record says; a record that is gone needs none, nor does an organisation that is not at
    work."""
    schedule = store.find_schedule(actor, schedule_id)
    if schedule is None:
        return
    _set(clockwork, schedule, may_work=store.may_work(actor))
    if store.find_schedule(actor, schedule_id) is None:  # deleted meanwhile, and its event may have come before this
        clockwork.clear(schedule_id)


def follow_organization(store: Store, clockwork: Clockwork, actor: Actor) -> None:
    """The clock stands still while the organisation is suspended or being closed, and goes on when it may work again:
    as it is now, since events come in any order."""
    while True:
        may_work, known = store.may_work(actor), store.every_schedule(actor)
        for schedule in known.values():
            _set(clockwork, schedule, may_work=may_work)
        left = store.every_schedule(actor)
        for schedule_id in known.keys() - left.keys():  # deleted meanwhile
            clockwork.clear(schedule_id)
        if store.may_work(actor) is may_work:
            return


def _set(clockwork: Clockwork, schedule: Schedule, *, may_work: bool) -> None:
    from functions.scans.cron import to_scheduler_cron

    if may_work:
        clockwork.set(schedule.tenant_id, schedule.schedule_id, to_scheduler_cron(schedule.cron), schedule.timezone)
    else:
        clockwork.clear(schedule.schedule_id)


def run_schedule(store: Store, actor: Actor, schedule_id: str, occasion: str) -> Scan:
    """Start the scan of a schedule once for one occasion (the clock's time of firing). Raises NotAtWork, and what
    `create_scan` raises."""
    schedule = store.schedule(actor, schedule_id)
    if not store.may_work(actor):
        raise NotAtWork()
    command = CreateScan(
        name=schedule.name,
        targets=list(schedule.targets),
        profile=schedule.profile,
        modules=list(schedule.modules) if schedule.modules else None,
        scope=schedule.scope,
        budget=schedule.budget,
        politeness=schedule.politeness,
        team_id=schedule.team_id,
        calendar=schedule.calendar,
    )
    once = Once("schedules", f"{schedule_id}@{occasion}")
    return create_scan(store, actor, command, schedule=schedule, once=once)


def _demand_cron(expression: str, timezone: str) -> None:
    from cronsim import CronSim, CronSimError

    from functions.scans.cron import to_scheduler_cron

    place = zone(timezone)
    if len(expression.split()) != 5:
        raise MalformedCron("Write five fields: minute, hour, day, month, weekday.")
    try:
        next(CronSim(expression, datetime.now(UTC).astimezone(place)))
        to_scheduler_cron(expression)
    except (CronSimError, ValueError) as error:
        raise MalformedCron(str(error)) from None
    except StopIteration:
        raise MalformedCron("The expression never comes true.") from None
