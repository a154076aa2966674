"""How much of an answer is taken: bytes after decompression, headers, time, redirects."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from kernel.egress.errors import EgressProtocolError, EgressTooLarge

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """`body` and `headers` are bytes (the body's after decompression), times are seconds.

    With `truncate`, a longer body is cut at the limit and the answer says so, instead of an error.
    """

    body: int = 10 * MIB
    headers: int = 32 * 1024
    total_seconds: float = 30.0
    connect_seconds: float = 10.0
    redirects: int = 0
    truncate: bool = False


class BodyReader:
    """Collects a body under a limit. Compressed bytes are inflated piece by piece and never beyond the limit."""

    def __init__(self, encoding: str, limit: int) -> None:
        self._limit = limit
        self._inflater = _inflater(encoding)
        self._deflate = encoding == "deflate"
        self.body = bytearray()
        self.is_full = False

    def feed(self, chunk: bytes) -> None:
        """Take a piece off the wire; sets `is_full` when the limit is passed. Raises `EgressProtocolError`."""
        if self._inflater is None:
            self._append(chunk)
            return
        try:
            self._inflate(chunk)
        except zlib.error as error:
            raise EgressProtocolError(f"the body is not the compression it claims: {error}") from error

    def _inflate(self, chunk: bytes) -> None:
        assert self._inflater is not None
        while chunk and not self.is_full:
            room = self._limit - len(self.body) + 1
            self._append(self._decompress(chunk, room))
            chunk = self._inflater.unconsumed_tail or self._next_member()

    def _decompress(self, chunk: bytes, room: int) -> bytes:
        assert self._inflater is not None
        try:
            return self._inflater.decompress(chunk, room)
        except zlib.error:
            if not self._deflate or self.body:
                raise
            # RFC 9110 asks for the zlib wrapper; several servers send the bare stream.
            self._inflater, self._deflate = zlib.decompressobj(-zlib.MAX_WBITS), False
            return self._inflater.decompress(chunk, room)

    def _next_member(self) -> bytes:
        assert self._inflater is not None
        rest = self._inflater.unused_data
        if rest.startswith(b"\x1f\x8b"):
            self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
            return rest
        return b""

    def _append(self, data: bytes) -> None:
        room = self._limit - len(self.body)
        self.body += data[:room]
        self.is_full = self.is_full or len(data) > room


def _inflater(encoding: str) -> zlib._Decompress | None:
    if encoding in ("gzip", "x-gzip"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    return zlib.decompressobj() if encoding == "deflate" else None


def too_large(limit: int) -> EgressTooLarge:
    """The error for a body beyond its limit."""
    return EgressTooLarge(f"the answer is larger than {limit} bytes")
