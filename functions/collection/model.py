"""Planning: which module handles which fact, in which batch. Pure, and the same for the same input."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cache
from ipaddress import ip_network
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel, Field

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType, observation_id
from contracts.scans import Politeness, ScanBrief
from contracts.scope import host_of, prove
from contracts.targets import parse
from functions.collection.spending import seconds_for
from functions.collection.supervision import Allowance
from kernel.records import Record, Resource

SEED_MODULE = "target"
SEED_VERSION = "1.0.0"


class BatchInput(msgspec.Struct, frozen=True, kw_only=True):
    """The work of one batch: one module over many facts."""

    module: str
    version: str
    config: dict[str, Any] = {}
    observations: list[Observation] = []
    proofs: list[str] = []
    """For each observation of a module that sends packets, the pattern of the scope that admits its host."""
    allowance: Allowance | None = None
    in_flight: int | None = None
    """What the batch may have in flight towards one host; None for what its worker may have anyway."""

    def manners(self, politeness: Politeness) -> Politeness:
        """The scan's manners, within the batch's share of what all workers may have in flight. Both kinds of traffic
        get the same number, and with that one gate for each host."""
        if self.in_flight is None:
            return politeness
        each = min(self.in_flight, politeness.concurrency, politeness.connections)
        return politeness.model_copy(update={"concurrency": each, "connections": each})


class Crew(NamedTuple):
    """How many workers run a wave's batches at once, and what each may have in flight towards one host."""

    workers: int
    in_flight: int | None


class Remaining(msgspec.Struct, frozen=True):
    """What is left of a scan's budget for its next wave."""

    tasks: int
    packets: int
    bytes: int
    dollars: float


class Leftover(msgspec.Struct, frozen=True):
    """A fact that a batch could not handle before its deadline; its module gets it in the next wave."""

    module: str
    observation: Observation


class Plan(msgspec.Struct, frozen=True):
    """A wave's batches; `tasks` counts pairs of fact and module, `dropped` those over the scan's budget."""

    batches: list[BatchInput]
    tasks: int
    dropped: int = 0


class BatchRun(BaseModel):
    """What a batch did; `seconds` is the time it worked, `left` what it handed to the next wave, `durations` as in
    `engine.BatchStats`."""

    module: str
    version: str
    tasks: int
    observations: int
    errors: int
    seconds: float
    left: int = 0
    packets: int = 0
    bytes: int = 0
    durations: list[int] = Field(default_factory=list)


class RemovedModule(Record, pk="TENANT#{tenant_id}#TEMPLATES", sk="REMOVED#{name}"):
    """That a tenant's own module was removed, and the number of its last version: numbers are never given twice, so
    that a scan's pins and the figures by version stay what they were."""

    name: str
    last: str


class WaveEntry(Record, pk="TENANT#{tenant_id}#COLLECTION#{scan_id}", sk="WAVE#{wave:05}#{entry}"):
    """What is known of a wave: its plan, or what one of its batches did (`run`). Each batch has an entry of its own,
    named by its number: hundreds that end together write without waiting, and one that runs twice counts once."""

    scan_id: str
    wave: int
    entry: str = "PLAN"
    batches: int = 0
    tasks: int = 0
    dropped: int = 0
    modules: list[str] = Field(default_factory=list)
    planned_at: str = ""
    found_first: dict[str, int] = Field(default_factory=dict)
    """New facts of the wave before, by the module that found them first."""
    run: BatchRun | None = None

    @property
    def number(self) -> int:
        """Whose entry it is: a batch's number, from 1; 0 for the plan."""
        word = self.entry.rpartition(":")[2]
        return int(word) if word.isdecimal() else 0


class Progress(Resource):
    """How far the present wave of a scan is."""

    scan_id: str
    wave: int
    batches: int
    batches_done: int
    tasks: int
    tasks_done: int
    modules: list[str] = Field(default_factory=list)
    observations: int
    errors: int
    packets: int
    seconds_left: float | None = Field(
        description="Of this wave, at the pace of its batches so far; absent until one is done. What it finds decides "
        "how many waves follow."
    )


def seeds(brief: ScanBrief) -> list[Observation]:
    """The targets of a scan as its first facts; a network stands for each of its hosts."""
    found = [seed for text in brief.targets for seed in _seeds_of(brief, text)]
    return sorted({seed.id: seed for seed in found}.values(), key=lambda seed: (seed.type, seed.value, seed.id))


def plan(
    brief: ScanBrief,
    faces: Mapping[str, ModuleFace],
    frontier: Iterable[Observation],
    leftovers: Sequence[Leftover] = (),
    left: Remaining | None = None,
    done: Container[tuple[str, str, str]] = (),
) -> Plan:
    """Pair every new fact with the modules that consume its type, inside the scope and what is left of the budget.
    What is `done` already (module, type, value) is left out."""
    chosen = {name: faces[name] for name in sorted(brief.modules) if name in faces}
    work: dict[str, list[Observation]] = {name: [] for name in chosen}
    for leftover in leftovers:
        if leftover.module in work:
            work[leftover.module].append(leftover.observation)
    for observation in frontier:
        for name, face in chosen.items():
            if wants(face, observation, brief) and (name, observation.type, observation.value) not in done:
                work[name].append(observation)
    work = {name: _distinct(facts) for name, facts in work.items()}
    total = sum(len(facts) for facts in work.values())
    allowed = total if left is None else min(total, max(0, left.tasks))
    batches = _batches(brief, chosen, work, allowed)
    return Plan([_allowed(batch, allowed, left) for batch in batches], allowed, total - allowed)


def _distinct(facts: Iterable[Observation]) -> list[Observation]:
    """Each fact once, in a stable order: one that was left over may have come nearer, and be in the frontier too."""
    ordered = sorted(facts, key=_rank)
    return list({(fact.type, fact.value): fact for fact in reversed(ordered)}.values())[::-1]


def _rank(fact: Observation) -> tuple[object, ...]:
    """Sorts facts, and of several tellings of one fact puts the nearest first."""
    return (fact.type, fact.value, fact.scope_distance, fact.id, fact.module, fact.consumed)


def wants(face: ModuleFace, observation: Observation, brief: ScanBrief) -> bool:
    """Whether a module handles a fact in this scan."""
    if observation.type not in face.consumes or face.name in observation.consumed:
        return False
    if not _pattern(face.matching).search(observation.value):
        return False
    if face.invasiveness is Invasiveness.PASSIVE:
        return observation.scope_distance <= brief.scope.max_distance
    return prove(brief.scope, brief.targets, host_of(observation.value)) is not None


@cache
def _pattern(expression: str) -> re.Pattern[str]:
    """A module's expression for the values it can work with; an empty one admits all."""
    return re.compile(expression)


def _batches(
    brief: ScanBrief, chosen: Mapping[str, ModuleFace], work: Mapping[str, list[Observation]], allowed: int
) -> Iterator[BatchInput]:
    for name, face in chosen.items():
        facts = work[name][:allowed]
        allowed -= len(facts)
        for start in range(0, len(facts), face.batch_size):
            part = facts[start : start + face.batch_size]
            yield BatchInput(
                module=name,
                version=brief.modules[name],
                config=brief.module_configs.get(name, {}),
                observations=part,
                proofs=[] if face.invasiveness is Invasiveness.PASSIVE else [_proof(brief, fact) for fact in part],
            )


def _proof(brief: ScanBrief, fact: Observation) -> str:
    proof = prove(brief.scope, brief.targets, host_of(fact.value))
    return proof.pattern if proof else ""


def _allowed(batch: BatchInput, tasks: int, left: Remaining | None) -> BatchInput:
    """The batch with its share of what is left, by its part of the wave's tasks. All shares together are what is left:
    however many batches run at once, the scan does not use more than one act of each beyond its budget."""
    if left is None:
        return batch
    share = len(batch.observations) / max(1, tasks)
    allowance = Allowance(
        packets=math.ceil(left.packets * share),
        bytes=math.ceil(left.bytes * share),
        seconds=seconds_for(left.dollars) * share,
    )
    return msgspec.structs.replace(batch, allowance=allowance)


def crew(politeness: Politeness, batches: int, at_most: int) -> Crew:
    """The workers of a wave with so many batches, of whom `at_most` may work at once. What they have in flight is
    shared out before they begin: however many there are, together they keep to what the scan allows."""
    if politeness.in_flight is None:
        return Crew(at_most, None)
    workers = max(1, min(at_most, batches, politeness.in_flight))
    return Crew(workers, politeness.in_flight // workers)


def _seeds_of(brief: ScanBrief, text: str) -> Iterator[Observation]:
    target = parse(text)
    root = _seed(brief, target.type, target.value, brief.scan_id)
    yield root
    if target.type == ObservationType.CIDR:
        for address in ip_network(target.value).hosts():
            yield _seed(brief, ObservationType.IP, str(address), root.id)


def _seed(brief: ScanBrief, type_: str, value: str, source_id: str) -> Observation:
    return Observation(
        id=observation_id(brief.scan_id, type_, value, source_id),
        type=str(type_),
        value=value,
        source_id=source_id,
        module=SEED_MODULE,
        module_version=SEED_VERSION,
        observed_at=brief.started_at or brief.created_at,
    )
