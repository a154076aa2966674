"""Every invocation whose handler logs nothing waits 50 ms for a line that does not come.

`Worker._drain_stderr_bounded` polls until a line arrives or the wait is over, and may return before the last
line of a handler that does log. The worker now ends each invocation's log with a mark on the same pipe, so
that the reader knows when it has everything: no wait and no lost line.
"""

from __future__ import annotations

import queue
import time
from typing import Any

from infra.local.mends import part, worker_script

END = "\x1eend-of-invocation\x1e"
LONGEST_WAIT = 1.0
LAST_WORDS = 0.05  # what a worker that was killed may still have in its pipe
_AFTER_THE_HANDLER = "        _real_stdout.flush()\n\nrun()"


def apply() -> None:
    """Mark the end of each invocation's log, and read up to the mark."""
    marked = f"        print({END!r}, file=sys.stderr, flush=True)\n{_AFTER_THE_HANDLER}"
    worker_script.replace(_AFTER_THE_HANDLER, marked)
    part("core.lambda_runtime").Worker._drain_stderr_bounded = _read_to_the_mark


def _read_to_the_mark(worker: Any) -> str:
    lines: list[str] = []
    deadline = time.monotonic() + (LAST_WORDS if worker._proc is None else LONGEST_WAIT)
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = worker._stderr_queue.get(timeout=left)
        except queue.Empty:
            break
        if line.endswith(END):
            lines += filter(None, [line.removesuffix(END)])
            break
        lines.append(line)
    return "\n".join(lines)
