"""The outline of a tenant's graph: everything that questions need, in columns that load at once.

Nodes are numbered in the order of (type, value), edges in that of their source. Arrays are little-endian: unsigned
32-bit numbers unless said otherwise; times are milliseconds since 1970 in 64 bits. A hundred thousand nodes with half
a million edges are some 20 MB, and load in a quarter of a second.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate
from typing import Any, Final

import msgspec

from contracts.facts import decode_rows, encode_rows
from contracts.findings import SEVERITY_ORDER
from functions.intelligence.model.confidence import current_millis
from functions.intelligence.model.coverage import Coverage, Seen
from functions.intelligence.model.identity import Identities, Merge
from functions.intelligence.model.knowledge import KnownEntity, KnownRelation
from kernel import clock

RISKS: Final = ("", *SEVERITY_ORDER)
NOBODY: Final = 0xFFFFFFFF


class Columns(msgspec.Struct, kw_only=True):
    """The outline as it is stored. `*_from` arrays have one number more than there are rows: where each row's share
    of the next array begins."""

    keys: bytes = b""
    types: list[str] = []
    type_codes: bytes = b""
    values: list[str] = []
    attributes: list[bytes] = []
    risks: bytes = b""
    distances: bytes = b""
    first_seen: bytes = b""
    last_seen: bytes = b""
    observations: bytes = b""
    scans: bytes = b""
    last_scans: bytes = b""
    source_names: list[str] = []
    words_from: bytes = b""
    word_sources: bytes = b""
    word_confidences: bytes = b""
    word_times: bytes = b""
    relation_names: list[str] = []
    edges_from: bytes = b""
    edge_targets: bytes = b""
    edge_names: bytes = b""
    edge_confidences: bytes = b""
    edge_times: bytes = b""
    merges: list[tuple[int, int, str]] = []
    changes: list[tuple[int, str, str, str, str, str]] = []
    """Node, and the fields of each `knowledge.Change`."""
    seen: list[Seen] = []


def millis(at: str) -> int:
    """An RFC 3339 time as milliseconds since 1970; 0 for an empty one."""
    return round(clock.parse(at).timestamp() * 1000) if at else 0


def moment(at: int) -> str:
    """Milliseconds since 1970 as RFC 3339."""
    return clock.timestamp(datetime.fromtimestamp(at / 1000, UTC)) if at else ""


class Builder:
    """Makes an outline: first all entities in order, then all relations."""

    def __init__(self) -> None:
        self._columns = Columns(types=[], values=[], attributes=[], source_names=[], relation_names=[], changes=[])
        self._keys = bytearray()
        self._codes, self._risks, self._distances = bytearray(), bytearray(), bytearray()
        self._first, self._last = array("Q"), array("Q")
        self._observations, self._scans, self._last_scans = array("I"), array("I"), array("I")
        self._words_from, self._word_sources = array("I", [0]), array("H")
        self._word_confidences, self._word_times = array("f"), array("Q")
        self._numbers: dict[bytes, int] = {}
        self._types: dict[str, int] = {}
        self._sources: dict[str, int] = {}
        self._relations: dict[str, int] = {}
        self._scan_numbers: dict[str, int] = {}
        self._edges: list[array[Any]] = [array("I"), array("I"), array("B"), array("f"), array("Q")]
        self._identities = Identities()

    def add_entity(self, row: KnownEntity) -> None:
        """The next node."""
        node = len(self._numbers)
        key = bytes.fromhex(row.key)
        self._numbers[key] = node
        self._keys += key
        self._codes.append(self._types.setdefault(row.type, len(self._types)))
        self._columns.values.append(row.value)
        self._columns.attributes.append(msgspec.msgpack.encode(row.attributes) if row.attributes else b"")
        self._risks.append(RISKS.index(row.risk) if row.risk in RISKS else 0)
        self._distances.append(min(255, row.distance))
        self._first.append(millis(row.first_seen))
        self._last.append(millis(row.last_seen))
        self._observations.append(min(NOBODY, row.observations))
        self._scans.append(row.scans)
        last_scan = row.sightings[-1].scan_id if row.sightings else ""
        self._last_scans.append(self._scan_numbers.setdefault(last_scan, len(self._scan_numbers)))
        for name, (confidence, at) in sorted(row.sources.items()):
            self._word_sources.append(self._sources.setdefault(name, len(self._sources)))
            self._word_confidences.append(confidence)
            self._word_times.append(millis(at))
        self._words_from.append(len(self._word_sources))
        self._columns.changes += [(node, *msgspec.structs.astuple(change)) for change in row.changes]
        self._identities.offer(node, row.type, row.value, row.attributes)

    def add_relation(self, row: KnownRelation) -> None:
        """The next edge; one to an entity that is not there is left out."""
        source, target = (self._numbers.get(bytes.fromhex(key)) for key in (row.source, row.target))
        if source is None or target is None:
            return
        best = max((confidence for confidence, _ in row.sources.values()), default=0.0)
        name = self._relations.setdefault(row.name, len(self._relations))
        for column, value in zip(self._edges, (source, target, name, best, millis(row.last_seen)), strict=True):
            column.append(value)

    def finish(self, scans: list[Seen]) -> Outline:
        """The outline of what was added, and of these scans."""
        columns = self._columns
        edges_from, order = _by_node(self._edges[0], len(self._numbers))
        _, targets, names, confidences, times = (
            array(column.typecode, [column[edge] for edge in order]).tobytes() for column in self._edges
        )
        by_number = list(self._scan_numbers)
        known = {scan.scan_id: scan for scan in scans}
        columns = msgspec.structs.replace(
            columns,
            keys=bytes(self._keys),
            types=list(self._types),
            type_codes=bytes(self._codes),
            risks=bytes(self._risks),
            distances=bytes(self._distances),
            first_seen=self._first.tobytes(),
            last_seen=self._last.tobytes(),
            observations=self._observations.tobytes(),
            scans=self._scans.tobytes(),
            last_scans=self._last_scans.tobytes(),
            source_names=list(self._sources),
            words_from=self._words_from.tobytes(),
            word_sources=self._word_sources.tobytes(),
            word_confidences=self._word_confidences.tobytes(),
            word_times=self._word_times.tobytes(),
            relation_names=list(self._relations),
            edges_from=edges_from.tobytes(),
            edge_targets=targets,
            edge_names=names,
            edge_confidences=confidences,
            edge_times=times,
            seen=[known.get(scan_id) or Seen(scan_id, "", "", frozenset(), frozenset(), False) for scan_id in by_number]
            + [scan for scan in scans if scan.scan_id not in self._scan_numbers],
        )
        outline = Outline(columns)
        merges = self._identities.merges(outline.addresses, lambda key: self._numbers.get(bytes.fromhex(key)))
        columns.merges = [(merge.node, merge.other, merge.rule) for merge in merges]
        return Outline(columns)


def _by_node(nodes: array[int], count: int) -> tuple[array[int], array[int]]:
    """Edges sorted by a node of each, in the order in which they came: where those of each node begin, and the
    edges."""
    begins = array("I", bytes(4 * (count + 1)))
    for node in nodes:
        begins[node + 1] += 1
    begins = array("I", accumulate(begins))
    places, order = array("I", begins), array("I", bytes(4 * len(nodes)))
    for edge, node in enumerate(nodes):
        order[places[node]] = edge
        places[node] += 1
    return begins, order


def _array(kind: str, body: bytes) -> array[Any]:
    made: array[Any] = array(kind)
    made.frombytes(body)
    return made


class Outline:
    """A graph's columns, and how to find one's way in them. A node is its number."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.values, self.types = columns.values, columns.types
        self.type_codes = columns.type_codes
        self.first_seen, self.last_seen = _array("Q", columns.first_seen), _array("Q", columns.last_seen)
        self.observations, self.scans = _array("I", columns.observations), _array("I", columns.scans)
        self.last_scans = _array("I", columns.last_scans)
        self.words_from, self.word_sources = _array("I", columns.words_from), _array("H", columns.word_sources)
        self.word_confidences = _array("f", columns.word_confidences)
        self.word_times = _array("Q", columns.word_times)
        self.edges_from, self.edge_targets = _array("I", columns.edges_from), _array("I", columns.edge_targets)
        self.edge_names = columns.edge_names
        self.edge_confidences = _array("f", columns.edge_confidences)
        self.edge_times = _array("Q", columns.edge_times)
        self.coverage = Coverage(columns.seen)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def edges(self) -> int:
        """How many edges there are."""
        return len(self.edge_targets)

    @classmethod
    def empty(cls) -> Outline:
        """The outline of nothing."""
        return cls(Columns(edges_from=bytes(4), words_from=bytes(4)))

    @classmethod
    def load(cls, body: bytes) -> Outline:
        """The outline that `dump` wrote."""
        return cls(decode_rows(body, Columns)[0])

    def dump(self) -> bytes:
        """The outline as an object."""
        return encode_rows([self.columns])

    @cached_property
    def numbers(self) -> dict[bytes, int]:
        """Nodes by the 16 bytes of their entity's key."""
        keys = self.columns.keys
        return {keys[at : at + 16]: at // 16 for at in range(0, len(keys), 16)}

    @cached_property
    def incoming(self) -> tuple[array[int], array[int]]:
        """The edges that lead to each node: where each node's share begins, and the edges' numbers."""
        return _by_node(self.edge_targets, len(self))

    @cached_property
    def edge_sources(self) -> array[int]:
        """The node that each edge leaves."""
        made = array("I")
        for node in range(len(self)):
            made.extend([node] * (self.edges_from[node + 1] - self.edges_from[node]))
        return made

    @cached_property
    def same(self) -> dict[int, list[Merge]]:
        """What makes a node one with others, by node, both ways."""
        found: dict[int, list[Merge]] = {}
        for node, other, rule in self.columns.merges:
            found.setdefault(node, []).append(Merge(node, other, rule))
            found.setdefault(other, []).append(Merge(other, node, rule))
        return found

    def node(self, key: str) -> int | None:
        """The node of an entity's key, None when there is none or it is no key."""
        try:
            return self.numbers.get(bytes.fromhex(key))
        except ValueError:
            return None

    def key(self, node: int) -> str:
        """A node's entity's key."""
        return self.columns.keys[16 * node : 16 * node + 16].hex()

    def type(self, node: int) -> str:
        """A node's type."""
        return self.types[self.type_codes[node]]

    def risk(self, node: int) -> str:
        """A node's risk."""
        return RISKS[self.columns.risks[node]]

    def attributes(self, node: int) -> dict[str, Any]:
        """A node's attributes."""
        body = self.columns.attributes[node]
        return msgspec.msgpack.decode(body) if body else {}

    def words(self, node: int) -> dict[str, tuple[float, int]]:
        """Each source's word about a node: how sure, and when."""
        names = self.columns.source_names
        share = range(self.words_from[node], self.words_from[node + 1])
        return {names[self.word_sources[at]]: (self.word_confidences[at], self.word_times[at]) for at in share}

    def confidence(self, node: int, now: int) -> float:
        """How sure a node is at an instant."""
        return current_millis(self.type(node), self.words(node).values(), now)

    def gone(self, node: int) -> Seen | None:
        """The scan that could have seen a node after it was seen last, and did not."""
        last = self.columns.seen[self.last_scans[node]].scan_id
        return self.coverage.gone(last, self.words(node))

    def out(self, node: int) -> Iterator[tuple[int, int]]:
        """Edges that leave a node, as (edge, target)."""
        for edge in range(self.edges_from[node], self.edges_from[node + 1]):
            yield edge, self.edge_targets[edge]

    def into(self, node: int) -> Iterator[tuple[int, int]]:
        """Edges that lead to a node, as (edge, source)."""
        begins, edges = self.incoming
        for at in range(begins[node], begins[node + 1]):
            yield edges[at], self.edge_sources[edges[at]]

    def addresses(self, node: int) -> frozenset[str]:
        """The addresses that a name resolves to."""
        names = self.columns.relation_names
        found = (target for edge, target in self.out(node) if names[self.edge_names[edge]] == "resolves_to")
        return frozenset(self.values[target] for target in found)
