"""What was acknowledged since the last snapshot, one JSON line for each fact, so that a crash loses none of it.

A journal belongs to a generation of snapshots: snapshot N is the state at the moment when journal N was begun.
A record is written with one system call before the request is answered; what one request changes goes in one
call, so that a transaction is there whole or not at all. A killed process cannot lose what the kernel has taken;
a power cut can, which a development machine may accept.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

Record = list[Any]

_group: ContextVar[list[Record] | None] = ContextVar("journal_group", default=None)


class Journal:
    """An append-only file of records, changed for the next with each snapshot."""

    def __init__(self) -> None:
        self._file = -1
        self._lock = threading.Lock()
        self._directory = Path()
        self.generation = 0
        self.dirty = threading.Event()

    def open(self, directory: Path, generation: int) -> None:
        """Begin the journal of a generation; records go there from now on."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._directory, self.generation = directory, generation
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(path_of(directory, generation), flags, 0o600)

    def write(self, *record: Any) -> None:
        """Record one fact: at once, or with the rest of its group."""
        group = _group.get()
        if group is None:
            self._append([list(record)])
        else:
            group.append(list(record))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is appended as one when the block ends, also when it fails."""
        records: list[Record] = []
        token = _group.set(records)
        try:
            yield
        finally:
            _group.reset(token)
            if records:
                self._append(records)

    def _append(self, records: list[Record]) -> None:
        self.dirty.set()
        lines = "".join(json.dumps(record, default=str) + "\n" for record in records).encode()
        with self._lock:
            if self._file >= 0:
                os.write(self._file, lines)


def path_of(directory: Path, generation: int) -> Path:
    """Where the journal of a generation lies."""
    return directory / f"journal-{generation:08}.jsonl"


def generations(directory: Path) -> list[int]:
    """The generations that have a journal, in order."""
    return sorted(int(path.stem.rpartition("-")[2]) for path in directory.glob("journal-*.jsonl"))


def read(directory: Path, since: int) -> Iterator[Record]:
    """The records of every journal from generation `since` on; a last line that was cut off is left out."""
    for generation in generations(directory):
        if generation < since:
            continue
        for line in path_of(directory, generation).read_bytes().splitlines():
            with contextlib.suppress(ValueError):
                yield json.loads(line)


JOURNAL = Journal()
