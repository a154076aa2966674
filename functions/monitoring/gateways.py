"""What the platform needs, asked the cheapest question that proves an answer."""

from __future__ import annotations

from typing import Protocol

from kernel import aws


class Needs(Protocol):
    """The dependencies by name."""

    names: tuple[str, ...]

    def ask(self, name: str) -> None:
        """Return when the dependency answers; raises whatever it raises."""


class AwsNeeds:
    """The table, the facts bucket and the bus."""

    names: tuple[str, ...] = ("table", "facts", "bus")

    def ask(self, name: str) -> None:
        """Describe the dependency."""
        if name == "table":
            aws.client("dynamodb").describe_table(TableName=aws.setting("TABLE_NAME"))
        elif name == "facts":
            aws.client("s3").head_bucket(Bucket=aws.setting("FACTS_BUCKET"))
        else:
            aws.client("events").describe_event_bus(Name=aws.setting("BUS_NAME"))
