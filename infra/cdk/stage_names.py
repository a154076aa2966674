"""The naming rule of physical resources, apart from the stacks so that tools can use it without the CDK."""

from __future__ import annotations


def resource(stage: str, name: str) -> str:
    """The physical name of a resource of a stage."""
    return f"palisade-{stage}-{name}"
