"""Callers of an HTTP API that cost next to nothing themselves, so that what is measured is the API."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit


class Caller:
    """One kept-alive connection that asks the same question again and again."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname, parts.port)
        lines = (f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", f"Authorization: Bearer {token}")
        self._question = ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def ask(self, times: int) -> list[float]:
        """The milliseconds of each answer. Raises RuntimeError for one that is not 200."""
        reader, writer = await asyncio.open_connection(*self._place)
        try:
            return [await self._one(reader, writer) for _ in range(times)]
        finally:
            writer.close()
            await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
        began = time.perf_counter()
        writer.write(self._question)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(_length(head))
        if not head.startswith(b"http/1.1 200 "):
            raise RuntimeError(head.decode("latin-1"))
        return (time.perf_counter() - began) * 1000


async def crowd(url: str, token: str, callers: int, reads: int) -> list[float]:
    """`callers` ask at once, each its next question as soon as it has its answer; `reads` in all."""
    asked = await asyncio.gather(*(Caller(url, token).ask(reads // callers) for _ in range(callers)))
    return [each for times in asked for each in times]


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    raise RuntimeError("an answer without a length")
