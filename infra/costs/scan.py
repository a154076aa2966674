"""Dollars for one scan: a company is assumed, its facts are paired with the modules as the planner does, and each
step is charged as it was measured, scaled by what it handles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness
from functions.collection.estimate import TASK_SECONDS, tasks_of
from infra.costs import model, prices
from infra.costs.model import Cost, total
from infra.costs.usage import Measured, Usage

Facts = Mapping[str, float]
"""How many new facts of each type a wave finds, for one host."""
COMPANY: Sequence[Facts] = (
    {"host": 1.0, "dns_record": 0.02, "mail_server": 0.002},
    {"ip": 1.0},
    {"port": 3.0},
    {"service": 2.0, "banner": 2.0, "url": 1.0},
    {"certificate": 1.0, "http_response": 10.0, "url": 9.0, "technology": 2.0, "software": 1.0, "web_form": 1.0},
    {"email": 0.5, "technology": 1.0, "file": 0.2},
)
"""A domain whose every host has an address, three open ports and a web site of ten pages: what each wave finds."""
FINDINGS_OF_HOST = 3
LONGEST_BATCH_SECONDS = 180.0
REDUCED_A_SECOND = 20_000
"""Observations that the reducer takes in; `make bench` measures more."""
COMPACTED_A_SECOND = 30_000
LEARNT_A_SECOND = 40_000
"""Facts that compaction writes anew, and that the organisation's graph learns."""
COMPACTED_ROWS = 10_000
"""Facts in one object of a compacted scan."""
TRANSITIONS_OF_KEEPING = 5
"""Compact, Learn, Settle, Sweep and the start."""
PART_ROWS = 20_000
"""Facts in one object of a frontier, or of observations."""
FINDINGS_OF_TRANSACTION = 40
BODIES_READ = 2
"""Objects with pages that a batch looks into."""
TRANSITIONS_OF_WAVE = 8
TRANSITIONS_OF_END = 8
"""State transitions: Gate, WhatNext, Plan, AnyWork, RunBatches, Close, Reduce, RecordFindings for a wave; and those of
the wave that finds nothing left. Each batch is one more: a child execution of the Map."""
EXPRESS_GB = 0.0625
"""A child execution is billed in pieces of 64 MB."""
KILOBYTE_OF_OBSERVATION = 0.6
"""Of storage, in all the objects that hold it; compressed."""
KILOBYTE_OF_PAGE = 30.0


@dataclass(frozen=True)
class Batches:
    """The batches of one module in one wave."""

    module: str
    count: int
    seconds: float
    """Of one of them."""


@dataclass(frozen=True)
class Wave:
    """What one wave handles and finds."""

    number: int
    facts: int
    batches: tuple[Batches, ...]
    found: int

    @property
    def size(self) -> int:
        """How many batches."""
        return sum(each.count for each in self.batches)


def waves(hosts: int, faces: Mapping[str, ModuleFace]) -> list[Wave]:
    """The waves of a comprehensive scan of one domain with `hosts` hosts."""
    frontiers: list[Facts] = [{"domain": 1.0 / hosts}, *COMPANY]
    sizes = [sum(frontier.values()) * hosts for frontier in frontiers]
    return [
        Wave(
            number=number,
            facts=round(size),
            batches=tuple(_batches(frontier, hosts, faces)),
            found=round(sizes[number + 1]) if number + 1 < len(sizes) else 0,
        )
        for number, (frontier, size) in enumerate(zip(frontiers, sizes, strict=True))
    ]


def cost(hosts: int, faces: Mapping[str, ModuleFace], measured: Measured) -> Cost:
    """The whole scan, from `POST /scans` on, without its report."""
    steps = measured.steps
    plan = waves(hosts, faces)
    begun = [model.request(name, measured) for name in ("POST /scans", "POST /scans/{scan_id}/start")]
    ends = [_charged(steps[name], name, measured) for name in ("begin", "plan", "end")]
    findings = _findings(hosts * FINDINGS_OF_HOST, steps["record"], measured)
    transitions = len(plan) * TRANSITIONS_OF_WAVE + TRANSITIONS_OF_END + sum(wave.size for wave in plan)
    machine = Cost({"Step Functions": transitions * prices.STATE_TRANSITION})
    kept = _keep(sum(wave.found for wave in plan), measured)
    return total([*begun, *ends, findings, machine, kept, *(_wave(wave, measured) for wave in plan)])


def by_part(hosts: int, faces: Mapping[str, ModuleFace], measured: Measured) -> dict[str, float]:
    """Dollars of each module, and of what every wave takes besides (`planning`, `reducing`)."""
    parts: dict[str, float] = {"planning": 0.0, "reducing": 0.0}
    for wave in waves(hosts, faces):
        parts["planning"] += _plan(wave, measured.steps["plan"]).total
        parts["reducing"] += _reduce(wave, measured.steps["reduce"]).total
        for each in wave.batches:
            own = (_batch(each.seconds, measured.steps["batch"]) * each.count).total
            parts[each.module] = parts.get(each.module, 0.0) + own + each.count * prices.STATE_TRANSITION
    return parts


def stored_gigabytes(hosts: int) -> float:
    """What a scan keeps in S3."""
    observations = sum(sum(frontier.values()) for frontier in COMPANY) * hosts
    pages = sum(frontier.get("http_response", 0.0) for frontier in COMPANY) * hosts
    return (observations * KILOBYTE_OF_OBSERVATION + pages * KILOBYTE_OF_PAGE) / 1e6


def _batches(frontier: Facts, hosts: int, faces: Mapping[str, ModuleFace]) -> list[Batches]:
    found = []
    for face in faces.values():
        tasks = math.ceil(tasks_of(face, frontier) * hosts)
        if tasks and face.invasiveness is not Invasiveness.INTRUSIVE:
            in_one = min(tasks, face.batch_size)
            seconds = math.ceil(in_one / face.concurrency) * TASK_SECONDS[face.cost_class]
            found.append(Batches(face.name, math.ceil(tasks / face.batch_size), min(seconds, LONGEST_BATCH_SECONDS)))
    return found


def _wave(wave: Wave, measured: Measured) -> Cost:
    steps = measured.steps
    return total(
        [
            _plan(wave, steps["plan"]),
            *(_batch(each.seconds, steps["batch"]) * each.count for each in wave.batches),
            _charged(steps["close"], "close", measured),
            _reduce(wave, steps["reduce"]),
            _charged(steps["gate"], "gate", measured),
        ]
    )


def _plan(wave: Wave, usage: Usage) -> Cost:
    """An object for each batch; the frontier is read."""
    own = {"S3.PutObject": wave.size + 1, "S3.GetObject": math.ceil(wave.facts / PART_ROWS), "S3.ListObjectsV2": 2}
    return model.work(_with(usage, own), model.MEMORY_MB["plan"])


def _batch(seconds: float, usage: Usage) -> Cost:
    """A child execution, and a function that works for so long."""
    own = {"S3.GetObject": usage.calls.get("S3.GetObject", 0) + BODIES_READ}
    billed = math.ceil(seconds * 10) / 10
    child = Cost({"Step Functions": prices.EXPRESS_REQUEST + billed * EXPRESS_GB * prices.EXPRESS_GB_SECOND})
    run = model.invocation(seconds * 1000 + model.duration(usage), model.MEMORY_MB["batch"])
    return total([child, run, model.calls(_with(usage, own))])


def _reduce(wave: Wave, usage: Usage) -> Cost:
    """Every batch's segment and every earlier wave's memory is read; more parts are written where there is more."""
    parts = math.ceil(wave.found / PART_ROWS)
    own = {
        "S3.GetObject": 1 + wave.number + wave.size,
        "S3.PutObject": usage.calls.get("S3.PutObject", 0) + 4 * max(0, parts - 1),
    }
    scaled = _with(usage, own)
    busy = model.invocation(wave.found / REDUCED_A_SECOND * 1000, model.MEMORY_MB["reduce"])
    return total([busy, model.work(scaled, model.MEMORY_MB["reduce"])])


def _keep(found: int, measured: Measured) -> Cost:
    """What a scan found is compacted, and taken into the organisation's graph: here one that knows as much."""
    parts = math.ceil(found / COMPACTED_ROWS)
    spent = [Cost({"Step Functions": TRANSITIONS_OF_KEEPING * prices.STATE_TRANSITION})]
    for step, speed in (("compact", COMPACTED_A_SECOND), ("learn", LEARNT_A_SECOND)):
        usage = measured.steps[step]
        more = {name: usage.calls.get(name, 0) + 3 * parts for name in ("S3.GetObject", "S3.PutObject")}
        busy = model.invocation(found / speed * 1000, model.MEMORY_MB[step])
        spent += [busy, model.work(_with(usage, more), model.MEMORY_MB[step])]
    return total(spent)


def _findings(number: int, usage: Usage, measured: Measured) -> Cost:
    """New findings in transactions of forty; the measured one had one."""
    transactions = math.ceil(number / FINDINGS_OF_TRANSACTION)
    each = Usage(usage.calls, usage.reads, usage.writes)
    units = Cost({"DynamoDB": model.calls(each).by_service["DynamoDB"]}) * number
    runs = model.invocation(model.duration(usage), model.MEMORY_MB["record"]) * transactions
    return total([units, runs, model.events(usage, measured) * transactions])


def _charged(usage: Usage, step: str, measured: Measured) -> Cost:
    return model.work(usage, model.MEMORY_MB.get(step, model.DOOR_MB)) + model.events(usage, measured)


def _with(usage: Usage, calls: Mapping[str, int]) -> Usage:
    return Usage({**usage.calls, **calls}, usage.reads, usage.writes, usage.events, usage.milliseconds)
