"""The door by which a room hands in what it knows of a person, and erases it (contracts/privacy.py)."""

from __future__ import annotations

from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.door import Door


def person_door(context: BoundedContext, *, timeout: int = 120, memory: int = 1024) -> Door:
    """A task door that reads whom a job is about, and leaves a paper with the job."""
    door = context.door("person", "steps.person", timeout=timeout, memory=memory)
    context.grant_table(door, ["PRIVACY"], READ)
    context.grant_facts(door, "privacy", write=True)
    return door
