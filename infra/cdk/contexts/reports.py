"""The reports context: documents of scans."""

from __future__ import annotations

from constructs import Construct

from contracts.reports import ReportRequested
from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.machine import Machine
from infra.cdk.platform.stack import Platform

FROM_CONTEXTS = ("findings", "intelligence", "collection")


class Reports(BoundedContext):
    """Its rooms draw, so they carry the heavier layer of document packages."""

    name = "reports"
    partitions = ("REPORTS",)

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform, layers=["documents"])
        api = self.api("/reports", "/reports/{proxy+}")
        render = self.door("render", "steps.render", memory=3008, timeout=600, snap_start=False)
        fail = self.door("fail", "steps.fail")
        parts = {context.title(): self.function_arn(context, "hand-in") for context in FROM_CONTEXTS}
        tasks = {**parts, "Render": render.alias.function_arn, "Fail": fail.alias.function_arn}
        machine = Machine(self, "Report", "reports/report.asl.json", tasks=tasks, numbers={})
        events = self.events(ReportRequested.type)
        events.function.add_environment("REPORT_MACHINE_ARN", machine.arn)
        events.allow(["states:StartExecution"], [machine.arn])
        self.executions(machine, "REPORT_MACHINE_ARN")
        self.grant_table(api, ["SCANS"], READ)
        self.grant_table(render, ["SCANS", "ORGANIZATIONS"], READ)
        self.grant_facts(api, "reports")
        self.grant_facts(render, "reports", write=True)
