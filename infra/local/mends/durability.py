"""State is saved at a graceful stop only: `kill -9`, a crash or a closed lid loses everything since the start.

Two things keep it. Every few seconds of activity a snapshot of all services is taken (`snapshots`). In between,
what was acknowledged goes to a journal before the answer leaves (`journal`): items and stream records of
DynamoDB, messages sent to SQS, executions of state machines, and the whole of the small services whose loss would
lock people out. A start loads the newest snapshot and plays the journals written since.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local.emulator import SNAPSHOT_PATH
from infra.local.mends import bounded_history, part, serving, snapshots
from infra.local.mends import journal as journals
from infra.local.mends.journal import JOURNAL
from infra.local.mends.journaled import small_services, wrap_services
from infra.local.mends.replay import replay, return_in_flight

logger = logging.getLogger("palisade.durability")

AT_LEAST_BETWEEN = 2.0
SHARE_OF_A_CORE = 0.05
_READS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "Head", "Receive", "Decrypt", "Filter")


class Keeper:
    """Takes snapshots while there is something to keep."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._turn = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def load(self, load_services: Callable[[], None]) -> None:
        """Restore the newest generation and what was journaled since, and begin the next journal."""
        self._directory.mkdir(parents=True, exist_ok=True)
        generation = snapshots.newest(self._directory)
        part("core.persistence").STATE_DIR = str(snapshots.path_of(self._directory, generation))
        load_services()
        replay(journals.read(self._directory, generation))
        return_in_flight()
        # A journal is never continued: a crash of the crash recovery would find it twice as long.
        known = [generation, *journals.generations(self._directory)]
        JOURNAL.open(self._directory, max(known) + 1)
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._keep, name="palisade-snapshots", daemon=True).start()

    def snapshot(self) -> bool:
        """Write one generation now, from any thread but the event loop's; whether it was written."""
        if self._loop is None or not self._loop.is_running():
            return False
        with self._turn:
            fork = asyncio.run_coroutine_threadsafe(self._fork(), self._loop)
            child, generation = fork.result()
            written = snapshots.await_writer(child)
            if written:
                snapshots.drop_before(self._directory, generation)
            else:
                logger.error("snapshot %d could not be written; the journals before it are kept", generation)
            return written

    async def _fork(self) -> tuple[int, int]:
        bounded_history.trim()
        JOURNAL.dirty.clear()
        generation = JOURNAL.generation + 1
        JOURNAL.open(self._directory, generation)
        return snapshots.fork_writer(self._directory, generation), generation

    def _keep(self) -> None:
        pause = AT_LEAST_BETWEEN
        while True:
            JOURNAL.dirty.wait()
            time.sleep(pause)
            began = time.monotonic()
            self.snapshot()
            pause = max(AT_LEAST_BETWEEN, (time.monotonic() - began) / SHARE_OF_A_CORE)


def apply() -> None:
    """Load through the keeper, save through it, and journal what matters in between."""
    application = part("app")
    keeper = Keeper(Path(os.environ["STATE_DIR"]))
    load_services = application._load_persisted_state
    application._load_persisted_state = lambda: keeper.load(load_services)
    functions = part("services.lambda_svc")
    start_polling = functions._ensure_poller
    functions._ensure_poller = lambda: serving.then(start_polling)
    application.save_all = lambda _services: None  # the last snapshot is taken before the shutdown, by `finish`
    application.app = _watched(application.app, keeper)
    wrap_services()
    small_services()


def _watched(serve: Callable[..., Any], keeper: Keeper) -> Callable[..., Any]:
    async def watched(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await serve(scope, _saving_first(receive, keeper), send)
            return
        if scope.get("path") == SNAPSHOT_PATH:
            await _answer_snapshot(keeper, send)
            return
        await serve(scope, receive, send)
        if scope["type"] == "http" and _changes(scope):
            JOURNAL.dirty.set()

    return watched


def _saving_first(receive: Callable[..., Any], keeper: Keeper) -> Callable[..., Any]:
    async def receive_after_saving() -> Any:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(keeper.snapshot)
        return message

    return receive_after_saving


async def _answer_snapshot(keeper: Keeper, send: Callable[..., Any]) -> None:
    written = await asyncio.to_thread(keeper.snapshot)
    status = 204 if written else 503
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _changes(scope: dict[str, Any]) -> bool:
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return False
    target = next((value for name, value in scope["headers"] if name.lower() == b"x-amz-target"), b"").decode("latin-1")
    return not target.rpartition(".")[2].startswith(_READS)
