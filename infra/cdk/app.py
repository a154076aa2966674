"""The CDK app: `cdk synth -c stage=prod`, or `python -m infra.cdk.app --stage local --output cdk.out`."""

from __future__ import annotations

import argparse
import json
import os

import aws_cdk

from infra.cdk import nag
from infra.cdk.constructs.bounded_context import BoundedContext
from infra.cdk.contexts.access import Access
from infra.cdk.contexts.audit import Audit
from infra.cdk.contexts.collection import Collection
from infra.cdk.contexts.developers import Developers
from infra.cdk.contexts.findings import Findings
from infra.cdk.contexts.identity import Identity
from infra.cdk.contexts.intelligence import Intelligence
from infra.cdk.contexts.modules import Modules
from infra.cdk.contexts.monitoring import Monitoring
from infra.cdk.contexts.notifications import Notifications
from infra.cdk.contexts.organizations import Organizations
from infra.cdk.contexts.privacy import Privacy
from infra.cdk.contexts.realtime import Realtime
from infra.cdk.contexts.reports import Reports
from infra.cdk.contexts.scans import Scans
from infra.cdk.contexts.webhooks import Webhooks
from infra.cdk.packaging import ROOT
from infra.cdk.platform.edge import Edge
from infra.cdk.platform.stack import Platform
from infra.cdk.stage import STAGES, Stage

CONTEXTS: tuple[type[BoundedContext], ...] = (
    Identity,
    Organizations,
    Access,
    Developers,
    Modules,
    Scans,
    Collection,
    Intelligence,
    Findings,
    Reports,
    Webhooks,
    Notifications,
    Realtime,
    Audit,
    Privacy,
    Monitoring,
)
NOWHERE = "000000000000"
LOCAL = aws_cdk.Environment(account=NOWHERE, region="us-east-1")


def build(app: aws_cdk.App, stage: Stage) -> Platform:
    """Every stack of a stage."""
    environment = LOCAL if stage.is_local else _account()
    platform = Platform(app, stage, environment)
    contexts = {context.name: context(app, platform) for context in CONTEXTS}
    if not stage.is_local:
        realtime = contexts[Realtime.name]
        assert isinstance(realtime, Realtime)
        Edge(app, platform, realtime)
        nag.check(app)
    aws_cdk.Tags.of(app).add("palisade:stage", stage.name)
    return platform


def _account() -> aws_cdk.Environment:
    """Where the CDK's command line is logged in; without one, an account that does not exist, to look at templates."""
    return aws_cdk.Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT", NOWHERE),
        region=os.environ.get("CDK_DEFAULT_REGION", "us-east-1"),
    )


def main() -> None:
    """Synthesise the assembly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=sorted(STAGES))
    parser.add_argument("--output")
    options = parser.parse_args()
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = aws_cdk.App(outdir=options.output, context=None if "CDK_CONTEXT_JSON" in os.environ else context)
    build(app, STAGES[options.stage or app.node.try_get_context("stage")])
    app.synth()


if __name__ == "__main__":
    main()
