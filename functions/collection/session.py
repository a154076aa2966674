"""The outside world as a module may touch it: in scope, rate-limited, polite, through the egress client."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from contracts.scope import Scope, ScopeProof, host_of, prove, target_patterns
from functions.collection.halt import Halt
from functions.collection.politeness import FIRST_BACKOFF, OVERLOADED, HostGate, Pace, RetryBudget, jitter
from functions.collection.revalidation import Earlier
from functions.collection.robots import Robots
from kernel.egress import (
    Connection,
    Egress,
    EgressError,
    EgressTimeout,
    EgressUnreachable,
    Limits,
    Realm,
    Request,
    Response,
)
from kernel.egress.addresses import classify
from kernel.egress.dns import Endpoint, addresses_in, make_question, read_message
from kernel.egress.limits import MIB

if TYPE_CHECKING:
    from dns.message import Message

WEB_LIMITS = Limits(body=2 * MIB, headers=32 * 1024, total_seconds=20.0, connect_seconds=5.0, truncate=True)
PROVIDER_LIMITS = Limits(body=16 * MIB, headers=32 * 1024, total_seconds=60.0, connect_seconds=10.0, redirects=3)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TRANSFER_BYTES = 16 * MIB
DNS_PORT = 53
SOA = 6


class OutOfScope(Exception):
    """A module reached for a host outside the scan's scope; nothing was sent."""


class RateLimit(Protocol):
    """Permission to send, shared by all workers of a scan (a leased token bucket in the cloud)."""

    async def acquire(self, group: str) -> None:
        """Return when one more packet-sending act of the group may begin."""

    async def acquire_host(self, host: str, per_second: float) -> None:
        """Return when one more act towards a host may begin."""


class Unlimited:
    """No limit but the pace towards each host."""

    async def acquire(self, group: str) -> None:
        """Returns at once."""

    async def acquire_host(self, host: str, per_second: float) -> None:
        """Returns at once."""


@dataclass(frozen=True, slots=True)
class ZoneServer:
    """One server of a zone: its name, and where it answers."""

    name: str
    endpoint: Endpoint


class Answer:
    """A DNS answer in plain text."""

    def __init__(self, message: Message) -> None:
        self.message = message

    @property
    def rcode(self) -> str:
        """The response code as a word, such as `NOERROR` or `NXDOMAIN`."""
        import dns.rcode

        return dns.rcode.to_text(self.message.rcode())

    def records(self, record_type: str) -> list[str]:
        """The data of every answer record of that type, in its text form."""
        import dns.rdatatype

        wanted = dns.rdatatype.from_text(record_type)
        return [item.to_text() for rrset in self.message.answer if rrset.rdtype == wanted for item in rrset]

    @property
    def aliases(self) -> list[str]:
        """The chain of CNAME targets, in order, without root dots."""
        return [target.rstrip(".").lower() for target in self.records("CNAME")]

    @property
    def addresses(self) -> list[str]:
        """The addresses in the answer."""
        return addresses_in(self.message)


class Session:
    """What one batch does to the outside. Every method that sends a packet proves its subject in scope first
    (`OutOfScope`), waits for the rate limit of its module's group, and passes the egress policy (`EgressError`)."""

    def __init__(
        self,
        egress: Egress,
        scope: Scope,
        targets: tuple[str, ...],
        *,
        pace: Pace | None = None,
        rate_limit: RateLimit | None = None,
        rate_group: str = "default",
        halt: Halt | None = None,
        tenant_id: str = "",
    ) -> None:
        self.egress = egress
        self.tenant_id = tenant_id
        """For whom the scan runs: what is asked of somebody else's account says so."""
        self.halt = halt or Halt()
        self.meter = egress.meter
        self.earlier: Earlier | None = None
        """The pages of an earlier scan, in a rescan."""
        self._scope = scope
        self._targets = targets
        self._pace = pace or Pace()
        self._rate_limit = rate_limit or Unlimited()
        self._rate_group = rate_group
        self._retry_budget = RetryBudget()
        self._robots = Robots(self._ask_for_rules)
        self._gates: dict[tuple[str, int], HostGate] = {}
        self._proofs: dict[str, ScopeProof | None] = {}

    def prove(self, host: str) -> ScopeProof | None:
        """The proof that a host is in scope, or None: then nothing may be sent to it."""
        if host not in self._proofs:
            self._proofs[host] = prove(self._scope, self._targets, host)
        return self._proofs[host]

    def require(self, host: str) -> ScopeProof:
        """The proof that a host is in scope. Raises `OutOfScope`."""
        proof = self.prove(host)
        if proof is None:
            raise OutOfScope(f"{host} is outside the scope")
        return proof

    async def http(self, request: Request, limits: Limits = WEB_LIMITS) -> Response:
        """One answer of a web server; redirects are answers. A server that is overloaded or silent is asked again
        later, as often as the pace and the batch's budget of repeats allow.

        Raises `OutOfScope`, `Disallowed`, `EgressError`.
        """
        host = host_of(request.url)
        self.require(host)
        if self._pace.respect_robots:
            await self._robots.demand(request.url)
        return await self._attempt(host, request, limits)

    async def _attempt(self, host: str, request: Request, limits: Limits) -> Response:
        gate = self._gate(host, self._pace.concurrency)
        repeats = self._pace.retries if request.method in SAFE_METHODS else 0
        while True:
            try:
                async with self.halt.interruptible(), gate.passage():
                    await self._permission(host, self._rate_group)
                    response = await self.egress.send(request, limits)
            except (EgressTimeout, EgressUnreachable):
                if repeats == 0 or not gate.has_answered or not self._retry_budget.take():
                    raise
                await asyncio.sleep(FIRST_BACKOFF * jitter())
            else:
                self._retry_budget.answered()
                gate.report(response.status, response.header("retry-after"))
                if response.status not in OVERLOADED or repeats == 0 or not self._retry_budget.take():
                    return response
            repeats -= 1

    async def _ask_for_rules(self, url: str) -> Response | None:
        """One answer of a host in scope; None for any other."""
        host = host_of(url)
        if self.prove(host) is None:
            return None
        return await self._attempt(host, Request("GET", url, verify=False), WEB_LIMITS)

    async def _permission(self, host: str, group: str) -> None:
        await self._rate_limit.acquire(group)
        if self._pace.requests_per_second is not None:
            await self._rate_limit.acquire_host(host, self._pace.requests_per_second)

    async def fetch(self, url: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        """GET a URL, whatever its certificate: judging that is the work of other modules. A page that an earlier scan
        has kept, and that its server says has not changed, comes from there."""
        page = self.earlier.page(url) if self.earlier and not headers else None
        if self.earlier and page:
            answer = await self.http(Request("GET", url, page.conditions, verify=False))
            restored = await self.earlier.restored(page, answer) if answer.status == 304 else answer
            if restored is not None:
                return restored
        return await self.http(Request("GET", url, headers, verify=False))

    async def ask_provider(self, request: Request, *, about: str, limits: Limits = PROVIDER_LIMITS) -> Response:
        """Ask a service of somebody else about a host in scope: the host itself is sent nothing. The service's
        certificate is verified, and redirects are followed as far as `limits` allows.

        Raises `OutOfScope`, `EgressError`.
        """
        self.require(about)
        return await self._attempt(host_of(request.url), request, limits)

    async def connect(
        self,
        host: str,
        port: int,
        *,
        timeout_seconds: float = 5.0,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
    ) -> Connection:
        """A TCP (or TLS) connection. Raises `OutOfScope`, `EgressError`."""
        self.require(host)
        async with self.halt.interruptible(), self._gate(host, self._pace.connections).passage():
            await self._permission(host, self._rate_group)
            return await self.egress.open_connection(
                host, port, timeout_seconds=timeout_seconds, tls=tls, server_hostname=server_hostname
            )

    async def ask(
        self,
        host: str,
        port: int,
        data: bytes,
        *,
        timeout_seconds: float = 2.0,
        tries: int = 2,
        accepts: Callable[[bytes], bool] = bool,
    ) -> bytes:
        """Send a datagram; the first answer that `accepts` takes. Raises `OutOfScope`, `EgressError`."""
        self.require(host)
        async with self.halt.interruptible(), self._gate(host, self._pace.connections).passage():
            await self._permission(host, self._rate_group)
            return await self.egress.ask(
                host, port, data, timeout_seconds=timeout_seconds, tries=tries, accepts=accepts
            )

    async def query(self, name: str, record_type: str, *, about: str | None = None, dnssec: bool = False) -> Answer:
        """Ask the deployment's resolvers. `about` is the host in scope that the question concerns, where the
        name itself is another (`_dmarc.example.com`, a reverse name); `dnssec` asks for signatures too.
        Raises `OutOfScope`, `EgressError`."""
        self.require(about or name)
        async with self.halt.interruptible():
            await self._rate_limit.acquire("dns")
            return Answer(await self.egress.query(name, record_type, dnssec=dnssec))

    async def query_at(
        self,
        server: Endpoint,
        name: str,
        record_type: str,
        *,
        about: str,
        recursive: bool = False,
        record_class: str = "IN",
    ) -> Answer:
        """Ask one server of the zone `about`. Raises `OutOfScope`, `EgressError`."""
        self.require(about)
        async with self.halt.interruptible():
            await self._rate_limit.acquire("dns")
            message = await self.egress.query_at(
                server, name, record_type, recursive=recursive, record_class=record_class
            )
        return Answer(message)

    async def zone_servers(self, zone: str) -> list[ZoneServer]:
        """The name servers of a zone with their addresses, in order; those that do not resolve are left out.

        A zone whose servers the deployment states is served there and nowhere else.
        """
        stated = self.egress.dns_settings.authoritative(zone)
        names = sorted(name.rstrip(".").lower() for name in (await self.query(zone, "NS")).records("NS"))
        if stated:
            return [ZoneServer(names[0] if names else zone, endpoint) for endpoint in stated] if names else []
        return [server for name in names for server in await self._servers(name, zone)]

    async def transfer(self, server: Endpoint, zone: str) -> list[Message]:
        """A zone transfer (AXFR, RFC 5936): the messages of the answer, empty if it is refused.

        Raises `OutOfScope`, `EgressError`.
        """
        self.require(zone)
        await self._rate_limit.acquire("dns")
        async with await self.egress.open_connection(*server, timeout_seconds=5.0) as connection:
            wire = make_question(zone, "AXFR", recursive=False).to_wire()
            await connection.send(len(wire).to_bytes(2, "big") + wire, 5.0)
            return await _transfer_messages(connection)

    def target_domains(self) -> tuple[str, ...]:
        """The domains that the scan was pointed at, sorted: names below them are in scope."""
        return tuple(sorted({t for t in self._targets if len(target_patterns(t)) > 1}))

    async def resolve(self, host: str) -> list[str]:
        """The addresses of a host in scope. Raises `OutOfScope`, `EgressError`."""
        self.require(host)
        return await self.egress.resolve(host, DNS_PORT)

    async def is_own_machine(self, host: str) -> bool:
        """Whether a host is the machine that the scan runs on: its ports are not the target's, so only those are
        looked at that the scan was pointed at by number. A host that does not resolve is not."""
        try:
            addresses = await self.resolve(host)
        except EgressError:
            return False
        return any(classify(address)[0] is Realm.LOOPBACK for address in addresses)

    async def _servers(self, name: str, zone: str) -> list[ZoneServer]:
        answer = await self.query(name, "A", about=zone)
        return [ZoneServer(name, (address, DNS_PORT)) for address in answer.addresses]

    def _gate(self, host: str, slots: int) -> HostGate:
        key = (host, slots)
        if key not in self._gates:
            self._gates[key] = HostGate(self._pace, slots)
        return self._gates[key]


async def _transfer_messages(connection: Connection) -> list[Message]:
    """The messages up to the closing SOA record."""
    messages: list[Message] = []
    soa_seen, size = 0, 0
    while soa_seen < 2 and size < TRANSFER_BYTES:
        frame = await _bounded_frame(connection)
        message = read_message(frame, in_order=True)
        if message is None or message.rcode() or not message.answer:
            return messages
        size += len(frame)
        messages.append(message)
        soa_seen += sum(rrset.rdtype == SOA for rrset in message.answer)
    return messages


async def _bounded_frame(connection: Connection) -> bytes:
    length = int.from_bytes(await connection.read_exactly(2, 5.0), "big")
    return await connection.read_exactly(length, 5.0)
