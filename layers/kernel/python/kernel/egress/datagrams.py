"""One question and its answer in datagrams: a socket of its own, bound to the address that was checked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kernel.egress.errors import EgressTimeout, EgressUnreachable

WAITING = 64
"""Datagrams kept while the asker looks at an earlier one; a flood beyond that is dropped."""
Accepts = Callable[[bytes], bool]


class _Mailbox(asyncio.DatagramProtocol):
    """The datagrams of one conversation, in the order of their coming."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes | OSError] = asyncio.Queue(WAITING)

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio's interface
        self._keep(data)

    def error_received(self, exc: Exception) -> None:
        self._keep(exc if isinstance(exc, OSError) else OSError(str(exc)))

    def _keep(self, item: bytes | OSError) -> None:
        if not self.arrived.full():
            self.arrived.put_nowait(item)


async def ask(
    address: str, port: int, data: bytes, *, timeout_seconds: float, tries: int = 2, accepts: Accepts = bool
) -> bytes:
    """Send a datagram to exactly this address, again when nothing comes back; the first answer that `accepts` takes.

    The socket is connected, so that the kernel drops what others send, and closed afterwards; a fresh one has a
    port that nobody can foresee. Raises `EgressTimeout`, and `EgressUnreachable` for a port that is closed.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, mailbox = await loop.create_datagram_endpoint(_Mailbox, remote_addr=(address, port))
    except OSError as error:
        raise EgressUnreachable(f"{address} port {port}: {error.strerror or error}") from error
    try:
        for _ in range(tries):
            transport.sendto(data)
            answer = await _next(mailbox, accepts, timeout_seconds)
            if answer is not None:
                return answer
    except OSError as error:
        raise EgressUnreachable(f"{address} port {port} refuses: {error.strerror or error}") from error
    finally:
        transport.close()
    raise EgressTimeout(f"{address} port {port} does not answer")


async def _next(mailbox: _Mailbox, accepts: Accepts, timeout_seconds: float) -> bytes | None:
    """The next datagram that fits, or None when the time is over. Raises OSError."""
    try:
        async with asyncio.timeout(timeout_seconds):
            while True:
                item = await mailbox.arrived.get()
                if isinstance(item, OSError):
                    raise item
                if accepts(item):
                    return item
    except TimeoutError:
        return None
