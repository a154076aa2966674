"""HTTP door of the scans context."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from fastapi import Path

from functions.scans.calendar import Occasion, occasions
from functions.scans.gateways import PublishedProofs
from functions.scans.model import ApprovedTarget, Scan, Schedule
from functions.scans.profiles import Choice, OwnProfile, Profile, ProfileName
from functions.scans.schemas import CreateScan, CreateSchedule, CreateTarget, Rescan
from functions.scans.service import profiles, scans, schedules, targets
from functions.scans.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Response, Room, lambda_handler, page, reply, require

app = Room("scans")
store = cache(Store)
OCCASIONS = 10
DespiteCalendar = Annotated[bool, Query(description="Go on at once although its calendar is closed, until it opens.")]
Paging = Annotated[ListParameters, Query()]


@app.post("/scans", status_code=201, response_model=Scan)
async def create_scan(body: CreateScan, actor: Actor = require("scans:create")) -> Response:
    """Define a scan. Start it with `POST /scans/{scan_id}/start`."""
    return reply(scans.create_scan(store(), actor, body), 201)


@app.get("/scans", response_model=List[Scan])
async def list_scans(paging: Paging, actor: Actor = require("scans:read")) -> Response:
    """The organisation's scans, newest first."""
    found = scans.list_scans(store(), actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/scans/profiles", response_model=List[Profile])
async def list_profiles(actor: Actor = require("scans:read")) -> List[Profile]:
    """The profiles that a scan can have: the platform's, and the organisation's own."""
    return List(items=profiles.list_profiles(store(), actor))


@app.put("/scans/profiles/{name}", response_model=OwnProfile)
async def save_profile(
    name: Annotated[ProfileName, Path()], body: Choice, if_match: IfMatch, actor: Actor = require("scans:create")
) -> Response:
    """Make a profile, or replace the one of that name. Scans that were defined before keep what they had."""
    return reply(profiles.save_profile(store(), actor, name, body, if_match))


@app.delete("/scans/profiles/{name}", status_code=204)
async def delete_profile(name: str, actor: Actor = require("scans:delete")) -> Response:
    """Forget one of the organisation's profiles."""
    profiles.delete_profile(store(), actor, name)
    return Response(status_code=204)


@app.get("/scans/{scan_id}", response_model=Scan)
async def get_scan(scan_id: str, actor: Actor = require("scans:read")) -> Response:
    """One scan, how it stands and how much it has done."""
    return reply(scans.get_scan(store(), actor, scan_id))


@app.delete("/scans/{scan_id}", status_code=204)
async def delete_scan(scan_id: str, if_match: IfMatch, actor: Actor = require("scans:delete")) -> Response:
    """Remove a scan and all it found. A running scan must be stopped first."""
    scans.delete_scan(store(), actor, scan_id, if_match)
    return Response(status_code=204)


@app.post("/scans/{scan_id}/start", status_code=202, response_model=Scan)
async def start_scan(scan_id: str, actor: Actor = require("scans:control")) -> Response:
    """Queue a new scan."""
    return reply(scans.start_scan(store(), actor, scan_id), 202)


@app.post("/scans/{scan_id}/rescan", status_code=201, response_model=Scan)
async def rescan(scan_id: str, body: Rescan, actor: Actor = require("scans:create")) -> Response:
    """Define the repetition of a scan that has ended: it does only what has changed. Start it like any other."""
    return reply(scans.rescan(store(), actor, scan_id, body), 201)


@app.post("/scans/{scan_id}/pause", status_code=202, response_model=Scan)
async def pause_scan(scan_id: str, actor: Actor = require("scans:control")) -> Response:
    """Park a scan. It costs nothing until it is resumed; one that rests by its calendar is no longer woken by that."""
    return reply(scans.pause_scan(store(), actor, scan_id), 202)


@app.post("/scans/{scan_id}/resume", status_code=202, response_model=Scan)
async def resume_scan(
    scan_id: str, despite_calendar: DespiteCalendar = False, actor: Actor = require("scans:control")
) -> Response:
    """Let a paused scan go on where it was. Outside its calendar it rests until that opens, unless told otherwise."""
    return reply(scans.resume_scan(store(), actor, scan_id, despite_calendar=despite_calendar), 202)


@app.post("/scans/{scan_id}/stop", status_code=202, response_model=Scan)
async def stop_scan(scan_id: str, actor: Actor = require("scans:control")) -> Response:
    """End a scan. What it found stays."""
    return reply(scans.stop_scan(store(), actor, scan_id), 202)


@app.post("/targets", status_code=201, response_model=ApprovedTarget)
async def create_target(body: CreateTarget, actor: Actor = require("targets:create")) -> Response:
    """Name a target that the organisation may scan, and learn which proof to publish."""
    return reply(targets.create_target(store(), actor, body), 201)


@app.get("/targets", response_model=List[ApprovedTarget])
async def list_targets(paging: Paging, actor: Actor = require("targets:read")) -> Response:
    """The targets that the organisation named."""
    found = store().targets(actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/targets/{target_id}", response_model=ApprovedTarget)
async def get_target(target_id: str, actor: Actor = require("targets:read")) -> Response:
    """One target and its proof."""
    return reply(store().target(actor, target_id))


@app.post("/targets/{target_id}/verify", response_model=ApprovedTarget)
async def verify_target(target_id: str, actor: Actor = require("targets:create")) -> Response:
    """Look for the proof of ownership now."""
    return reply(await targets.verify_target(store(), PublishedProofs(), actor, target_id))


@app.delete("/targets/{target_id}", status_code=204)
async def delete_target(target_id: str, actor: Actor = require("targets:delete")) -> Response:
    """Forget a target; later scans need a new proof."""
    targets.revoke_target(store(), actor, target_id)
    return Response(status_code=204)


@app.post("/schedules", status_code=201, response_model=Schedule)
async def create_schedule(body: CreateSchedule, actor: Actor = require("schedules:create")) -> Response:
    """Set up a recurring scan."""
    return reply(schedules.create_schedule(store(), actor, body), 201)


@app.get("/schedules", response_model=List[Schedule])
async def list_schedules(paging: Paging, actor: Actor = require("schedules:read")) -> Response:
    """The organisation's recurring scans."""
    found = store().schedules(actor, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.get("/schedules/{schedule_id}", response_model=Schedule)
async def get_schedule(schedule_id: str, actor: Actor = require("schedules:read")) -> Response:
    """One recurring scan."""
    return reply(store().schedule(actor, schedule_id))


@app.get("/schedules/{schedule_id}/occasions", response_model=List[Occasion])
async def list_occasions(schedule_id: str, actor: Actor = require("schedules:read")) -> List[Occasion]:
    """The next times at which the scan is due. A local time that the clock skips or repeats is explained."""
    schedule = store().schedule(actor, schedule_id)
    return List(items=occasions(schedule.cron, schedule.timezone, clock.now(), OCCASIONS))


@app.delete("/schedules/{schedule_id}", status_code=204)
async def delete_schedule(schedule_id: str, actor: Actor = require("schedules:delete")) -> Response:
    """Remove a recurring scan; scans that it started stay."""
    schedules.delete_schedule(store(), actor, schedule_id)
    return Response(status_code=204)


handler = lambda_handler(app, prime=["/scans/profiles"])
