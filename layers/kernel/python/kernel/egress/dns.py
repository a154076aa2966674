"""DNS: which servers answer for which names, and a client that asks many questions over few sockets."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from kernel.egress.errors import EgressDenied, EgressProtocolError, EgressTimeout, EgressUnreachable

if TYPE_CHECKING:
    from dns.message import Message

Endpoint = tuple[str, int]
DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """The resolvers of a deployment, and the servers of zones that no resolver knows (a lab, a demo).

    `zones` maps a zone to the servers that are authoritative for it; the longest matching zone wins. An empty
    `nameservers` means the resolvers that the operating system is configured with.
    """

    nameservers: tuple[Endpoint, ...] = ()
    zones: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> DnsSettings:
        """Settings from words such as `9.9.9.9 [2620:fe::fe]:53 lab.test=127.0.0.1:5300`; raises ValueError."""
        nameservers: list[Endpoint] = []
        zones: dict[str, tuple[Endpoint, ...]] = {}
        for word in text.replace(",", " ").split():
            zone, is_zone, server = word.rpartition("=")
            if is_zone:
                name = zone.lower().rstrip(".")
                zones[name] = (*zones.get(name, ()), parse_endpoint(server))
            else:
                nameservers.append(parse_endpoint(server))
        return cls(tuple(nameservers), zones)

    def authoritative(self, name: str) -> tuple[Endpoint, ...]:
        """The servers stated for the zone that `name` lies in, or none."""
        labels = name.lower().rstrip(".").split(".")
        for start in range(len(labels)):
            servers = self.zones.get(".".join(labels[start:]))
            if servers:
                return servers
        return ()

    def servers_for(self, name: str) -> tuple[Endpoint, ...]:
        """The servers to ask about a name. Raises `EgressUnreachable` when the machine has no resolver."""
        return self.authoritative(name) or self.nameservers or system_nameservers()


def parse_endpoint(text: str) -> Endpoint:
    """`1.2.3.4`, `1.2.3.4:5300`, `[::1]:5300` or `::1` as address and port (default 53). Raises ValueError."""
    import ipaddress

    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    return str(ipaddress.ip_address(host)), int(port or DNS_PORT)


def system_nameservers() -> tuple[Endpoint, ...]:
    """The resolvers of the operating system."""
    import dns.resolver

    try:
        servers = dns.resolver.get_default_resolver().nameservers
    except dns.resolver.NoResolverConfiguration as error:
        raise EgressUnreachable("this machine has no DNS resolver configured") from error
    return tuple((str(server), DNS_PORT) for server in servers)


class _UdpChannel(asyncio.DatagramProtocol):
    """Questions to one server over one connected socket; answers are matched by id and question."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[Message, asyncio.Future[Message]]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - asyncio's interface
        waiting = self._waiting.get(int.from_bytes(data[:2], "big"))
        if waiting is None or waiting[1].done():
            return
        answer = read_message(data)
        if answer is not None and waiting[0].is_response(answer):
            waiting[1].set_result(answer)

    def error_received(self, exc: Exception) -> None:
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(EgressUnreachable(f"the DNS server refuses: {exc}"))

    async def ask(self, question: Message, timeout_seconds: float) -> Message:
        """The answer to a question. Raises TimeoutError, `EgressUnreachable`."""
        assert self._transport is not None
        question.id = self._free_id()
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[question.id] = (question, future)
        try:
            self._transport.sendto(question.to_wire())
            async with asyncio.timeout(timeout_seconds):
                return await future
        finally:
            del self._waiting[question.id]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _free_id(self) -> int:
        while (candidate := secrets.randbelow(65536)) in self._waiting:
            pass
        return candidate


def read_message(wire: bytes, *, in_order: bool = False) -> Message | None:
    """A DNS message, or None when the bytes are not one. `in_order` keeps records apart, as a transfer needs."""
    import dns.exception
    import dns.message

    try:
        return dns.message.from_wire(wire, ignore_trailing=True, one_rr_per_rrset=in_order)
    except (dns.exception.DNSException, ValueError):
        return None


class DnsClient:
    """Asks servers, over UDP and over TCP when an answer is cut short. The servers are the caller's choice:
    checking them against a policy is the work of `Egress`."""

    def __init__(self, *, timeout_seconds: float = 2.0, tries: int = 2, concurrency: int = 200) -> None:
        self._timeout = timeout_seconds
        self._tries = tries
        self._slots = asyncio.Semaphore(concurrency)
        self._channels: dict[Endpoint, _UdpChannel] = {}
        self._opening = asyncio.Lock()

    async def query(
        self,
        name: str,
        record_type: str,
        servers: tuple[Endpoint, ...],
        *,
        recursive: bool = True,
        record_class: str = "IN",
    ) -> Message:
        """The first answer that one of the servers gives.

        Raises `EgressTimeout` or `EgressUnreachable` when none answers, `EgressDenied` for a name that is none.
        """
        question = make_question(name, record_type, recursive=recursive, record_class=record_class)
        failure: Exception = EgressTimeout(f"no DNS server answered for {name} {record_type}")
        async with self._slots:
            for _ in range(self._tries):
                for server in servers:
                    try:
                        return await self._ask(question, server)
                    except TimeoutError:
                        continue
                    except (EgressUnreachable, EgressProtocolError, OSError) as error:
                        failure = error
        if isinstance(failure, OSError):
            raise EgressUnreachable(f"DNS is out of reach: {failure}") from failure
        raise failure

    async def _ask(self, question: Message, server: Endpoint) -> Message:
        import dns.flags

        channel = await self._channel(server)
        answer = await channel.ask(question, self._timeout)
        if answer.flags & dns.flags.TC:
            return await ask_over_tcp(question, server, self._timeout)
        return answer

    async def _channel(self, server: Endpoint) -> _UdpChannel:
        async with self._opening:
            if server not in self._channels:
                loop = asyncio.get_running_loop()
                _, channel = await loop.create_datagram_endpoint(_UdpChannel, remote_addr=server)
                self._channels[server] = channel
        return self._channels[server]

    def close(self) -> None:
        """Close the sockets."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()


def make_question(name: str, record_type: str, *, recursive: bool = True, record_class: str = "IN") -> Message:
    """A query message. Raises `EgressDenied` for a name or type that cannot stand in a question."""
    import dns.exception
    import dns.flags
    import dns.message

    try:
        question = dns.message.make_query(name, record_type, record_class, use_edns=0, payload=1232)
    except (dns.exception.DNSException, ValueError) as error:
        raise EgressDenied(f"{name!r} {record_type} cannot be asked: {error}") from error
    if not recursive:
        question.flags &= ~dns.flags.RD
    return question


async def ask_over_tcp(question: Message, server: Endpoint, timeout_seconds: float) -> Message:
    """One question over TCP. Raises TimeoutError, OSError, `EgressProtocolError`."""
    async with asyncio.timeout(timeout_seconds):
        reader, writer = await asyncio.open_connection(*server)
        try:
            wire = question.to_wire()
            writer.write(len(wire).to_bytes(2, "big") + wire)
            answer = read_message(await read_frame(reader))
        finally:
            writer.close()
    if answer is None or not question.is_response(answer):
        raise EgressProtocolError(f"{server[0]} port {server[1]} does not answer as a DNS server")
    return answer


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """One message of DNS over TCP (RFC 1035 section 4.2.2). Raises `EgressProtocolError` at an early end."""
    try:
        length = int.from_bytes(await reader.readexactly(2), "big")
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise EgressProtocolError("the DNS server closed the connection") from error


def addresses_in(answer: Message) -> list[str]:
    """The addresses in an answer, in its order."""
    import dns.rdatatype

    wanted = (dns.rdatatype.A, dns.rdatatype.AAAA)
    return [str(item) for rrset in answer.answer if rrset.rdtype in wanted for item in rrset]
