"""The log of a batch: bounded, and the same message counted instead of repeated."""

from __future__ import annotations

import logging

from contracts.facts import LogEntry
from contracts.observations import Observation

MAX_MESSAGE = 500
MAX_ENTRIES = 200


class Journal:
    """Collects entries up to a limit; `failures` counts the errors even beyond it."""

    def __init__(self, limit: int = MAX_ENTRIES) -> None:
        self._limit = limit
        self._first: dict[tuple[str, str], str] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._dropped = 0
        self.failures = 0

    def failure(self, message: str, observation: Observation | None) -> None:
        """A module's fault."""
        self.failures += 1
        self.note("error", message, observation)

    def note(self, level: str, message: str, observation: Observation | None) -> None:
        """Anything worth knowing: `error`, `warning` or `info`."""
        key = (level, message[:MAX_MESSAGE])
        if key not in self._counts and len(self._counts) >= self._limit:
            self._dropped += 1
            return
        self._counts[key] = self._counts.get(key, 0) + 1
        value = observation.value[:MAX_MESSAGE] if observation else ""
        self._first[key] = min(self._first.get(key, value), value)

    def entries(self) -> list[LogEntry]:
        """The entries in a stable order; the last one says how many did not fit."""
        entries = sorted(
            LogEntry(level, message, self._first[level, message], count)
            for (level, message), count in self._counts.items()
        )
        if self._dropped:
            entries.append(LogEntry("warning", "more entries did not fit into the log", count=self._dropped))
        return entries


class JournalHandler(logging.Handler):
    """Brings what a module logs, from `info` on, into the scan's log; `debug` stays with the function's own."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.INFO)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record."""
        level = "warning" if record.levelno >= logging.WARNING else "info"
        self._journal.note(level, record.getMessage(), None)


def module_log(journal: Journal, parent: logging.Logger) -> logging.Logger:
    """The logger of one batch: what it is told goes into the journal and to its parent."""
    log = logging.Logger(parent.name)
    log.parent = parent
    log.setLevel(logging.INFO)
    log.addHandler(JournalHandler(journal))
    return log
