"""A function runs the code that was uploaded, so that a change would need a deploy to be seen.

The workers of functions whose handler also lies in the project's tree import it from there (`SOURCES`, the
directories that hold `functions/` and the kernel layer), and a worker whose sources have changed since it
started is replaced before its next invocation. Uploaded code is what everything else runs.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

from infra.local.mends import part, worker_script

SOURCES = "PALISADE_LOCAL_SOURCES"
CHECK_EVERY = 0.3
_IMPORT = "        mod = importlib.import_module(module_name)\n"
_IMPORT_FROM_SOURCES = f"""\
        _sources = [s for s in os.environ.get("{SOURCES}", "").split(os.pathsep) if s]
        _relative = module_name.replace(".", os.sep)
        _files = [_relative + ".py", os.path.join(_relative, "__init__.py")]
        if any(os.path.isfile(os.path.join(s, f)) for s in _sources for f in _files):
            sys.path[:0] = _sources
        mod = importlib.import_module(module_name)
"""


def apply() -> None:
    """Import handlers from the project's tree, and replace workers whose sources changed."""
    if not os.environ.get(SOURCES):
        return
    worker_script.replace(_IMPORT, _IMPORT_FROM_SOURCES)
    worker_class = part("core.lambda_runtime").Worker
    stamp = SourceStamp([Path(source) for source in os.environ[SOURCES].split(os.pathsep)])
    spawn, invoke = worker_class._spawn, worker_class.invoke

    def stamped_spawn(worker: Any) -> None:
        worker.palisade_stamp = stamp.now()
        spawn(worker)

    def fresh_invoke(worker: Any, *args: Any, **named: Any) -> Any:
        if worker._proc is not None and getattr(worker, "palisade_stamp", None) != stamp.now():
            worker.kill()
        return invoke(worker, *args, **named)

    worker_class._spawn, worker_class.invoke = stamped_spawn, fresh_invoke


class SourceStamp:
    """How the Python files below some directories look, looked at no more than a few times a second.

    The project's root is watched in `functions/` only; a directory without one is watched whole.
    """

    def __init__(self, sources: list[Path]) -> None:
        self._watched = [path / "functions" if (path / "functions").is_dir() else path for path in sources]
        self._lock = threading.Lock()
        self._looked = 0.0
        self._stamp: tuple[int, int] = (0, 0)

    def now(self) -> tuple[int, int]:
        """The number of files and the sum of their change times in nanoseconds."""
        with self._lock:
            if time.monotonic() - self._looked > CHECK_EVERY:
                self._stamp = _look(self._watched)
                self._looked = time.monotonic()
            return self._stamp


def _look(directories: list[Path]) -> tuple[int, int]:
    times: list[int] = []
    pending = [str(directory) for directory in directories]
    while pending:
        for entry in os.scandir(pending.pop()):
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    pending.append(entry.path)
            elif entry.name.endswith((".py", ".json", ".yaml", ".yml")):
                times.append(entry.stat().st_mtime_ns)
    return len(times), sum(times)
