"""A name server with one zone that it gives away to anybody."""

from __future__ import annotations

import asyncio
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone

ZONE = "demo.palisade.test"
PARENT = "palisade.test"
VERSION = "9.11.4-P2"
TEXT = f"""
$ORIGIN {ZONE}.
$TTL 300
@               IN SOA   ns1 hostmaster 2026010101 3600 900 604800 300
@               IN NS    ns1
@               IN A     127.0.0.1
@               IN MX    10 mail
@               IN TXT   "v=spf1 +all"
ns1             IN A     127.0.0.1
mail            IN A     127.0.0.1
www             IN A     127.0.0.1
intranet        IN A     127.0.0.1
staging         IN CNAME www
shop            IN CNAME storefront.hosting.{PARENT}.
payroll-archive IN A     127.0.0.1
"""
"""`shop` leads to a name that does not exist, `payroll-archive` is in no list of words, there is no DMARC."""


class NameServer:
    """Answers for the zone, and for its parent with nothing; allows transfers; tells its version."""

    def __init__(self) -> None:
        self._zone = dns.zone.from_text(TEXT, ZONE, relativize=False)
        self._origin = dns.name.from_text(ZONE)

    def answers(self, wire: bytes) -> list[bytes]:
        """The messages that answer a question; none when it cannot be read."""
        try:
            question = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return []
        if len(question.question) != 1:
            return [_refusal(question)]
        asked = question.question[0]
        if asked.rdclass == dns.rdataclass.CH:
            return [_version(question, asked.name)]
        if asked.rdtype == dns.rdatatype.AXFR:
            return [self._transfer(question)]
        return [self._answer(question, asked.name, asked.rdtype)]

    def _answer(self, question: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> bytes:
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA
        found = self._records(name, kind)
        alias = self._records(name, dns.rdatatype.CNAME)
        if found is None and alias is not None:
            answer.answer.append(alias)
            found = self._records(alias[0].target, kind)
        if found is not None:
            answer.answer.append(found)
        elif alias is None:
            self._deny(answer, name)
        return answer.to_wire()

    def _deny(self, answer: dns.message.Message, name: dns.name.Name) -> None:
        """No such name, or no such record; names outside are none of this server's business."""
        if not name.is_subdomain(self._origin.parent()):
            answer.set_rcode(dns.rcode.REFUSED)
        elif not name.is_subdomain(self._origin) or name not in self._zone:
            answer.set_rcode(dns.rcode.NXDOMAIN)

    def _records(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
        return self._zone.get_rrset(name, kind) if name.is_subdomain(self._origin) else None

    def _transfer(self, question: dns.message.Message) -> bytes:
        answer = dns.message.make_response(question)
        if question.question[0].name != self._origin:
            return _refusal(question)
        soa = self._zone.find_rrset(self._origin, dns.rdatatype.SOA)
        answer.answer.append(soa)
        for name, rdataset in self._zone.iterate_rdatasets():
            if rdataset.rdtype != dns.rdatatype.SOA:
                answer.answer.append(dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)))
        answer.answer.append(soa)
        return answer.to_wire()


class UdpDoor(asyncio.DatagramProtocol):
    """DNS over UDP."""

    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        for wire in self._server.answers(data):
            if self._transport is not None:
                self._transport.sendto(wire, addr)


async def tcp_door(server: NameServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """DNS over TCP: questions until the other side is done."""
    try:
        while True:
            length = int.from_bytes(await reader.readexactly(2), "big")
            for wire in server.answers(await reader.readexactly(length)):
                writer.write(len(wire).to_bytes(2, "big") + wire)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _version(question: dns.message.Message, name: dns.name.Name) -> bytes:
    answer = dns.message.make_response(question)
    if name == dns.name.from_text("version.bind"):
        answer.answer.append(dns.rrset.from_text(name, 0, "CH", "TXT", f'"{VERSION}"'))
    return answer.to_wire()


def _refusal(question: dns.message.Message) -> bytes:
    answer = dns.message.make_response(question)
    answer.set_rcode(dns.rcode.REFUSED)
    return answer.to_wire()
