"""The intelligence context: reduces waves to a graph, correlates, keeps what scans found, answers questions."""

from __future__ import annotations

from constructs import Construct

from contracts.facts import ImportStarted
from contracts.scans import ScanDeleted, ScanEnded
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.door import Door
from infra.cdk.constructs.machine import Machine
from infra.cdk.platform.stack import Platform

VIEWS = ("observations", "entities", "graph", "timeline", "integrity", "archive")
SETTLE_SECONDS = 900
"""After which nobody reads what was replaced: no request or task lasts as long."""


class Intelligence(BoundedContext):
    """The knowledge graph of each scan, and that of each organisation."""

    name = "intelligence"
    partitions = ("INTELLIGENCE",)

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform, layers=["documents"])
        views = (f"/scans/{{scan_id}}/{view}" for view in VIEWS)
        api = self.api(*views, "/graph", "/graph/{proxy+}", "/imports", "/imports/{proxy+}", memory=1769)
        reduce = self.door("reduce", "steps.reduce", memory=3008, timeout=600, snap_start=False)
        hand_in = self.door("hand-in", "steps.hand_in", memory=1769, timeout=300, snap_start=False)
        keepers = self._keepers()
        for door in (api, reduce, hand_in, *keepers.values()):
            self.grant_table(door, ["SCANS"], READ)
        self.grant_facts(api, "scans", write=True)
        self.grant_facts(api, "graph", write=True)
        self.grant_facts(api, "imports", write=True)
        self.grant_table(api, ["TEAMS"], READ)
        self.grant_facts(reduce, "scans", write=True)
        self.grant_facts(hand_in, "scans")
        self.grant_facts(hand_in, "reports", write=True)
        self._machines(keepers)

    def _keepers(self) -> dict[str, Door]:
        """What works on whole scans and graphs, once each."""
        doors = {
            name: self.door(name.lower(), f"steps.{name.lower()}", memory=3008, timeout=900, snap_start=False)
            for name in ("Compact", "Learn", "Forget", "Sweep")
        }
        for name in ("TakeIn", "FinishImport"):
            doors[name] = self._import_door(name)
        self.grant_facts(doors["Compact"], "scans", write=True)
        for name in ("Learn", "Forget"):
            self.grant_facts(doors[name], "scans")
            self.grant_facts(doors[name], "graph", write=True)
        for area in ("scans", "graph"):
            self.grant_facts(doors["Sweep"], area, delete=True)
        return doors

    def _import_door(self, name: str) -> Door:
        words = "take-in" if name == "TakeIn" else "finish-import"
        door = self.door(words, f"steps.{words.replace('-', '_')}", memory=3008, timeout=900, snap_start=False)
        self.grant_facts(door, "scans", write=True, delete=True)
        self.grant_facts(door, "imports", delete=True)
        return door

    def _machines(self, doors: dict[str, Door]) -> None:
        events = self.events(ScanEnded.type, ScanDeleted.type, ImportStarted.type)
        seconds = {"SettleSeconds": 2 if self.stage.is_local else SETTLE_SECONDS}
        others = {
            "Reduce": self.function_arn("intelligence", "reduce"),
            "Adopt": self.function_arn("scans", "adopt"),
            "RecordFindings": self.function_arn("findings", "record"),
        }
        for name, steps, foreign, numbers in (
            ("Settle", ("Compact", "Learn", "Sweep"), {}, seconds),
            ("Forget", ("Forget",), {}, {}),
            ("Import", ("TakeIn", "FinishImport"), others, {}),
        ):
            tasks = {**{step: doors[step].alias.function_arn for step in steps}, **foreign}
            path = f"intelligence/{name.lower()}.asl.json"
            machine = Machine(self, name, path, tasks=tasks, numbers=numbers)
            events.function.add_environment(f"{name.upper()}_MACHINE_ARN", machine.arn)
            events.allow(["states:StartExecution"], [machine.arn])
