"""SNMP agents that answer to the names everybody tries first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port, place_of
from functions.collection.module import Config, Context, Found, Module
from functions.collection.snmp import answer, question
from functions.collection.software import software_in
from functions.collection.weakness import vulnerability
from kernel.egress import EgressTimeout

DEFAULTS = ("public", "private", "community", "manager", "cisco", "snmp")
DEFAULT_COMMUNITY = vulnerability(
    "snmp-default-community", Severity.HIGH, "An SNMP agent answers to a name that everybody knows",
    "The agent tells its settings, routes, programs and users to whoever says a common community name, and may let "
    "them change settings.",
    "Remove the community, use version 3 with authentication and encryption, and filter UDP port 161.",
    "https://cwe.mitre.org/data/definitions/1392.html",
)  # fmt: skip


class SnmpCommunitiesConfig(Config):
    """What is tried."""

    communities: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=64)], ...],
        Field(min_length=1, max_length=20, description="Community names to try, in this order."),
    ] = DEFAULTS
    versions: Annotated[
        tuple[Literal["1", "2c"], ...], Field(min_length=1, max_length=2, description="Versions to speak.")
    ] = ("2c", "1")
    timeout_seconds: Annotated[float, Field(gt=0, le=10, description="Wait for one answer.")] = 1.0


@dataclass(frozen=True, slots=True)
class Admission:
    """A name that was accepted, in which version, and what the agent said of its system."""

    community: str
    version: str
    system: dict[str, str]


class SnmpCommunities(Module[list[Admission]]):
    """Reads the system's name with each community; writes nothing."""

    face = ModuleFace(
        name="snmp_communities",
        version="1.0.0",
        summary="Tries well-known community names on SNMP agents",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.VULNERABILITY, ObservationType.METADATA, ObservationType.SOFTWARE),
        matching=r"^snmp://",
        invasiveness=Invasiveness.INTRUSIVE,
        rate_group="udp",
        depends_on=("udp_probe",),
        concurrency=20,
        oracle="nmap",
    )
    config = SnmpCommunitiesConfig

    async def get(self, observation: Observation, context: Context) -> list[Admission]:
        """The names that were accepted; an agent is silent about all others."""
        host, port = host_and_port(observation.value)
        found = []
        for version in context.config.versions:
            for community in context.config.communities:
                system = await _try(host, port, version, community, context)
                if system is not None:
                    found.append(Admission(community, version, system))
            if context.is_over:
                break
        return found

    def transform(self, observation: Observation, raw: list[Admission]) -> Iterable[Found]:
        """The weakness, and what the agent told."""
        if not raw:
            return
        place, system = place_of(observation.value), raw[0].system
        admitted = sorted({f"{_shown(each.community)} (version {each.version})" for each in raw})
        weakness = DEFAULT_COMMUNITY.at(place, {"communities": admitted, "system": system})
        yield weakness
        yield Found(ObservationType.METADATA, f"snmp-system:{place}", {**system, "asset": place}, parent=weakness)
        yield from software_in(system.get("description", ""), place, "snmp", parent=weakness)


def _shown(community: str) -> str:
    """A common name as it is; one of the tenant's own is a secret."""
    return community if community in DEFAULTS else f"{community[:1]}…"


async def _try(host: str, port: int, version: str, community: str, context: Context) -> dict[str, str] | None:
    """What the agent says to a name, or None. Raises `EgressError` for a port that is closed."""
    asked = question(version, community)
    try:
        wire = await context.session.ask(
            host, port, asked, timeout_seconds=context.config.timeout_seconds, tries=1,
            accepts=lambda data: answer(asked, data) is not None,
        )  # fmt: skip
    except EgressTimeout:
        return None
    return answer(asked, wire)
