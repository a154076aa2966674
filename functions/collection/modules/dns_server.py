"""The name servers of a domain: do they resolve for strangers, and do they tell their version?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.dns_facts import texts
from functions.collection.endpoints import endpoint, host_and_port
from functions.collection.module import Context, Found, Module
from functions.collection.session import ZoneServer
from functions.collection.software import software_in
from functions.collection.weakness import exposure, misconfiguration
from kernel.egress import EgressError
from kernel.egress.addresses import is_address

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


NAME_TOLD = misconfiguration(
    "dns-server-name-disclosed",
    Severity.INFO,
    "A name server tells its own name",
    "The server answers hostname.bind or id.server, which tells how machines are named inside, and which of several "
    "servers behind an address answers.",
    "Set the server's identity to nothing, unless anycast operation needs it.",
    "https://www.rfc-editor.org/rfc/rfc4892",
)
VERSION_NAMES = ("version.bind", "version.server")
IDENTITY_NAMES = ("hostname.bind", "id.server")


@dataclass(frozen=True, slots=True)
class ServerView:
    """What a server showed."""

    name: str
    endpoint: str
    recursion: bool
    version: str
    identity: str = ""


class DnsServer(Module[list[ServerView]]):
    """Asks a server for its version and its name, and whether it would recurse."""

    face = ModuleFace(
        name="dns_server",
        version="1.1.0",
        summary="Checks name servers for open recursion, disclosed versions and names",
        consumes=(ObservationType.DOMAIN, ObservationType.SERVICE),
        matching=r"^dns://|^[^/]+$",
        produces=(ObservationType.EXPOSURE, ObservationType.MISCONFIGURATION, ObservationType.SOFTWARE),
        invasiveness=Invasiveness.ACTIVE,
        rate_group="dns",
        data_source="DNS",
        oracle="dig",
    )

    async def get(self, observation: Observation, context: Context) -> list[ServerView]:
        """A view of each server that answers: those of a domain, or the one that was found."""
        subject, servers = await _servers(observation, context)
        views = []
        for server in servers:
            try:
                views.append(await _view(server, subject, context))
            except EgressError as error:
                context.log.debug("%s: %s", server.endpoint, error)
        return views

    def transform(self, observation: Observation, raw: list[ServerView]) -> Iterable[Found]:
        """The weaknesses of each server, and its software."""
        for view in raw:
            evidence = {"server": view.name, "asked": observation.value}
            if view.recursion:
                yield OPEN_RESOLVER.at(view.endpoint, evidence)
            if view.version:
                yield VERSION_TOLD.at(view.endpoint, {**evidence, "version": view.version})
                yield from software_in(view.version, view.endpoint, service="dns")
            if view.identity:
                yield NAME_TOLD.at(view.endpoint, {**evidence, "name": view.identity})


async def _servers(observation: Observation, context: Context) -> tuple[str, list[ZoneServer]]:
    """Whom the questions concern, and the servers to ask."""
    if observation.type == ObservationType.SERVICE:
        host, port = host_and_port(observation.value)
        return host, [ZoneServer(host, (address, port)) for address in await context.session.resolve(host)]
    return observation.value, await context.session.zone_servers(observation.value)


async def _view(server: ZoneServer, subject: str, context: Context) -> ServerView:
    recursion = await _recurses(server.endpoint, subject, context)
    version = await _told(VERSION_NAMES, server.endpoint, subject, context)
    identity = await _told(IDENTITY_NAMES, server.endpoint, subject, context)
    return ServerView(server.name, endpoint(*server.endpoint), recursion, version, identity)


async def _recurses(server: tuple[str, int], subject: str, context: Context) -> bool:
    """Whether the server offers recursion (RFC 1035: RA in the answer) without having to do any: it is asked for
    its own zone, or for the root, which every resolver knows."""
    import dns.flags

    name = "." if is_address(subject) else subject
    kind = "NS" if name == "." else "SOA"
    answer = await context.session.query_at(server, name, kind, about=subject, recursive=True)
    return bool(answer.message.flags & dns.flags.RA) and answer.rcode in ("NOERROR", "NXDOMAIN", "SERVFAIL")


async def _told(names: tuple[str, ...], server: tuple[str, int], subject: str, context: Context) -> str:
    """What the server says to the first of these questions that it answers (class CHAOS), or empty."""
    for name in names:
        answer = await context.session.query_at(server, name, "TXT", about=subject, record_class="CH")
        if text := next(iter(texts(answer)), ""):
            return text[:200]
    return ""
