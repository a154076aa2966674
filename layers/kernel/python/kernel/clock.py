"""Time, in one spelling: RFC 3339 UTC with milliseconds, which also sorts."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current instant in UTC."""
    return datetime.now(UTC)


def timestamp(at: datetime | None = None) -> str:
    """An instant (default: now) as `2026-01-31T12:00:00.000Z`."""
    return (at or now()).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """The instant that `timestamp` wrote. Raises ValueError."""
    return datetime.fromisoformat(text)
