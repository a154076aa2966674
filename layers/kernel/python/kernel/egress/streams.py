"""A TCP connection whose reads are bounded in bytes and time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from types import TracebackType

from kernel.egress.errors import EgressTimeout, EgressTlsError, EgressTooLarge, EgressUnreachable
from kernel.egress.meter import Meter

READ_LIMIT = 64 * 1024


class Connection:
    """An open connection to a checked address; use it as an async context manager."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str, port: int) -> None:
        self.reader = reader
        self.writer = writer
        self.address = address
        self.port = port
        self.meter = Meter()

    async def read(self, size: int, timeout_seconds: float) -> bytes:
        """Up to `size` bytes, as soon as some arrive; empty at the end. Raises `EgressTimeout`."""
        async with _bounded(f"{self.address} port {self.port} stays silent", timeout_seconds):
            return self._counted(await self.reader.read(size))

    async def read_line(self, timeout_seconds: float) -> bytes:
        """A line with its end; shorter at the end of the stream. Raises `EgressTimeout`, `EgressTooLarge`."""
        async with _bounded(f"{self.address} port {self.port} stays silent", timeout_seconds):
            try:
                return self._counted(await self.reader.readline())
            except ValueError as error:
                raise EgressTooLarge(f"a line is longer than {READ_LIMIT} bytes") from error

    async def read_exactly(self, size: int, timeout_seconds: float) -> bytes:
        """Exactly `size` bytes. Raises `EgressTimeout`, and `EgressUnreachable` at an early end."""
        async with _bounded(f"{self.address} port {self.port} stays silent", timeout_seconds):
            try:
                return self._counted(await self.reader.readexactly(size))
            except asyncio.IncompleteReadError as error:
                raise EgressUnreachable(f"{self.address} port {self.port} closed the connection") from error

    async def send(self, data: bytes, timeout_seconds: float) -> None:
        """Write and flush. Raises `EgressTimeout`, `EgressUnreachable`."""
        self.writer.write(self._counted(data))
        async with _bounded(f"{self.address} port {self.port} takes no data", timeout_seconds):
            await self.writer.drain()

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str, timeout_seconds: float) -> None:
        """Continue over TLS. Raises `EgressTimeout`, `EgressTlsError`."""
        async with _bounded(f"{self.address} port {self.port} does not finish the handshake", timeout_seconds):
            try:
                await self.writer.start_tls(context, server_hostname=server_hostname)
            except ssl.SSLError as error:
                raise tls_error(error) from error

    def _counted(self, data: bytes) -> bytes:
        self.meter.stream(len(data))
        return data

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS state of the connection, or None when it is in clear."""
        state: ssl.SSLObject | None = self.writer.get_extra_info("ssl_object")
        return state

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self.writer.wait_closed()


@contextlib.asynccontextmanager
async def _bounded(message: str, timeout_seconds: float):  # type: ignore[no-untyped-def]
    try:
        async with asyncio.timeout(timeout_seconds):
            yield
    except TimeoutError as error:
        raise EgressTimeout(message) from error
    except OSError as error:
        raise EgressUnreachable(f"the connection broke: {error}") from error


def tls_error(error: ssl.SSLError) -> EgressTlsError:
    """A failed handshake, in the words of the library that refused it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return EgressTlsError(f"the certificate is refused: {error.verify_message}")
    return EgressTlsError(f"the TLS handshake failed: {error.reason or error}")


async def dial(address: str, port: int, tls: ssl.SSLContext | None, server_hostname: str | None) -> Connection:
    """Connect to exactly this address. Raises OSError (`ssl.SSLError` included)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = socket.socket(family, socket.SOCK_STREAM)
    try:
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (address, port))
        hostname = server_hostname if tls else None
        reader, writer = await asyncio.open_connection(sock=raw, ssl=tls, server_hostname=hostname, limit=READ_LIMIT)
    except BaseException:
        raw.close()
        raise
    return Connection(reader, writer, address, port)
