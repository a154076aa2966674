"""The event catalogue in EventBridge's schema registry, where other teams of the account look for it."""

from __future__ import annotations

import json

from aws_cdk import aws_eventschemas
from constructs import Construct

from contracts import all_events
from infra.cdk.stage import Stage
from kernel.events import event_schema

FORMAT = "JSONSchemaDraft4"


class EventSchemas(Construct):
    """One schema for each type of event, as it stands on the bus."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, "EventSchemas")
        registry = aws_eventschemas.CfnRegistry(
            self, "Registry", registry_name=stage.resource("events"), description="What happens in Palisade."
        )
        for name, kind in all_events().items():
            schema = aws_eventschemas.CfnSchema(
                self,
                name.replace(".", ""),
                registry_name=stage.resource("events"),
                schema_name=f"palisade.{kind.context}@{name}",
                type=FORMAT,
                content=json.dumps(event_schema(kind)),
                description=(kind.__doc__ or "").strip()[:250],
            )
            schema.add_resource_dependency(registry)
