"""An object that is too large to be held, read from its beginning to its end like a file."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

CHUNK: Final = 8 * 1024 * 1024


class SlicedFile(io.RawIOBase):
    """Reads forward; `read` gives some bytes of the object, from a place on."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read = read
        self._size = size
        self._at = 0
        self._kept = b""

    def readable(self) -> bool:
        """It can be read, and nothing else."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; fewer at the end."""
        wanted = self._size if size is None or size < 0 else size
        parts = [self._kept]
        have = len(self._kept)
        while have < wanted and self._at < self._size:
            chunk = self._read(self._at, min(CHUNK, self._size - self._at))
            self._at += len(chunk)
            have += len(chunk)
            parts.append(chunk)
            if not chunk:
                break
        body = b"".join(parts)
        self._kept = body[wanted:]
        return body[:wanted]
