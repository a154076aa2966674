"""DNS: which servers answer for which names, and a client that asks many questions over few sockets."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel.egress.errors import EgressDenied, EgressProtocolError, EgressTimeout, EgressUnreachable
from kernel.egress.meter import Meter

if TYPE_CHECKING:
    from dns.message import Message

Endpoint = tuple[str, int]
DNS_PORT = 53
QUESTIONS_OF_PORT = 1000
"""Asked from one port before another takes its place: who forges answers must guess the port and the id anew."""
RECEIVE_BUFFER = 1024 * 1024
"""Bytes; the kernel gives what its own limit allows."""
READS_AT_ONCE = 64
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


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


class _UdpChannel:
    """Questions to one server from one port; answers are matched by id and question.

    The socket is connected, so that the kernel drops what others send. It is read until it is empty, and its buffer
    holds what comes for all questions in flight: asyncio's own datagrams lose some of a burst.
    """

    def __init__(self, server: Endpoint) -> None:
        self._waiting: dict[int, tuple[Message, asyncio.Future[Message]]] = {}
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self._asked = 0
        self._is_retired = False
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            self._socket.connect(server)
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket, self._read)

    @property
    def is_worn(self) -> bool:
        """Whether so many questions left from this port that the next one should leave from another."""
        return self._asked >= QUESTIONS_OF_PORT

    async def ask(self, question: Message, timeout_seconds: float) -> Message:
        """The answer to a question. Raises TimeoutError, OSError, `EgressUnreachable`."""
        self._asked += 1
        question.id = self._free_id()
        future: asyncio.Future[Message] = self._loop.create_future()
        self._waiting[question.id] = (question, future)
        try:
            with contextlib.suppress(BlockingIOError):  # a full buffer loses the question; it is asked again
                self._socket.send(question.to_wire())
            async with asyncio.timeout(timeout_seconds):
                return await future
        finally:
            del self._waiting[question.id]
            if self._is_retired and not self._waiting:
                self.close()

    def retire(self) -> None:
        """Ask nothing more; close when the last question is answered."""
        self._is_retired = True
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """Close the socket."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        """Take what has come, a bounded number of datagrams at a time."""
        for _ in range(READS_AT_ONCE):
            try:
                self._take(self._socket.recv(65535))
            except BlockingIOError:
                return
            except OSError as error:
                self._fail(EgressUnreachable(f"the DNS server refuses: {error}"))
                return

    def _take(self, data: bytes) -> None:
        waiting = self._waiting.get(int.from_bytes(data[:2], "big"))
        if waiting is None or waiting[1].done():
            return
        answer = read_message(data)
        if answer is not None and waiting[0].is_response(answer):
            waiting[1].set_result(answer)

    def _fail(self, error: EgressUnreachable) -> None:
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(error)

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

    def __init__(
        self, *, timeout_seconds: float = 2.0, tries: int = 2, concurrency: int = 200, meter: Meter | None = None
    ) -> None:
        self._timeout = timeout_seconds
        self._tries = tries
        self._meter = meter or Meter()
        self._slots = asyncio.Semaphore(concurrency)
        self._channels: dict[Endpoint, _UdpChannel] = {}

    async def query(
        self,
        name: str,
        record_type: str,
        servers: tuple[Endpoint, ...],
        *,
        recursive: bool = True,
        record_class: str = "IN",
        dnssec: bool = False,
    ) -> Message:
        """The first answer that one of the servers gives.

        Raises `EgressTimeout` or `EgressUnreachable` when none answers, `EgressDenied` for a name that is none.
        """
        question = make_question(name, record_type, recursive=recursive, record_class=record_class, dnssec=dnssec)
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

        answer = await self._channel(server).ask(question, self._timeout)
        if answer.flags & dns.flags.TC:
            return await ask_over_tcp(question, server, self._timeout)
        return answer

    def _channel(self, server: Endpoint) -> _UdpChannel:
        channel = self._channels.get(server)
        if channel is None or channel.is_worn:
            self._channels[server] = _UdpChannel(server)
            if channel is not None:
                channel.retire()
        return self._channels[server]

    def close(self) -> None:
        """Close the sockets."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()


def make_question(
    name: str, record_type: str, *, recursive: bool = True, record_class: str = "IN", dnssec: bool = False
) -> Message:
    """A query message. With `dnssec` it asks for signatures, and for answers that the resolver itself would refuse
    (RFC 4035 section 3.2). Raises `EgressDenied` for a name or type that cannot stand in a question."""
    import dns.exception
    import dns.flags
    import dns.message

    try:
        question = dns.message.make_query(name, record_type, record_class, use_edns=0, payload=1232, want_dnssec=dnssec)
    except (dns.exception.DNSException, ValueError) as error:
        raise EgressDenied(f"{name!r} {record_type} cannot be asked: {error}") from error
    if _is_number(question.question[0].name.to_text(omit_final_dot=True)):
        raise EgressDenied(f"{name!r} is a spelling of an address and no name")
    if not recursive:
        question.flags &= ~dns.flags.RD
    if dnssec:
        question.flags |= dns.flags.CD
    return question


def _is_number(name: str) -> bool:
    """Whether a name, with its letters as DNS has them, can be read as an address: no top-level domain is a number."""
    return ":" in name or _NUMBER.fullmatch(name.rpartition(".")[2]) is not None


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
