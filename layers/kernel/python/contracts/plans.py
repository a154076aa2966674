"""Plans: what an organisation may use, and how a room holds a command to it.

Usage is metered from events. When a limit is reached, the organizations context writes an `Exhausted` item; a command
that would use more carries `unless_exhausted` in its transaction, so that the limit is a condition and costs no read.
"""

from __future__ import annotations

import time
from enum import StrEnum
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from kernel.actor import Actor
from kernel.errors import Problem
from kernel.records import Record
from kernel.table import Change

GIB = 1024**3


class Metered(StrEnum):
    """What is counted."""

    USERS = "users"
    SCANS = "scans"
    OBSERVATIONS = "observations"
    STORAGE = "storage"
    API_CALLS = "api_calls"


PER_MONTH = frozenset({Metered.SCANS, Metered.OBSERVATIONS, Metered.API_CALLS})
"""Counted anew each calendar month (UTC); the others are what there is now."""


class Plan(BaseModel):
    """A plan. A limit of 0 is none."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    title: str
    users: int = Field(description="People in the organisation.")
    scans: int = Field(description="Scans a month.")
    scans_at_once: int = Field(description="Scans that run at the same time; further ones wait their turn.")
    observations: int = Field(description="Observations stored a month.")
    storage: int = Field(description="Bytes of facts and reports.")
    api_calls: int = Field(description="Requests a month.")
    requests_per_second: float
    burst: int = Field(description="Requests at once.")
    audit_days: int = Field(description="How long an entry of the audit trail is kept.")
    organizations: int = Field(description="Further organisations that may be founded from one on this plan.")

    def limit(self, metered: Metered) -> int:
        """The limit of something that is counted; 0: none."""
        value: int = getattr(self, metered.value)
        return value


def _plan(
    name: str, numbers: tuple[int, int, int, int, int], at_once: int, rate: float, days: int, organizations: int
) -> Plan:
    users, scans, observations, storage, calls = numbers
    return Plan(
        name=name,
        title=name.capitalize(),
        users=users,
        scans=scans,
        scans_at_once=at_once,
        observations=observations,
        storage=storage,
        api_calls=calls,
        requests_per_second=rate,
        burst=int(rate * 5),
        audit_days=days,
        organizations=organizations,
    )


@cache
def plans() -> dict[str, Plan]:
    """Every plan by its name, the smallest first."""
    every = (
        _plan("free", (5, 50, 200_000, 2 * GIB, 100_000), 2, 20, 90, 1),
        _plan("starter", (15, 300, 2_000_000, 20 * GIB, 1_000_000), 4, 50, 180, 2),
        _plan("professional", (50, 1_500, 10_000_000, 100 * GIB, 5_000_000), 8, 100, 365, 5),
        _plan("business", (250, 10_000, 100_000_000, 1_000 * GIB, 50_000_000), 20, 200, 730, 25),
        _plan("enterprise", (0, 0, 0, 0, 0), 50, 500, 2555, 0),
    )
    return {plan.name: plan for plan in every}


class LimitReached(Problem):
    """The plan allows no more of something."""

    slug, status, title = "plan-limit-reached", 402, "Your plan's limit is reached"


class Exhausted(Record, pk="TENANT#{tenant_id}#LIMITS#plan", sk="EXHAUSTED#{metered}"):
    """That a limit is reached. What is counted by the month expires with it."""

    metered: Metered


def unless_exhausted(actor: Actor, metered: Metered) -> Change:
    """A condition for the transaction of a command that uses more of something. Raises LimitReached when it fails."""
    mark = Exhausted(tenant_id=actor.tenant_id, metered=metered)
    words = metered.value.replace("_", " ")
    problem = LimitReached(f"The plan's limit of {words} is reached. See your usage, or choose a larger plan.")
    condition = "attribute_not_exists(pk) OR expires_at < :now"
    return Change(mark, "ConditionCheck", condition, {":now": int(time.time())}, problem)
