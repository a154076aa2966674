"""Analyses: which groups of events are worth reporting. Each drops the groups, or the events, that are not."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from functions.intelligence.model.correlation.events import Event, Groups, Reader
from functions.intelligence.model.correlation.rule import Analysis

MAX_REFERENCES: Final = 5_000
MAX_REFERENCE_CHARACTERS: Final = 1 << 16
"""Values of the first collection that `contains` looks in, and their characters in all: each other value is looked
for in all of them."""

MAX_WEIGHT_DIGITS: Final = 10

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def analyse(analysis: Analysis, groups: Groups, reader: Reader) -> Groups:
    """The groups that remain after one analysis."""
    return _METHODS[analysis.method](analysis, groups, reader)


def _threshold(analysis: Analysis, groups: Groups, reader: Reader) -> Groups:
    return {
        key: events for key, events in reader.view.watched(groups.items()) if _within(analysis, key, events, reader)
    }


def _within(analysis: Analysis, key: str, events: list[Event], reader: Reader) -> bool:
    counts: Counter[str] = Counter()
    for event in reader.view.watched(events):
        times = _times(analysis, key, event, reader)
        for value in reader.values(analysis.field, key, event):
            counts[value] += times
    maximum = len(events) + counts.total() if analysis.maximum is None else analysis.maximum
    measured = [len(counts)] if analysis.count_unique_only or not counts else counts.values()
    return all(analysis.minimum <= count <= maximum for count in measured)


def _times(analysis: Analysis, key: str, event: Event, reader: Reader) -> int:
    """How often an event counts: what its weight says, once where it says nothing."""
    told = reader.values(analysis.weight, key, event) if analysis.weight else []
    return max(1, int(told[0])) if told and told[0].isdecimal() and len(told[0]) < MAX_WEIGHT_DIGITS else 1


def _outlier(analysis: Analysis, groups: Groups, _: Reader) -> Groups:
    total = sum(map(len, groups.values()))
    if not total or 100.0 / len(groups) < analysis.noisy_percent:
        return {}
    limit = analysis.maximum_percent or 0.0
    return {key: events for key, events in groups.items() if 100.0 * len(events) / total <= limit}


def _first_collection_only(analysis: Analysis, groups: Groups, reader: Reader) -> Groups:
    def later(event: Event) -> bool:
        return event.collection > 0

    elsewhere = _all_values(analysis.field, groups, reader, later)
    kept: Groups = {}
    watched = reader.view.watched
    for key, events in watched(groups.items()):
        if any(map(later, events)):
            continue
        if all(elsewhere.isdisjoint(reader.values(analysis.field, key, event)) for event in watched(events)):
            kept[key] = events
    return kept


def _both_collections(_: Analysis, groups: Groups, __: Reader) -> Groups:
    numbers = {event.collection for events in groups.values() for event in events} | {0, 1}
    return {key: events for key, events in groups.items() if {event.collection for event in events} == numbers}


def _match_all_to_first(analysis: Analysis, groups: Groups, reader: Reader) -> Groups:
    references = _all_values(analysis.field, groups, reader, lambda event: event.collection == 0)
    matches = _MATCHES[analysis.match_method](references)
    kept: Groups = {}
    for key, events in groups.items():
        matching = [
            event
            for event in reader.view.watched(events)
            if event.collection > 0 and any(map(matches, reader.values(analysis.field, key, event)))
        ]
        if matching:
            kept[key] = [event for event in events if event.collection == 0] + matching
    return kept


def _all_values(field: str, groups: Groups, reader: Reader, wanted: Callable[[Event], bool]) -> set[str]:
    return {
        value
        for key, events in groups.items()
        for event in reader.view.watched(events)
        if wanted(event)
        for value in reader.values(field, key, event)
    }


def _contained(references: set[str]) -> Callable[[str], bool]:
    haystack = "\x00".join(sorted(references)[:MAX_REFERENCES])[:MAX_REFERENCE_CHARACTERS]
    return lambda value: value in haystack


def _in_subnet(references: set[str]) -> Callable[[str], bool]:
    """Whether an address lies in one of the networks: one look-up per prefix length that occurs."""
    by_length: dict[tuple[int, int], set[int]] = {}
    for network in _networks(references):
        shift = network.max_prefixlen - network.prefixlen
        by_length.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)

    def lies_in(value: str) -> bool:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        number = int(address)
        return any(
            version == address.version and number >> shift in starts for (version, shift), starts in by_length.items()
        )

    return lies_in


def _networks(references: Iterable[str]) -> Iterable[Network]:
    for reference in references:
        try:
            yield ipaddress.ip_network(reference, strict=False)
        except ValueError:
            continue


_MATCHES: Final[dict[str, Callable[[set[str]], Callable[[str], bool]]]] = {
    "exact": lambda references: references.__contains__,
    "contains": _contained,
    "subnet": _in_subnet,
}

_METHODS: Final[dict[str, Callable[[Analysis, Groups, Reader], Groups]]] = {
    "threshold": _threshold,
    "outlier": _outlier,
    "first_collection_only": _first_collection_only,
    "both_collections": _both_collections,
    "match_all_to_first_collection": _match_all_to_first,
}
