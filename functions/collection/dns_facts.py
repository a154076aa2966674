"""DNS records as facts, the same from every module that sees one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.observations import ObservationType, canonical_host
from functions.collection.module import Found
from functions.collection.session import Answer

if TYPE_CHECKING:
    from dns.message import Message

MAX_DATA = 2000


def record(name: str, record_type: str, data: str, ttl: int = 0) -> Found:
    """A `dns_record` fact: `www.example.com A 192.0.2.1`."""
    name = canonical_host(name)
    attributes = {"name": name, "type": record_type, "data": data[:MAX_DATA], "ttl": ttl, "asset": name}
    return Found(ObservationType.DNS_RECORD, f"{name} {record_type} {data[:MAX_DATA]}", attributes)


def records_of(answer: Answer, *record_types: str) -> list[Found]:
    """The answer's records of some types, or of all, with their owner names."""
    return records_in(answer.message, *record_types)


def records_in(message: Message, *record_types: str) -> list[Found]:
    """The records in a message's answer section."""
    import dns.rdatatype

    found: list[Found] = []
    for rrset in message.answer:
        kind = dns.rdatatype.to_text(rrset.rdtype)
        if not record_types or kind in record_types:
            found.extend(record(rrset.name.to_text(), kind, item.to_text(), rrset.ttl) for item in rrset)
    return found


def texts(answer: Answer) -> list[str]:
    """TXT records with their strings joined, as SPF, DKIM and DMARC read them (RFC 7208 section 3.3)."""
    import dns.rdatatype

    found: list[str] = []
    for rrset in answer.message.answer:
        if rrset.rdtype == dns.rdatatype.TXT:
            found.extend(b"".join(item.strings).decode("utf-8", "replace") for item in rrset)
    return found
