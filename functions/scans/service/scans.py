"""Define, start, pause, resume, stop and delete scans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from contracts.dependencies import resolve
from contracts.modules import ModuleFace, catalogue
from contracts.observations import ObservationType
from contracts.scans import (
    Budget,
    ScanCreated,
    ScanDeleted,
    ScanEnded,
    ScanPaused,
    ScanPauseRequested,
    ScanQueued,
    ScanResumed,
    ScanStatus,
    ScanStopRequested,
)
from contracts.scope import Scope, admits
from contracts.targets import Target, parse
from functions.scans.errors import (
    BadTarget,
    MissingDependency,
    ModuleDisabled,
    NothingToRun,
    TargetOutsideScope,
    UnknownModule,
    UnknownProfile,
    UnknownTeam,
)
from functions.scans.model import Scan, Schedule
from functions.scans.profiles import PROFILES, Profile, choose_modules
from functions.scans.schemas import CreateScan, Rescan
from functions.scans.service.ownership import demand_owned
from functions.scans.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.egress.addresses import is_address
from kernel.egress.deployment import scan_policy
from kernel.egress.errors import EgressDenied
from kernel.errors import FieldError, PreconditionFailed
from kernel.events import Event
from kernel.ids import new_id
from kernel.table import Once, Page

LOOPBACK = "127.0.0.1"


class Baseline(NamedTuple):
    """The earlier scan that a rescan takes over from, and how long ago a task may have been done."""

    baseline_id: str
    fresh_minutes: int


class ChosenModule(NamedTuple):
    """A module of a scan, and how the tenant configured it."""

    face: ModuleFace
    config: dict[str, Any]


def create_scan(
    store: Store,
    actor: Actor,
    command: CreateScan,
    *,
    schedule: Schedule | None = None,
    once: Once | None = None,
    baseline: Baseline | None = None,
) -> Scan:
    """Define a scan, with its modules pinned to their present versions. Raises a problem for each kind of bad input.

    A schedule's scan belongs to the person who set it up, and is queued at once.
    """
    profile, targets, modules = validate_request(store, actor, command)
    scan = Scan(
        tenant_id=actor.tenant_id,
        scan_id=new_id("scan"),
        name=command.name,
        team_id=command.team_id,
        status=ScanStatus.CREATED,
        targets=tuple(dict.fromkeys(target.value for target in targets)),
        profile=profile.name,
        pace=profile.pace,
        scope=command.scope,
        budget=command.budget or profile.budget or Budget(),
        politeness=command.politeness or profile.politeness,
        modules={name: module.face.version for name, module in modules.items()},
        module_configs={name: module.config for name, module in modules.items() if module.config},
        created_by=schedule.created_by if schedule else actor.user_id,
        created_at=clock.timestamp(),
        schedule_id=schedule.schedule_id if schedule else None,
        calendar=command.calendar,
        **(baseline._asdict() if baseline else {}),
    )
    events: list[Event] = [
        ScanCreated(scan_id=scan.scan_id, name=scan.name, targets=list(scan.targets), profile=scan.profile)
    ]
    if schedule:
        scan.start()
        events.append(ScanQueued(scan_id=scan.scan_id, name=scan.name))
    store.add(actor, scan, events, once)
    return scan


def validate_request(
    store: Store, actor: Actor, command: CreateScan
) -> tuple[Profile, list[Target], dict[str, ChosenModule]]:
    """What a request for a scan comes to. Raises a problem for each kind of bad input, and changes nothing."""
    profile = _profile(store, actor, command.profile)
    targets = _read_targets(command.targets)
    _demand_in_scope(command.scope, targets)
    modules = _modules(store, actor, profile, command.modules, targets)
    demand_owned(store, actor, targets, command.scope, [module.face for module in modules.values()])
    _demand_team(store, actor, command.team_id)
    if command.calendar:
        command.calendar.closed_until(clock.now())
    return profile, targets, modules


def rescan(store: Store, actor: Actor, scan_id: str, command: Rescan) -> Scan:
    """Define the repetition of a scan that has ended, with what its modules are now. Raises WrongState."""
    earlier = store.scan(actor, scan_id)
    earlier.demand_ended("repeated")
    known = earlier.profile in PROFILES or store.profile(actor, earlier.profile)
    available = catalogue() | (store.own_faces(actor) if earlier.modules.keys() - catalogue().keys() else {})
    again = CreateScan.model_construct(  # not validated: an imported scan has what no request may have
        name=command.name or earlier.name,
        targets=list(earlier.targets),
        profile=earlier.profile if known else "quick",
        modules=[name for name in earlier.modules if name in available] or None,
        scope=earlier.scope,
        budget=earlier.budget,
        politeness=earlier.politeness,
        calendar=earlier.calendar,
        team_id=earlier.team_id,
    )
    baseline = None if command.full else Baseline(earlier.scan_id, command.fresh_minutes)
    return create_scan(store, actor, again, baseline=baseline)


def start_scan(store: Store, actor: Actor, scan_id: str) -> Scan:
    """Queue a new scan."""
    scan = store.scan(actor, scan_id)
    scan.start()
    store.save(actor, scan, ScanQueued(scan_id=scan.scan_id, name=scan.name), answer=scan)
    return scan


def pause_scan(store: Store, actor: Actor, scan_id: str) -> Scan:
    """Ask a scan to park before its next batch. One that rests by its calendar is parked already, and stays so."""
    scan = store.scan(actor, scan_id)
    rested = scan.rests_by_calendar
    scan.pause()
    told = {"scan_id": scan.scan_id, "name": scan.name, "wave": scan.wave}
    events: list[Event] = [ScanPauseRequested(**told), *([ScanPaused(**told)] if rested else [])]
    store.save(actor, scan, *events, answer=scan)
    return scan


def resume_scan(store: Store, actor: Actor, scan_id: str, *, despite_calendar: bool = False) -> Scan:
    """Let a paused scan go on where it was; `despite_calendar`, even while that is closed."""
    scan = store.scan(actor, scan_id)
    before = scan.unbound_until
    scan.resume(despite_calendar=despite_calendar)
    store.save(actor, scan, _resumed(scan, despite_calendar=scan.unbound_until != before), answer=scan)
    return scan


def _resumed(scan: Scan, *, despite_calendar: bool = False) -> ScanResumed:
    return ScanResumed(scan_id=scan.scan_id, name=scan.name, wave=scan.wave, despite_calendar=despite_calendar)


def wake_up(store: Store, actor: Actor, scan_id: str, resumes_at: str) -> None:
    """The calendar of a scan that rests has opened. One that no longer rests until then is left as it is."""
    scan = store.find_scan(actor, scan_id)
    if scan is None or scan.status is not ScanStatus.PAUSED or scan.resumes_at != resumes_at:
        return
    scan.resume()
    store.save(actor, scan, _resumed(scan))


def stop_scan(store: Store, actor: Actor, scan_id: str) -> Scan:
    """End a scan. What it found stays. A parked scan is woken, so that it can end."""
    scan = store.scan(actor, scan_id)
    parked = scan.status is ScanStatus.PAUSED
    scan.stop()
    events: list[Event] = [ScanStopRequested(scan_id=scan.scan_id, name=scan.name, parked=parked, wave=scan.wave)]
    if scan.status is ScanStatus.STOPPED:
        ended = ScanEnded(
            scan_id=scan.scan_id,
            name=scan.name,
            status=scan.status,
            reason=scan.reason,
            tally=scan.tally,
            created_by=scan.created_by,
            team_id=scan.team_id,
        )
        events.append(ended)
    store.save(actor, scan, *events, answer=scan)
    return scan


def delete_scan(store: Store, actor: Actor, scan_id: str, if_match: int | None) -> None:
    """Remove a scan that is not running; the contexts behind it remove what it found."""
    scan = store.scan(actor, scan_id)
    if if_match is not None and if_match != scan.version:
        raise PreconditionFailed()
    scan.demand_removable()
    store.remove(actor, scan, ScanDeleted(scan_id=scan.scan_id, name=scan.name))


def get_scan(store: Store, actor: Actor, scan_id: str) -> Scan:
    """One scan; of one that waits its turn, how many are before it."""
    scan = store.scan(actor, scan_id)
    if scan.status is ScanStatus.QUEUED:
        waiting = store.queue(actor).waiting
        if scan_id in waiting:
            scan.reason = f"Waits its turn: {waiting.index(scan_id)} before it."
    return scan


def list_scans(store: Store, actor: Actor, limit: int, cursor: str | None) -> Page[Scan]:
    """The tenant's scans, newest first."""
    return store.scans(actor, limit, cursor)


def _profile(store: Store, actor: Actor, name: str) -> Profile:
    if name in PROFILES:
        return PROFILES[name]
    own = store.profile(actor, name)
    if own is None:
        raise UnknownProfile(f"There is no profile {name!r}. Choose one of {', '.join(PROFILES)}, or one of your own.")
    return own.profile()


def _read_targets(texts: list[str]) -> list[Target]:
    targets, errors = [], list[FieldError]()
    for position, text in enumerate(texts):
        try:
            target = parse(text)
            _demand_reachable(target)
            targets.append(target)
        except (ValueError, EgressDenied) as error:
            errors.append({"pointer": f"/targets/{position}", "detail": str(error)})
    if errors:
        raise BadTarget(errors=errors)
    return targets


def _demand_reachable(target: Target) -> None:
    """Refuse what the deployment's outbound policy refuses by itself; names are checked when they are resolved."""
    policy = scan_policy()
    policy.check_host(target.host)
    address = LOOPBACK if target.host == "localhost" else target.host
    if target.type != ObservationType.DOMAIN and is_address(address):
        policy.check(address, target.port or 443)


def _demand_in_scope(scope: Scope, targets: list[Target]) -> None:
    outside = [target.value for target in targets if any(admits(deny, target.host) for deny in scope.deny)]
    if outside:
        raise TargetOutsideScope(f"The scope denies {', '.join(outside[:5])}.")


def _modules(
    store: Store, actor: Actor, profile: Profile, wanted: list[str] | None, targets: list[Target]
) -> dict[str, ChosenModule]:
    """The modules of a scan, with those that they depend on."""
    available = catalogue() | store.own_faces(actor)
    demand_known(wanted or (), "/modules", available)
    settings = store.module_settings(actor)
    disabled = frozenset(name for name, setting in settings.items() if not setting.enabled)
    switched_off = [name for name in wanted or () if name in disabled]
    if switched_off:
        raise ModuleDisabled(f"Disabled: {', '.join(switched_off)}. An administrator can enable them.")
    chosen = choose_modules(available, profile, tuple(wanted) if wanted else None, disabled)
    resolved = resolve(chosen, available, {str(target.type) for target in targets}, disabled)
    if resolved.missing and wanted:
        raise MissingDependency(
            errors=[FieldError(pointer="/modules", detail=f"{n}: {why}") for n, why in resolved.missing.items()]
        )
    runnable = {name: face for name, face in resolved.chosen.items() if name not in resolved.missing}
    if not runnable:
        raise NothingToRun()
    return {
        name: ChosenModule(face, settings[name].config if name in settings else {}) for name, face in runnable.items()
    }


def demand_known(names: Iterable[str], pointer: str, available: Mapping[str, ModuleFace]) -> None:
    """Raises UnknownModule for names that are not available."""
    unknown = [name for name in names if name not in available]
    if unknown:
        raise UnknownModule(errors=[FieldError(pointer=pointer, detail=f"there is no module {n!r}") for n in unknown])


def _demand_team(store: Store, actor: Actor, team_id: str | None) -> None:
    """A team that is none of the caller's is as if it were not there."""
    if team_id is None:
        return
    if not actor.sees(team_id) or not store.has_team(actor, team_id):
        raise UnknownTeam(errors=[{"pointer": "/team_id", "detail": "there is no such team among yours"}])
