"""Whose turn it is to run: as many scans of a tenant at once as its plan allows, the others in the order they came.

So a tenant that queues hundreds does not take the workers from everybody else. Everything here follows events, which
may come twice and in any order.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from contracts.scans import ScanStatus
from functions.scans.gateways import Machine
from functions.scans.model import Queue, Scan
from functions.scans.service import execution
from functions.scans.store import Store
from kernel.actor import Actor
from kernel.errors import Conflict, PreconditionFailed

ATTEMPTS = 8


def enter(store: Store, machine: Machine, actor: Actor, scan_id: str) -> None:
    """A queued scan runs when it is its turn. One that has run, or is gone, does not come back."""
    scan = store.find_scan(actor, scan_id)
    if scan is None or scan.started_at is not None or scan.finished_at is not None:
        return
    queue = _change(store, machine, actor, lambda queue: queue.enter(scan_id))
    scan = store.find_scan(actor, scan_id)  # a command that came in between found nobody waiting
    if scan is None or scan.status is not ScanStatus.QUEUED:
        hurry(store, machine, actor, scan_id)
    elif scan_id in queue.waiting:
        look_after_one(store, machine, actor, queue.running)


def look_after_one(store: Store, machine: Machine, actor: Actor, running: Sequence[str]) -> None:
    """Whoever has to wait sees that one of those who run still does: how executions end is told, but rarely the telling
    is lost, and their places with it."""
    scan = store.find_scan(actor, random.choice(running)) if running else None  # noqa: S311 - any will do
    if scan is None or scan.finished_at is not None:
        return
    name = scan.execution or scan.scan_id
    cause = machine.broke_off(name)
    if cause is not None:
        execution.break_off(store, actor, scan.scan_id, name, cause)


def leave(store: Store, machine: Machine, actor: Actor, scan_id: str) -> Scan | None:
    """A scan rests or has ended: the next one runs. One that goes on by now stays where it is. Gives the scan, if it
    is there."""
    scan = store.find_scan(actor, scan_id)
    if scan is None or scan.finished_at is not None or scan.status is ScanStatus.PAUSED:
        _change(store, machine, actor, lambda queue: queue.leave(scan_id))
    return scan


def hurry(store: Store, machine: Machine, actor: Actor, scan_id: str) -> None:
    """A scan that waits is to pause or to stop: its execution begins, and does that."""
    _change(store, machine, actor, lambda queue: queue.hurry(scan_id))


def rejoin(store: Store, machine: Machine, actor: Actor, scan_id: str) -> None:
    """A scan that rested goes on, and is woken. One that never ran takes its turn first."""
    scan = store.find_scan(actor, scan_id)
    if scan is None:
        return
    if scan.started_at is None and scan.finished_at is None:
        enter(store, machine, actor, scan_id)
        if scan_id in store.queue(actor).waiting:
            return
    elif scan.finished_at is None:
        _change(store, machine, actor, lambda queue: queue.rejoin(scan_id))
    execution.wake(store, machine, actor, scan_id)


def _change(store: Store, machine: Machine, actor: Actor, change: Callable[[Queue], None]) -> Queue:
    """Commit who runs, then start those executions; what a worker that died left to be started is started too. Gives
    the queue as it is then."""

    def admit(queue: Queue) -> None:
        change(queue)
        queue.fill(store.scans_at_once(actor))

    queue = _commit(store, actor, admit)
    admitted = queue.admitted
    if not admitted:
        return queue
    for scan_id in admitted:
        if not machine.start(actor.tenant_id, scan_id):  # it was paused before its first turn, and rests
            execution.wake(store, machine, actor, scan_id)
    return _commit(store, actor, lambda queue: queue.started(admitted))


def _commit(store: Store, actor: Actor, change: Callable[[Queue], None]) -> Queue:
    for attempt in range(ATTEMPTS):
        queue = store.queue(actor)
        before = queue.model_copy(deep=True)
        change(queue)
        if queue == before:
            return queue
        try:
            store.save_queue(queue)
        except (Conflict, PreconditionFailed):
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter
        else:
            return queue
    raise PreconditionFailed("the queue of scans changes faster than it can be kept")
