"""What a scan will come to before it starts: its first wave exactly, the rest as a range. Pure.

The range comes from the last scan of the same targets with the same modules, where there is one; else from how many
facts of each type a fact of another leads to in a company of ordinary make.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from pydantic import BaseModel, Field

from contracts.dependencies import resolve
from contracts.modules import CostClass, ModuleFace
from contracts.observations import Observation
from contracts.scans import ScanBrief
from functions.collection.model import Plan, seeds
from functions.collection.spending import cost_of_wave
from kernel.records import Resource

TASK_SECONDS = {CostClass.LIGHT: 0.3, CostClass.MEDIUM: 1.0, CostClass.HEAVY: 5.0}
"""Of one task over the internet, nearly all of it waiting. Assumed."""
TASK_PACKETS = {CostClass.LIGHT: 8.0, CostClass.MEDIUM: 60.0, CostClass.HEAVY: 1500.0}
"""A look-up or a page; a hundred ports or a handful of pages; a crawl. Assumed."""
GROWTH: Mapping[str, Mapping[str, float]] = {
    "domain": {"host": 10.0, "dns_record": 8.0, "mail_server": 1.0},
    "host": {"ip": 1.0, "dns_record": 0.5},
    "ip": {"port": 3.0},
    "port": {"service": 0.7, "banner": 0.6, "url": 0.4, "certificate": 0.3},
    "service": {"url": 0.3, "software": 0.3},
    "banner": {"software": 0.4},
    "url": {"http_response": 10.0, "web_form": 0.5, "web_param": 1.0, "technology": 2.0},
    "http_response": {"technology": 0.2, "email": 0.05, "metadata": 0.02},
    "certificate": {"host": 0.2},
}
"""New facts that a fact leads to, on average. Assumed; the company of the cost model (docs/costs.md) has the same."""
_PAGES = tuple(f"https://www.example.com/page{number}" for number in range(9))
SAMPLES: Mapping[str, tuple[str, ...]] = {
    "port": ("192.0.2.1:80", "192.0.2.1:443", "192.0.2.1:22"),
    "service": ("http://192.0.2.1:80", "https://192.0.2.1:443", "ssh://192.0.2.1:22"),
    "url": ("https://www.example.com/", *_PAGES),
    "http_response": ("https://www.example.com/", *_PAGES),
    "domain": ("example.com",),
    "host": ("www.example.com",),
    "ip": ("192.0.2.1",),
    "software": ("cpe:2.3:a:f5:nginx:1.18.0:*:*:*:*:*:*:*",),
}
"""What facts of a type look like in that company: most modules work on some of them alone."""
MAX_WAVES = 8
WAVE_SECONDS = 3.0
"""Planning, reducing and recording between the batches."""
SPREAD, SPREAD_OF_LAST = 3.0, 1.25
"""The range reaches from a part of what is likely to a multiple of it; after a scan of the same kind it is narrower."""


class Range(BaseModel):
    """A number that is likely, and the bounds within which it should lie."""

    low: float
    likely: float
    high: float


class PlannedModule(BaseModel):
    """What a module does in the first wave: how many facts, and some of them with what admits them to the scope."""

    module: str
    tasks: int
    invasiveness: str
    examples: list[str]


class Estimate(Resource):
    """What a scan will come to. `first_wave` is what will be done, exactly; nothing was sent to make it."""

    scan_id: str
    first_wave: list[PlannedModule]
    tasks: Range
    packets: Range
    minutes: Range
    dollars: Range
    basis: str = Field(description="What the range rests on.")
    exceeds: list[str] = Field(description="Budgets that the likely figure does not fit into.")
    idle: dict[str, str] = Field(description="Modules that will get nothing to do, and why.")


def estimate(
    brief: ScanBrief, faces: Mapping[str, ModuleFace], first: Plan, last: ScanBrief | None, concurrency: int
) -> Estimate:
    """The estimate of a scan whose first wave is planned. `last` is an earlier scan of the same kind; `concurrency`
    how many batches the deployment runs at once."""
    chosen = {name: faces[name] for name in brief.modules if name in faces}
    figures = _of_last(last) if last else _simulated(chosen, first, brief.pace, concurrency)
    spread = SPREAD_OF_LAST if last else SPREAD
    return Estimate(
        scan_id=brief.scan_id,
        first_wave=_first_wave(chosen, first),
        basis=f"The scan {last.scan_id} of the same targets." if last else "A company of ordinary make.",
        exceeds=_exceeds(brief, figures),
        idle=resolve(chosen, faces, {fact.type for fact in seeds(brief)}).idle,
        **{name: _range(value, spread) for name, value in figures.items()},
    )


def tasks_of(face: ModuleFace, facts: Mapping[str, float]) -> float:
    """How many of these facts (by type) a module works on."""
    return sum(facts.get(str(kind), 0.0) * _share(face.matching, str(kind)) for kind in face.consumes)


@cache
def _share(matching: str, kind: str) -> float:
    samples = SAMPLES.get(kind)
    if not samples or not matching:
        return 1.0
    return sum(bool(re.search(matching, value)) for value in samples) / len(samples)


def same_kind(brief: ScanBrief, others: Sequence[ScanBrief]) -> ScanBrief | None:
    """The latest finished scan of the same targets with the same modules."""
    return next(
        (
            other
            for other in others
            if other.status == "finished"
            and other.scan_id != brief.scan_id
            and sorted(other.targets) == sorted(brief.targets)
            and other.modules.keys() == brief.modules.keys()
        ),
        None,
    )


def _first_wave(faces: Mapping[str, ModuleFace], first: Plan) -> list[PlannedModule]:
    planned: dict[str, PlannedModule] = {}
    for batch in first.batches:
        known = planned.setdefault(
            batch.module,
            PlannedModule(
                module=batch.module, tasks=0, invasiveness=faces[batch.module].invasiveness.value, examples=[]
            ),
        )
        known.tasks += len(batch.observations)
        proofs = batch.proofs or [""] * len(batch.observations)
        for fact, proof in list(zip(batch.observations, proofs, strict=True))[: 3 - len(known.examples)]:
            known.examples.append(f"{fact.value} (admitted by {proof})" if proof else fact.value)
    return [planned[name] for name in sorted(planned)]


def _of_last(last: ScanBrief) -> dict[str, float]:
    return {
        "tasks": last.tally.tasks,
        "packets": last.tally.packets,
        "minutes": last.tally.seconds / 60,
        "dollars": last.tally.dollars,
    }


def _simulated(faces: Mapping[str, ModuleFace], first: Plan, pace: float, concurrency: int) -> dict[str, float]:
    """Wave after wave: facts meet the modules that consume them, and lead to new facts."""
    seeds: list[Observation] = list({o.id: o for batch in first.batches for o in batch.observations}.values())
    facts: Mapping[str, float] = Counter(seed.type for seed in seeds)
    produced = {str(kind) for face in faces.values() for kind in face.produces}
    figures = dict.fromkeys(("tasks", "packets", "minutes", "dollars"), 0.0)
    for wave in range(MAX_WAVES):
        tasks = {name: tasks_of(face, facts) for name, face in faces.items()}
        if wave == 0:
            tasks = dict(Counter(batch.module for batch in first.batches for _ in batch.observations))
        if not any(tasks.values()):
            break
        _add(figures, faces, tasks, pace, concurrency)
        facts = _grown(facts, produced)
    return figures


def _grown(facts: Mapping[str, float], produced: set[str]) -> dict[str, float]:
    grown: Counter[str] = Counter()
    for kind, count in facts.items():
        for new, ratio in GROWTH.get(kind, {}).items():
            if new in produced:
                grown[new] += count * ratio  # type: ignore[assignment]  # a counter of parts
    return dict(grown)


def _add(
    figures: dict[str, float], faces: Mapping[str, ModuleFace], tasks: Mapping[str, float], pace: float, at_once: int
) -> None:
    seconds = longest = batches = 0.0
    for name, count in tasks.items():
        face = faces[name]
        own = math.ceil(count / face.batch_size)
        if own:
            each = min(180.0, math.ceil(count / own / face.concurrency) * TASK_SECONDS[face.cost_class] / pace)
            batches, seconds, longest = batches + own, seconds + own * each, max(longest, each)
        figures["packets"] += count * TASK_PACKETS[face.cost_class]
    figures["tasks"] += sum(tasks.values())
    figures["minutes"] += (max(longest, seconds / at_once) + WAVE_SECONDS) / 60
    figures["dollars"] += cost_of_wave(math.ceil(batches), seconds, round(sum(tasks.values()) * 3))


def _range(likely: float, spread: float) -> Range:
    return Range(low=_rounded(likely / spread), likely=_rounded(likely), high=_rounded(likely * spread))


def _rounded(value: float) -> float:
    """Three digits: more would pretend to know."""
    return float(f"{value:.3g}")


def _exceeds(brief: ScanBrief, figures: Mapping[str, float]) -> list[str]:
    limits = brief.budget.model_dump()
    return [
        f"{name}: about {_rounded(value):g}, and the budget allows {limits[name]:g}"
        for name, value in figures.items()
        if value > limits[name]
    ]
