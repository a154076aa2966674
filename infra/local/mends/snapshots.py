"""The whole state of the emulator as of one moment, written beside its work.

The process forks on its event loop, between two requests: the child has the memory of that moment, writes it as
one generation of files and ends, on another core and without holding up the parent. A generation counts when its
directory has got its final name, so that a crash at any point leaves the one before.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from infra.local.mends import journal, part

GIVE_UP_AFTER = 60.0
HIGHEST_DESCRIPTOR = 65536
_BLOBS_KEPT = "blobs-kept.json"


def newest(directory: Path) -> int:
    """The number of the newest complete generation, 0 when there is none."""
    return max((int(path.name.rpartition("-")[2]) for path in directory.glob("generation-*")), default=0)


def path_of(directory: Path, generation: int) -> Path:
    """Where a complete generation lies."""
    return directory / f"generation-{generation:08}"


def fork_writer(directory: Path, generation: int) -> int:
    """Fork a child that writes this generation and ends; its process id. Call it on the event loop."""
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(BaseException):
            os.closerange(3, HIGHEST_DESCRIPTOR)  # a child that outlives its parent must not hold its port
            _write(directory, generation)
            status = 0
        os._exit(status)
    return child


def await_writer(child: int) -> bool:
    """Wait for the child, and end one that hangs; whether it wrote its generation."""
    deadline = time.monotonic() + GIVE_UP_AFTER
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def drop_before(directory: Path, generation: int) -> None:
    """Remove what this complete generation replaces: older ones, their journals, code that nothing refers to."""
    for path in (*directory.glob("generation-*"), *directory.glob("writing-*")):
        if int(path.name.rpartition("-")[2]) < generation:
            shutil.rmtree(path, ignore_errors=True)
    for old in journal.generations(directory):
        if old < generation:
            journal.path_of(directory, old).unlink(missing_ok=True)
    kept = path_of(directory, generation) / _BLOBS_KEPT
    if kept.exists():
        part("services.lambda_svc")._prune_orphan_code_blobs(set(json.loads(kept.read_text())))


def _write(directory: Path, generation: int) -> None:
    """Write every service's state; runs in the child, whose memory is its own."""
    os.nice(5)
    target = directory / f"writing-{generation:08}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    copy.deepcopy = _itself  # type: ignore[assignment]  # nobody else sees this memory
    part("services.lambda_svc")._prune_orphan_code_blobs = lambda kept: (target / _BLOBS_KEPT).write_text(
        json.dumps(sorted(kept))
    )
    persistence = part("core.persistence")
    for service, get_state in part("app")._build_persistence_save_dict().items():
        state = get_state()
        if state is not None:
            version = persistence._state_format_version(service)
            document = {"__ministack_format__": version, "payload": state}
            (target / f"{service}.json").write_text(json.dumps(document, default=persistence._json_default))
    target.rename(path_of(directory, generation))


def _itself(value: Any, _memo: Any = None) -> Any:
    return value
