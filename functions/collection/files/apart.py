"""Reads a file in a process of its own, which is ended when it takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Any

from functions.collection.files.metadata import Unreadable

SECONDS = 15
MAX_ANSWER = 256 * 1024
PROGRAM = "functions.collection.files.metadata"


async def metadata_of(data: bytes, seconds: int = SECONDS) -> dict[str, Any]:
    """What a file tells, as `metadata.read_metadata`. Raises `Unreadable`, also when time or memory ran out."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", PROGRAM, str(seconds),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate(data)
    except TimeoutError:
        raise Unreadable(f"reading it took longer than {seconds} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return _answer(output, process.returncode)


def _answer(output: bytes, code: int | None) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(output[:MAX_ANSWER])
    except ValueError:
        raise Unreadable(f"its reader ended with {code}") from None
    if "error" in answer:
        raise Unreadable(str(answer["error"]))
    return answer
