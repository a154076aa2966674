"""The name servers of a domain: do they resolve for strangers, and do they tell their version?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.dns_facts import texts
from functions.collection.endpoints import endpoint
from functions.collection.module import Context, Found, Module
from functions.collection.software import software_in
from functions.collection.weakness import exposure, misconfiguration
from kernel.egress import EgressError

OPEN_RESOLVER = exposure(
    "open-resolver",
    Severity.MEDIUM,
    "A name server resolves for everybody",
    "A name server of the domain offers recursion to strangers. It can be used to amplify denial-of-service attacks, "
    "and its cache can be probed and poisoned.",
    "Turn recursion off on authoritative servers, or limit it to your own networks.",
    "https://www.rfc-editor.org/rfc/rfc5358",
)
VERSION_TOLD = misconfiguration(
    "dns-version-disclosed",
    Severity.INFO,
    "A name server tells its version",
    "The server answers version.bind, which tells an attacker which flaws to try.",
    "Set the version string to something that says nothing.",
    "https://cwe.mitre.org/data/definitions/200.html",
)


@dataclass(frozen=True, slots=True)
class ServerView:
    """What a server showed."""

    name: str
    endpoint: str
    recursion: bool
    version: str


class DnsServer(Module[list[ServerView]]):
    """Asks each server of a zone for its version and whether it would recurse."""

    face = ModuleFace(
        name="dns_server",
        version="1.0.0",
        summary="Checks a domain's name servers for open recursion and disclosed versions",
        consumes=(ObservationType.DOMAIN,),
        produces=(ObservationType.EXPOSURE, ObservationType.MISCONFIGURATION, ObservationType.SOFTWARE),
        invasiveness=Invasiveness.ACTIVE,
        rate_group="dns",
        data_source="DNS",
        oracle="dig",
    )

    async def get(self, observation: Observation, context: Context) -> list[ServerView]:
        """A view of each server that answers."""
        zone = observation.value
        views = []
        for server in await context.session.zone_servers(zone):
            where = endpoint(*server.endpoint)
            try:
                recursion = await _recurses(server.endpoint, zone, context)
                version = await _version(server.endpoint, zone, context)
            except EgressError as error:
                context.log.debug("%s: %s", where, error)
                continue
            views.append(ServerView(server.name, where, recursion, version))
        return views

    def transform(self, observation: Observation, raw: list[ServerView]) -> Iterable[Found]:
        """The weaknesses of each server, and its software."""
        for view in raw:
            evidence = {"server": view.name, "zone": observation.value}
            if view.recursion:
                yield OPEN_RESOLVER.at(view.endpoint, evidence)
            if view.version:
                yield VERSION_TOLD.at(view.endpoint, {**evidence, "version": view.version})
                yield from software_in(view.version, view.endpoint, service="dns")


async def _recurses(server: tuple[str, int], zone: str, context: Context) -> bool:
    """Whether the server offers recursion (RFC 1035: RA in the answer) without having to do any."""
    import dns.flags

    answer = await context.session.query_at(server, zone, "SOA", about=zone, recursive=True)
    return bool(answer.message.flags & dns.flags.RA) and answer.rcode != "REFUSED"


async def _version(server: tuple[str, int], zone: str, context: Context) -> str:
    answer = await context.session.query_at(server, "version.bind", "TXT", about=zone, record_class="CH")
    return next(iter(texts(answer)), "")[:200]
