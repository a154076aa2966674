"""Events: rows that a rule has collected, and the groups they fall into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from functions.intelligence.model.correlation.view import View

WHOLE: Final = ""
"""The key of the only group of a rule that does not aggregate."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """A collected row; `collection` is the number of its collection, `trail` the path that led to it, if any."""

    row: int
    collection: int
    trail: tuple[int, ...] = ()


Groups = dict[str, list[Event]]
"""Events by the value of the field that they are aggregated by."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads fields of events. Within a group, the field that made it has the group's value alone."""

    view: View
    aggregated_by: str | None

    def values(self, field: str, group: str, event: Event) -> list[str]:
        """The values of a field of one event."""
        return [group] if field == self.aggregated_by else list(self.view.values(field)(event.row))

    def grouped(self, events: list[Event]) -> Groups:
        """Events by the aggregated field; an event with several values is in several groups, with none in none."""
        if self.aggregated_by is None:
            return {WHOLE: events}
        groups: Groups = {}
        read = self.view.values(self.aggregated_by)
        for event in self.view.watched(events):
            for value in dict.fromkeys(read(event.row)):
                groups.setdefault(value, []).append(event)
        return groups
