"""What must never be dialled, handed to every module as if it were a fact in scope: nothing leaves the machine,
nothing is raised, and the log says why."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from contracts.scope import Scope, ScopeProof, host_of
from functions.collection.engine import Batch, BatchResult, run_batch
from functions.collection.modules import all_modules
from functions.collection.reader import BatchLimits
from functions.collection.session import Session
from kernel.egress import DnsSettings, Egress, Limits, Policy
from tests.collection.world import AT, SCAN, MemoryBlobs, observed
from tests.kernel.egress_servers import Zone, dns_server, sinkhole

HOSTS = (
    "2130706433", "0x7f000001", "017700000001", "127.1", "0", "①②⑦.⓪.⓪.①", "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fd00:ec2::254", "127.0.0.1:9001", "169.254.169.254", "0.0.0.0",
    "127.0.0.1", "::1", "10.0.0.1", "224.0.0.1", "mixed.example.test", "0.0.0.0/0", "own.example.test",
    "a b", "-oN/tmp/x", "a\x00b.test", "a\r\nb.test", "x" * 300, "‮evil.test", "..", "[", "]:80", "%00", "a@b@c",
)  # fmt: skip
URLS = (
    "file:///proc/self/environ", "gopher://127.0.0.1:70/_x", "http://example.test@169.254.169.254/",
    "http://127.0.0.1:9001/", "http://0x7f000001/", "http://[::ffff:169.254.169.254]/", "http://127.1/", "http://①②⑦.⓪.⓪.①/",
    "http://mixed.example.test/", "http://own.example.test/", "http://[", "http://", "http:///x", "http://a\\@127.0.0.1/",
    "http://user:@10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "//127.0.0.1/",
    "javascript:alert(1)",
)  # fmt: skip
SCHEMES = (
    "http", "https", "ssh", "smtp", "ftp", "imap", "pop3", "redis", "memcached", "ldap", "mqtt", "smb", "snmp", "dns",
    "tls", "ntp",
)  # fmt: skip
NAMES = frozenset({"domain", "host", "ip", "cidr", "mail_server"})
PAGES = frozenset({"url", "http_response", "web_form", "web_param", "file"})
MIXED = ("93.184.215.14", "10.0.0.1")
"""An address outside beside one inside: refused as a whole, so that the one outside is never dialled either."""


SENDING = ("connect", "connect_ex", "sendto", "sendmsg")
"""The methods of a socket that name where they send to."""
ASKING = ((socket, "getaddrinfo"), (socket, "gethostbyname"), (subprocess, "Popen"), (os, "posix_spawn"))


@contextlib.contextmanager
def departures(*allowed: tuple[str, int]) -> Iterator[list[tuple[str, str]]]:
    """Every connection, datagram, look-up and program that Python begins, but for the places that are `allowed`.

    An audit hook would tell the same and stay for the life of the process, a burden on all that it does.
    """
    seen: list[tuple[str, str]] = []

    def is_the_name_servers() -> bool:
        return "process_request" in threading.current_thread().name  # it answers in threads of its own

    def sending(name: str) -> Any:
        send = getattr(socket.socket, name)

        def watched(one: socket.socket, *arguments: Any, **options: Any) -> Any:
            address = next((each for each in arguments if isinstance(each, tuple)), None)
            if address and address[:2] not in allowed and one.family != socket.AF_UNIX and not is_the_name_servers():
                seen.append((f"socket.{name}", str(address)))
            return send(one, *arguments, **options)

        return watched

    def asking(name: str, ask: Any) -> Any:
        def watched(*arguments: Any, **options: Any) -> Any:
            if not is_the_name_servers():
                seen.append((name, str(arguments[:1])))
            return ask(*arguments, **options)

        return watched

    with pytest.MonkeyPatch.context() as patch:
        for name in SENDING:
            patch.setattr(socket.socket, name, sending(name))
        for place, name in ASKING:
            patch.setattr(place, name, asking(name, getattr(place, name)))
        yield seen


def facts_of(face: ModuleFace, value: str) -> list[Observation]:
    """A bad value in the clothes of every type of fact that a module takes."""
    made: list[str] = []
    for kind in face.consumes:
        if kind in NAMES:
            made += [f"{kind} {value}"]
        elif kind == ObservationType.PORT:
            made += [f"{kind} {value}", f"{kind} {value}:80", f"{kind} [{value}]:80"]
        elif kind == ObservationType.SERVICE:
            made += [f"{kind} {scheme}://{value}:80" for scheme in SCHEMES]
        elif kind in PAGES:
            made += [f"{kind} {value if '://' in value else f'http://{value}/'}"]
    facts = (observed(*text.split(" ", 1)) for text in made)
    return [fact for fact in facts if re.search(face.matching, fact.value)]


@pytest.mark.parametrize("name", sorted(all_modules()))
async def test_bad_targets_and_urls_are_refused_with_a_word(name: str) -> None:
    module = all_modules()[name]
    facts = [fact for value in (*HOSTS, *URLS) for fact in facts_of(module.face, value)]
    with dns_server(Zone(MIXED)) as dns_port:
        resolver = ("127.0.0.1", dns_port)
        with departures(resolver) as left:
            result, watching = await attempt(name, facts, resolver)
    assert left == []
    faults = [entry for entry in result.log if entry.level == "error" and not is_unreadable(entry.value)]
    assert faults == []
    if watching.asked and module.face.invasiveness is not Invasiveness.PASSIVE:
        assert result.log, "a refusal is explained"


def is_unreadable(value: str) -> bool:
    """Whether a fact's value is no URL at all: no reader of pages makes such a fact, and a module may fail at it."""
    try:
        return urlsplit(value).port == 0
    except ValueError:
        return True


class Watching(Session):
    """Counts how often a module asked whether it may send."""

    asked = 0

    def require(self, host: str) -> ScopeProof:
        self.asked += 1
        return super().require(host)


async def attempt(name: str, facts: list[Observation], resolver: tuple[str, int]) -> tuple[BatchResult, Watching]:
    """Run a module in a deployment for the public internet, with every bad value among the targets."""
    targets = tuple(dict.fromkeys(host_of(fact.value) or "-" for fact in facts))
    policy = Policy.public(own_hosts=["own.example.test"])
    limits = Limits(connect_seconds=1.0, total_seconds=2.0)
    async with Egress(policy, dns=DnsSettings(nameservers=(resolver,)), limits=limits) as egress:
        watching = Watching(egress, Scope(), targets)
        result = await run_batch(
            all_modules()[name](),
            Batch(SCAN, facts, None),
            session=watching,
            blobs=MemoryBlobs(),
            deadline=time.monotonic() + 60,
            limits=BatchLimits(observation_seconds=10.0),
            now=lambda: AT,
        )
        return result, watching


@pytest.mark.parametrize("name", sorted(all_modules()))
async def test_the_deployments_own_ports_are_never_touched(name: str) -> None:
    """Loopback is open, as on a laptop; what the deployment itself listens on there is not."""
    module = all_modules()[name]
    async with sinkhole() as hole:
        policy = Policy.scanning(loopback=True, own_ports=[hole.port])
        places = [f"127.0.0.1:{hole.port}", f"http://127.0.0.1:{hole.port}/"]
        facts = [fact for place in places for fact in own_facts(module.face, place)]
        async with Egress(policy, dns=DnsSettings(nameservers=(("127.0.0.1", hole.port),))) as egress:
            result = await run_batch(
                module(),
                Batch(SCAN, facts, None),
                session=Session(egress, Scope(), ("127.0.0.1",)),
                blobs=MemoryBlobs(),
                deadline=time.monotonic() + 30,
                limits=BatchLimits(observation_seconds=10.0),
                now=lambda: AT,
            )
        assert hole.touched == 0
    assert result.stats.failed == 0, result.log


def own_facts(face: ModuleFace, place: str) -> list[Observation]:
    """Only what names the port itself."""
    kinds = {ObservationType.PORT, ObservationType.SERVICE, *PAGES} & set(face.consumes)
    facts = []
    for kind in sorted(kinds):
        if kind == ObservationType.SERVICE:
            facts += [observed(kind, f"{scheme}://{place}") for scheme in SCHEMES if "://" not in place]
        elif (kind in PAGES) == ("://" in place):
            facts.append(observed(kind, place))
    return [fact for fact in facts if re.search(face.matching, fact.value)]


async def test_the_watch_sees_what_leaves() -> None:
    """The canary: a module that dials is seen."""
    async with sinkhole() as hole:
        with departures() as left:
            async with Egress(Policy.scanning(loopback=True)) as egress:
                outside = Session(egress, Scope(), ("127.0.0.1",))
                async with await outside.connect("127.0.0.1", hole.port):
                    pass
        assert left == [("socket.connect", str(("127.0.0.1", hole.port)))]
