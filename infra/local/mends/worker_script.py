"""The program that each Python Lambda worker runs is one string in the emulator; mends edit it here.

Two lines are wrong for everybody: the worker imports botocore before the handler (0.15 s of every cold start)
only to count recursive invocations, and an exception is answered as a bare message.
"""

from __future__ import annotations

from infra.local.mends import MendError, part


def replace(old: str, new: str) -> None:
    """Replace the one occurrence of `old` in the worker's program. Raises `MendError` if it is not there once."""
    runtime = part("core.lambda_runtime")
    script: str = runtime._PYTHON_WORKER_SCRIPT
    if script.count(old) != 1:
        raise MendError(f"the Lambda worker's program has changed: {old.strip()!r} is no longer in it once")
    runtime._PYTHON_WORKER_SCRIPT = script.replace(old, new)


def apply() -> None:
    """Leave botocore to the handlers that use it."""
    replace("    _ms_install_invoke_depth()\n    try:", "    try:")
