"""The intelligence context: reduces waves to a graph, correlates, keeps what scans found, answers questions."""

from __future__ import annotations

from aws_cdk import aws_iam, aws_scheduler
from constructs import Construct

from contracts.access import TeamMemberAdded, TeamMemberRemoved
from contracts.intelligence import ImportStarted
from contracts.scans import ScanDeleted, ScanEnded
from infra.cdk.constructs.bounded_context import API, READ, BoundedContext
from infra.cdk.constructs.door import TENANT, Door
from infra.cdk.constructs.machine import Machine
from infra.cdk.constructs.person import person_door
from infra.cdk.platform.stack import Platform

VIEWS = ("observations", "entities", "timeline", "integrity", "archive", "differences")
ANALYSES = ("/graph/communities", "/graph/ranking", "/graph/export", "/scans/{scan_id}/graph")
"""What is answered with NumPy or drawn as a workbook: by a door of its own, so that the others stay light."""
TENANCY = f"PLATFORM#TENANTS#{TENANT}"
KEEPERS = "PLATFORM#RETENTION#*"
SETTLE_SECONDS = 900
"""After which nobody reads what was replaced: no request or task lasts as long."""


class Intelligence(BoundedContext):
    """The knowledge graph of each scan, and that of each organisation."""

    name = "intelligence"
    partitions = ("INTELLIGENCE",)

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        views = (f"/scans/{{scan_id}}/{view}" for view in VIEWS)
        api = self.api(
            *views,
            "/graph",
            "/graph/{proxy+}",
            "/imports",
            "/imports/{proxy+}",
            "/facts/{proxy+}",
            "/rules",
            "/rules/{proxy+}",
            memory=1769,
        )
        analyse = self.protocol("analyse", "api.handler", API, ANALYSES, layers=["documents"], memory=1769)
        reduce = self.door("reduce", "steps.reduce", memory=3008, timeout=600, snap_start=False, layers=["documents"])
        hand_in = self.door("hand-in", "steps.hand_in", memory=1769, timeout=300, snap_start=False)
        keepers = self._keepers()
        for door in (api, analyse, reduce, hand_in, *keepers.values()):
            self.grant_table(door, ["SCANS"], READ)
        for door in (api, analyse):  # one room behind two doors: what it may do is the same
            for area in ("scans", "graph", "imports"):
                self.grant_facts(door, area, write=True)
            self.grant_table(door, ["TEAMS", TENANCY], READ)
        self.grant_facts(reduce, "scans", write=True)
        self.grant_facts(hand_in, "scans")
        self.grant_facts(hand_in, "reports", write=True)
        self.grant_table(keepers["Learn"], [KEEPERS], ["dynamodb:PutItem"])
        person_door(self)
        self._machines(keepers)
        self._clock()

    def _keepers(self) -> dict[str, Door]:
        """What works on whole scans and graphs, once each."""
        doors = {
            "Compact": self.door(
                "compact", "steps.compact", memory=3008, timeout=900, snap_start=False, layers=["documents"]
            ),
            "Learn": self.door("learn", "steps.learn", memory=3008, timeout=900, snap_start=False),
            "Join": self.door("join", "steps.join", memory=3008, timeout=900, snap_start=False),
            "Forget": self.door("forget", "steps.forget", memory=3008, timeout=900, snap_start=False),
            "Sweep": self.door("sweep", "steps.sweep", memory=1769, timeout=900, snap_start=False),
        }
        for name in ("TakeIn", "FinishImport"):
            doors[name] = self._import_door(name)
        self.grant_facts(doors["Compact"], "scans", write=True)
        for name in ("Learn", "Forget"):
            self.grant_facts(doors[name], "scans")
        for name in ("Learn", "Forget", "Join"):
            self.grant_facts(doors[name], "graph", write=True)
            self.grant_table(doors[name], ["TEAMS"], READ)
        self.grant_table(doors["Sweep"], ["TEAMS"], READ)
        for area in ("scans", "graph"):
            self.grant_facts(doors["Sweep"], area, write=area == "graph", delete=True)
        return doors

    def _import_door(self, name: str) -> Door:
        words = "take-in" if name == "TakeIn" else "finish-import"
        door = self.door(words, f"steps.{words.replace('-', '_')}", memory=3008, timeout=900, snap_start=False)
        self.grant_facts(door, "scans", write=True, delete=True)
        self.grant_facts(door, "imports", delete=True)
        return door

    def _clock(self) -> None:
        """Once an hour, let go of what some organisations have kept long enough."""
        door = self.door("schedule", "schedule.handler", memory=3008, timeout=900, snap_start=False)
        self.grant_table(door, ["SCANS", "TEAMS", TENANCY, KEEPERS], READ)
        for area in ("scans", "graph", "imports"):
            self.grant_facts(door, area, write=True, delete=True)
        role = aws_iam.Role(self, "ClockRole", assumed_by=aws_iam.ServicePrincipal("scheduler.amazonaws.com"))
        door.alias.grant_invoke(role)
        aws_scheduler.CfnSchedule(
            self,
            "Clock",
            name=self.stage.resource("retention"),
            schedule_expression="rate(1 hour)",
            flexible_time_window=aws_scheduler.CfnSchedule.FlexibleTimeWindowProperty(
                mode="FLEXIBLE", maximum_window_in_minutes=15
            ),
            target=aws_scheduler.CfnSchedule.TargetProperty(
                arn=door.alias.function_arn, role_arn=role.role_arn, input="{}"
            ),
        )

    def _machines(self, doors: dict[str, Door]) -> None:
        heard = (ScanEnded, ScanDeleted, ImportStarted, TeamMemberAdded, TeamMemberRemoved)
        events = self.events(*(kind.type for kind in heard))
        seconds = {"SettleSeconds": 2 if self.stage.is_local else SETTLE_SECONDS}
        others = {
            "Reduce": self.function_arn("intelligence", "reduce"),
            "Adopt": self.function_arn("scans", "adopt"),
            "RecordFindings": self.function_arn("findings", "record"),
        }
        for name, steps, foreign, numbers in (
            ("Settle", ("Compact", "Learn", "Sweep"), {}, seconds),
            ("Forget", ("Forget",), {}, {}),
            ("Join", ("Join",), {}, {}),
            ("Import", ("TakeIn", "FinishImport"), others, {}),
        ):
            tasks = {**{step: doors[step].alias.function_arn for step in steps}, **foreign}
            path = f"intelligence/{name.lower()}.asl.json"
            machine = Machine(self, name, path, tasks=tasks, numbers=numbers)
            events.function.add_environment(f"{name.upper()}_MACHINE_ARN", machine.arn)
            events.allow(["states:StartExecution"], [machine.arn])
            if name == "Import":
                broken = self.executions(machine, "IMPORT_MACHINE_ARN")
                self.grant_facts(broken, "scans", write=True, delete=True)
                self.grant_facts(broken, "imports", delete=True)
