"""Services that a domain announces, and the names that products ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.dns_facts import records_of, texts
from functions.collection.endpoints import endpoint
from functions.collection.module import Config, Context, Found, Module
from functions.collection.session import Answer
from kernel.egress import EgressError

TCP = (
    "afpovertcp", "autodiscover", "caldav", "caldavs", "carddav", "carddavs", "ceph-mon", "etcd-client",
    "etcd-client-ssl", "etcd-server", "etcd-server-ssl", "ftp", "gc", "h323cs", "http", "https", "imap", "imaps",
    "jabber", "kerberos", "kerberos-adm", "kpasswd", "ldap", "ldaps", "matrix", "matrix-fed", "minecraft",
    "mongodb", "mqtt", "nfs", "pgpkey-http", "pop3", "pop3s", "puppet", "rdp", "sieve", "sip", "sipfederationtls",
    "sips", "smtp", "smtps", "ssh", "stun", "stuns", "submission", "submissions", "turn", "turns", "vlmcs",
    "x-puppet", "xmpp-client", "xmpp-server", "xmpps-client",
)  # fmt: skip
UDP = ("h323ls", "kerberos", "kpasswd", "mumble", "ntp", "sip", "stun", "ts3", "turn")
NAMES = (
    "_adsp._domainkey", "_dmarc", "_domainkey", "_mta-sts", "_smtp._tls", "autoconfig", "autodiscover", "cpanel",
    "default._bimi", "enterpriseenrollment", "enterpriseregistration", "lyncdiscover", "meet", "mta-sts", "msoid",
    "openpgpkey", "sip", "webmail", "wpad",
)  # fmt: skip
LIMIT = 500


class SrvRecordsConfig(Config):
    """What is asked for."""

    services: Annotated[
        tuple[Annotated[str, Field(pattern=r"^_[A-Za-z0-9-]{1,62}\._[A-Za-z]{1,10}$")], ...],
        Field(max_length=LIMIT, description="Services such as `_ldap._tcp`, beside the common ones."),
    ] = ()
    names: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")], ...],
        Field(max_length=LIMIT, description="Names below the domain, beside the common ones."),
    ] = ()


@dataclass(frozen=True, slots=True)
class Announced:
    """Answers to questions for SRV records, and for what stands at common names."""

    services: list[Answer]
    names: dict[str, list[Answer]]


class SrvRecords(Module[Announced]):
    """Asks for the SRV records (RFC 2782) of common services, and for common names that carry settings."""

    face = ModuleFace(
        name="srv_records",
        version="1.0.0",
        summary="Finds services that a domain announces by SRV records and well-known names",
        consumes=(ObservationType.DOMAIN,),
        produces=(ObservationType.DNS_RECORD, ObservationType.HOST, ObservationType.PORT),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="dns",
        batch_size=32,
        concurrency=4,
        data_source="DNS",
        oracle="dig",
    )
    config = SrvRecordsConfig

    async def get(self, observation: Observation, context: Context) -> Announced:
        """The answers that hold something; what the zone says about any name at all is left out."""
        zone, config = observation.value, context.config
        services = dict.fromkeys((*(f"_{s}._tcp" for s in TCP), *(f"_{s}._udp" for s in UDP), *config.services))
        asked = [(f"{service}.{zone}", "SRV") for service in services]
        names = dict.fromkeys((*NAMES, *config.names))
        asked += [(f"{name}.{zone}", kind) for name in names for kind in _kinds(name)]
        usual = await _said([(f"_palisade-{kind.lower()}.{zone}", kind) for kind in ("SRV", "TXT", "A")], zone, context)
        known = {text for _, answer in usual for text in _data(answer)}
        said = [(name, answer) for name, answer in await _said(asked, zone, context) if set(_data(answer)) - known]
        found: dict[str, list[Answer]] = {}
        for name, answer in said:
            if not answer.records("SRV"):
                found.setdefault(name, []).append(answer)
        return Announced([answer for _, answer in said if answer.records("SRV")], found)

    def transform(self, observation: Observation, raw: Announced) -> Iterable[Found]:
        """The records, the hosts that they name, and the ports that they promise."""
        for answer in raw.services:
            for found in records_of(answer, "SRV"):
                yield found
                _, _, port, target = str(found.attributes["data"]).split()
                if target != ".":
                    host = target.rstrip(".").lower()
                    yield Found(ObservationType.HOST, host, {"role": "service"}, parent=found)
                    if _is_tcp(str(found.attributes["name"])):
                        promised = {"protocol": "tcp", "announced": found.attributes["name"]}
                        yield Found(ObservationType.PORT, endpoint(host, int(port)), promised, 0.6, parent=found)
        for name, answers in raw.names.items():
            for answer in answers:
                yield from records_of(answer, "A", "AAAA", "CNAME", "TXT")
            if any(answer.addresses or answer.aliases for answer in answers):
                yield Found(ObservationType.HOST, name)


def _kinds(name: str) -> tuple[str, ...]:
    """Names with an underscore carry texts, the others addresses."""
    return ("TXT",) if "_" in name else ("A",)


def _is_tcp(name: str) -> bool:
    return "._tcp." in name


def _data(answer: Answer) -> list[str]:
    return [*answer.records("SRV"), *texts(answer), *answer.addresses, *answer.aliases]


async def _said(asked: list[tuple[str, str]], zone: str, context: Context) -> list[tuple[str, Answer]]:
    """Names with the answers that exist, in the order asked."""

    async def ask(name: str, kind: str) -> tuple[str, Answer] | None:
        try:
            return name, await context.session.query(name, kind, about=zone)
        except EgressError as error:
            context.log.debug("%s %s: %s", name, kind, error)
            return None

    answers = await asyncio.gather(*(ask(*question) for question in asked))
    return [each for each in answers if each and each[1].rcode == "NOERROR" and _data(each[1])]
