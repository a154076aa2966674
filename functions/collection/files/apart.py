"""Reads a file, or tries rules on it, in a process of its own, which is ended when it takes too long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Any

from functions.collection.files.metadata import Unreadable
from functions.collection.files.signatures import Hit, NoEngine, RulesError

SECONDS = 15
MAX_ANSWER = 1024 * 1024
METADATA = "functions.collection.files.metadata"
SIGNATURES = "functions.collection.files.signatures"


class _Ended(Exception):
    """The process said nothing that can be read; carries how it ended."""


async def metadata_of(data: bytes, seconds: int = SECONDS) -> dict[str, Any]:
    """What a file tells, as `metadata.read_metadata`. Raises `Unreadable`, also when time or memory ran out."""
    try:
        answer = await _answer([METADATA, str(seconds)], data, seconds)
    except TimeoutError:
        raise Unreadable(f"reading it took longer than {seconds} s") from None
    except _Ended as ended:
        raise Unreadable(f"its reader ended with {ended}") from None
    if "error" in answer:
        raise Unreadable(str(answer["error"]))
    return answer


async def signatures_in(data: bytes, own: str = "", *, shipped: bool = True, seconds: int = SECONDS) -> list[Hit]:
    """The rules that match, as `signatures.scan`. Raises `RulesError`, `NoEngine`, TimeoutError, also when reading the
    rules took too long or too much memory."""
    rules = own.encode("utf-8", "replace")
    asked = json.dumps({"seconds": seconds, "own": len(rules), "shipped": shipped}).encode()
    try:
        answer = await _answer([SIGNATURES], asked + b"\n" + rules + data, seconds)
    except TimeoutError:
        raise TimeoutError(f"the rules took longer than {seconds} s") from None
    except _Ended as ended:
        raise RulesError(f"they took too much time or memory (their process ended with {ended})") from None
    if "error" in answer:
        kinds: dict[str, type[Exception]] = {"NoEngine": NoEngine, "TimeoutError": TimeoutError}
        raise kinds.get(answer["error"], RulesError)(answer["detail"] or "they took too much memory")
    return [Hit(each["rule"], each["namespace"], tuple(each["tags"]), each["metadata"]) for each in answer["hits"]]


async def _answer(program: list[str], given: bytes, seconds: int) -> dict[str, Any]:
    """What a program of ours prints about what it is given. Raises TimeoutError, `_Ended`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *program,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate(given)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    try:
        answer: dict[str, Any] = json.loads(output[:MAX_ANSWER])
    except ValueError:
        raise _Ended(process.returncode) from None
    return answer
