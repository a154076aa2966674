"""Services over UDP: Net-SNMP, chrony, Unbound, dnsmasq and BIND, and answers that are none."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.observations import Invasiveness
from functions.collection.engine import BatchResult
from functions.collection.modules.dns_server import DnsServer
from functions.collection.modules.snmp_communities import SnmpCommunities
from functions.collection.modules.udp_probe import READ_VARIABLES, UdpProbe
from functions.collection.snmp import answer, discovery, engine, question
from tests.collection import daemons
from tests.collection.servers import named
from tests.collection.world import observed, run, values
from tests.kernel.test_egress_datagrams import udp_server

NOWHERE = {"dns_ports": [], "ntp_ports": [], "snmp_ports": [], "own_machine": True, "timeout_seconds": 0.5}


async def probe(**ports: list[int]) -> BatchResult:
    return await run(UdpProbe(), observed("ip", "127.0.0.1"), config={**NOWHERE, **ports})


def checks(result: BatchResult) -> set[str]:
    return {o.attributes["check"] for o in result.observations if "check" in o.attributes}


async def test_an_agent_is_found_without_a_name(tmp_path: Path) -> None:
    with daemons.snmpd(tmp_path, "nobody-knows-this") as port:
        result = await probe(snmp_ports=[port])
    assert values(result, "service") == [f"snmp://127.0.0.1:{port}"]
    assert checks(result) == {"snmp-reachable"}
    assert next(o.attributes["maker"] for o in result.observations if o.type == "metadata") == "Net-SNMP"


async def test_a_clock_is_found(tmp_path: Path) -> None:
    with daemons.chronyd(tmp_path) as port:
        result = await probe(ntp_ports=[port])
    assert values(result, "service") == [f"ntp://127.0.0.1:{port}"]
    assert next(o.attributes for o in result.observations if o.type == "metadata")["stratum"] == 8
    assert checks(result) == set(), "chrony answers no control questions"


async def test_a_clock_that_answers_control_questions_is_a_weakness() -> None:
    def clock(data: bytes) -> list[bytes]:
        if data == READ_VARIABLES:
            return [b"\x16\x82\x00\x01" + bytes(8) + b'version="ntpd 4.2.6"']
        return [b"\x24\x02" + bytes(22) + data[40:48] + bytes(16)]

    async with udp_server(clock) as (port, _):
        result = await probe(ntp_ports=[port])
    assert checks(result) == {"ntp-control"}


async def test_name_servers_are_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with daemons.unbound(tmp_path / "a") as one, daemons.dnsmasq(tmp_path / "b") as two:
        result = await probe(dns_ports=[one, two])
    assert set(values(result, "service")) == {f"dns://127.0.0.1:{port}" for port in (one, two)}


async def test_a_found_name_server_is_looked_at(tmp_path: Path) -> None:
    with daemons.unbound(tmp_path, "identity: inside-7") as port:
        result = await run(DnsServer(), observed("service", f"dns://127.0.0.1:{port}"))
    assert checks(result) == {"open-resolver", "dns-version-disclosed", "dns-server-name-disclosed"}
    assert values(result, "software")[0].startswith("cpe:2.3:a:nlnetlabs:unbound:1.")


async def test_a_name_server_that_hides_is_no_weakness(tmp_path: Path) -> None:
    quiet = ("hide-version: yes", "hide-identity: yes", "access-control: 127.0.0.1/32 refuse")
    with daemons.unbound(tmp_path, *quiet) as port:
        result = await run(DnsServer(), observed("service", f"dns://127.0.0.1:{port}"))
    assert checks(result) == set()


async def test_dnsmasq_tells_its_version(tmp_path: Path) -> None:
    with daemons.dnsmasq(tmp_path) as port:
        result = await run(DnsServer(), observed("service", f"dns://127.0.0.1:{port}"))
    assert "dns-version-disclosed" in checks(result)
    assert values(result, "software")[0].startswith("cpe:2.3:a:thekelleys:dnsmasq:2.")


async def test_a_server_for_its_own_zones_alone_resolves_for_nobody(tmp_path: Path) -> None:
    with named(tmp_path) as port:
        result = await run(DnsServer(), observed("service", f"dns://127.0.0.1:{port}"))
    assert checks(result) == set()


async def test_the_scanners_own_machine_is_left_alone_unless_asked_for() -> None:
    async with udp_server(lambda data: [data]) as (port, echo):
        config = {**NOWHERE, "ntp_ports": [port], "own_machine": False}
        result = await run(UdpProbe(), observed("ip", "127.0.0.1"), config=config)
    assert (result.observations, echo.askers) == ([], [])


async def test_answers_that_are_none_are_no_services() -> None:
    async def look(said: bytes) -> BatchResult:
        async with udp_server(lambda _data: [said] * 5) as (port, _):
            return await probe(dns_ports=[port], ntp_ports=[port], snmp_ports=[port])

    answers = (b"", b"\x00", b"garbage" * 1000, b"\x30\x82\xff\xff", b"0" * 60_000)
    for result in await asyncio.gather(*(look(said) for said in answers)):
        assert (result.observations, result.stats.failed) == ([], 0)


async def test_common_names_are_tried_and_one_is_accepted(tmp_path: Path) -> None:
    with daemons.snmpd(tmp_path, "private") as port:
        result = await run(SnmpCommunities(), observed("service", f"snmp://127.0.0.1:{port}"), config=FAST)
    assert checks(result) == {"snmp-default-community"}
    evidence = next(o.attributes["evidence"] for o in result.observations if o.type == "vulnerability")
    assert evidence["communities"] == ["private (version 1)", "private (version 2c)"]
    assert evidence["system"]["name"] == "palisade-test"


FAST = {"timeout_seconds": 0.2}


async def test_an_agent_with_a_name_of_its_own_is_silent(tmp_path: Path) -> None:
    with daemons.snmpd(tmp_path, "nobody-knows-this") as port:
        result = await run(SnmpCommunities(), observed("service", f"snmp://127.0.0.1:{port}"), config=FAST)
    assert (result.observations, result.stats.failed) == ([], 0)


async def test_a_name_of_the_tenants_own_is_not_shown(tmp_path: Path) -> None:
    config = {**FAST, "communities": ["ours-alone"], "versions": ["2c"]}
    with daemons.snmpd(tmp_path, "ours-alone") as port:
        result = await run(SnmpCommunities(), observed("service", f"snmp://127.0.0.1:{port}"), config=config)
    assert checks(result) == {"snmp-default-community"}
    assert "ours-alone" not in str([o.attributes for o in result.observations])


async def test_guesses_are_few_and_bounded_in_time() -> None:
    began = time.monotonic()
    async with udp_server(lambda _data: []) as (port, echo):
        await run(SnmpCommunities(), observed("service", f"snmp://127.0.0.1:{port}"), config={"timeout_seconds": 0.05})
    assert len(echo.askers) == 12
    assert time.monotonic() - began < 5
    with pytest.raises(ValidationError):
        SnmpCommunities.config.model_validate({"communities": [str(n) for n in range(21)]})


def test_guessing_is_intrusive() -> None:
    assert SnmpCommunities.face.invasiveness is Invasiveness.INTRUSIVE
    assert UdpProbe.face.invasiveness is Invasiveness.ACTIVE


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_none(wire: bytes) -> None:
    asked, discovered = question("2c", "public"), discovery()
    assert answer(asked, wire) is None
    assert engine(discovered, wire) is None


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_damaged_answer_never_raises(at: int, value: int) -> None:
    for wire in (question("1", "public"), discovery()):
        damaged = bytearray(wire)
        damaged[at % len(damaged)] = value
        answer(wire, bytes(damaged))
        engine(wire, bytes(damaged))
