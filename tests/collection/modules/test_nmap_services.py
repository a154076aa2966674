"""nmap as a module: real servers named, one checked address handed over, and nothing believed unread."""

from __future__ import annotations

import asyncio
import time
from logging import getLogger
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.collection.module import Context
from functions.collection.modules import nmap_services
from functions.collection.modules.nmap_services import (
    MAX_LINE,
    SYSTEM_PACKETS,
    TLS_BYTES,
    NmapServices,
    NmapServicesConfig,
    Traffic,
    arguments,
    parse,
)
from kernel.egress import EgressDenied, EgressProtocolError, Meter, Policy
from tests.collection import daemons
from tests.collection.servers import free_port, nginx, program, sshd
from tests.collection.world import MemoryBlobs, observed, run, session, values
from tests.kernel.egress_servers import certificate, sinkhole

XML = '<nmaprun><host><ports><port portid="80"><state state="{state}"/>{service}</port></ports></host></nmaprun>'


@pytest.fixture(autouse=True)
def _nmap() -> None:
    program("nmap", "nmap")


async def test_servers_are_named_with_their_software(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    web = free_port()
    certificate(tmp_path, "localhost")
    keys = f"ssl_certificate {tmp_path}/localhost.pem; ssl_certificate_key {tmp_path}/localhost.pem;"
    with (
        sshd(tmp_path / "a") as (ssh, _),
        daemons.redis(tmp_path / "b") as redis,
        nginx(tmp_path / "c", f"server {{ listen 127.0.0.1:{web} ssl; {keys} root {{root}}; }}"),
    ):
        ports = [observed("port", f"127.0.0.1:{port}") for port in (ssh, redis, web)]
        result = await run(NmapServices(), *ports)
    assert result.log == []
    assert set(values(result, "service")) == {
        f"ssh://127.0.0.1:{ssh}", f"redis://127.0.0.1:{redis}", f"https://127.0.0.1:{web}",
    }  # fmt: skip
    software = {value.split(":")[4] for value in values(result, "software")}
    assert {"openssh", "nginx"} <= software
    assert values(result, "metadata") == ["system:127.0.0.1"]


async def test_what_nmap_sends_and_receives_counts_for_the_budget(tmp_path: Path) -> None:
    with sshd(tmp_path) as (ssh, _):
        async with session("127.0.0.1") as outside, await outside.connect("127.0.0.1", ssh):
            ours = outside.meter.packets
        async with session("127.0.0.1") as outside:
            context = Context(NmapServicesConfig(), outside, MemoryBlobs(), time.monotonic() + 60, getLogger())
            found = await NmapServices().get(observed("port", f"127.0.0.1:{ssh}"), context)
            meter = outside.meter
    assert found is not None
    assert found.name == "ssh"
    assert meter.packets >= ours + 3 + 3 + 1, "its look at the port, its connection, the greeting"
    assert meter.bytes >= len("SSH-2.0-OpenSSH")


TRACE = b"""NSOCK INFO [0.4690s] nsock_connect_tcp(): TCP connection requested to 127.0.0.1:80 (IOD #1) EID 8
NSOCK INFO [0.4690s] nsock_trace_handler_callback(): Callback: CONNECT SUCCESS for EID 8 [127.0.0.1:80]
NSOCK INFO [6.4740s] nsock_write(): Write request for 18 bytes to IOD #1 EID 27 [127.0.0.1:80]
NSOCK INFO [6.4740s] nsock_trace_handler_callback(): Callback: READ SUCCESS for EID 58 [127.0.0.1:80] (2920 bytes)
NSOCK INFO [6.4790s] nsock_trace_handler_callback(): Callback: READ SUCCESS for EID 58 [127.0.0.1:80] (9 bytes): (7 b)
NSOCK INFO [6.4790s] nsock_connect_ssl(): SSL connection requested to 127.0.0.1:80/tcp (IOD #2) EID 9
said NSOCK INFO [6.4790s] nsock_write(): Write request for 9999 bytes to IOD #1 EID 27 [127.0.0.1:80]
"""


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_the_trace_is_counted_however_it_comes(size: int) -> None:
    meter = Meter()
    traffic = Traffic(meter)
    for start in range(0, len(TRACE), size):
        traffic.feed(TRACE[start : start + size])
    assert meter.bytes == 18 + 2920 + 9 + TLS_BYTES
    assert meter.packets == 3 + 1 + 2 + 1 + 3 + -(-TLS_BYTES // 1460)


@given(st.binary(max_size=3 * MAX_LINE))
def test_any_trace_is_counted_or_left_out(trace: bytes) -> None:
    traffic = Traffic(Meter())
    traffic.feed(trace * 3)
    traffic.feed(b"\n")


def test_guessing_the_system_is_counted() -> None:
    meter = Meter()
    Traffic(meter).begins(looks_at_system=True)
    assert meter.packets == 3 + SYSTEM_PACKETS


async def test_a_closed_port_is_no_service() -> None:
    result = await run(NmapServices(), observed("port", f"127.0.0.1:{free_port()}"))
    assert (result.observations, result.stats.failed) == ([], 0)
    assert result.log[0].level == "info"


async def test_without_nmap_the_log_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    async with sinkhole() as hole:
        result = await run(NmapServices(), observed("port", f"127.0.0.1:{hole.port}"))
        assert hole.touched == 0
    assert (result.observations, result.stats.failed) == ([], 0)
    assert "nmap is not installed here" in result.log[0].message


@pytest.mark.parametrize(
    "value",
    ["10.0.0.1:80", "elsewhere.test:80", "-oN/tmp/x:80", "127.0.0.1 -p1-65535:80", "169.254.169.254:80", "0:80"],
)
async def test_nmap_never_runs_for_what_the_session_refuses(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection comes first, with its proof of scope and the policy; nmap gets the address that it led to."""
    ran: list[list[str]] = []

    async def note(command: list[str], seconds: float, traffic: Traffic) -> bytes:
        ran.append(command)
        return b""

    monkeypatch.setattr(nmap_services, "_output", note)
    result = await run(NmapServices(), observed("port", value), targets=("127.0.0.1", "169.254.169.254"))
    assert (ran, result.observations, result.stats.failed) == ([], [], 0)
    assert result.log


async def test_a_policy_that_shuts_loopback_keeps_nmap_away() -> None:
    async with sinkhole() as hole, session("127.0.0.1", policy=Policy.public()) as outside:
        with pytest.raises(EgressDenied):
            await outside.connect("127.0.0.1", hole.port)
        assert hole.touched == 0


@pytest.mark.parametrize("address", ["--script=all", "127.0.0.1/8", "localhost", "127.1", "", "::1%lo"])
def test_only_an_address_stands_on_the_command_line(address: str) -> None:
    with pytest.raises(EgressDenied):
        arguments("nmap", address, 80, NmapServicesConfig())


def test_the_command_resolves_and_pings_nothing() -> None:
    command = arguments("/usr/bin/nmap", "192.0.2.1", 443, NmapServicesConfig())
    assert {"-Pn", "-n", "-sT"} <= set(command)
    assert command[-4:] == ["-p", "443", "--", "192.0.2.1"]
    assert "-6" in arguments("nmap", "2001:db8::1", 443, NmapServicesConfig())


async def test_a_program_without_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    endless, silent = tmp_path / "endless", tmp_path / "silent"
    endless.write_text("#!/bin/sh\nexec yes\n")
    silent.write_text("#!/bin/sh\nsleep 27183 & wait\n")
    for script in (endless, silent):
        script.chmod(0o755)
    with pytest.raises(EgressProtocolError, match="more than it should"):
        await nmap_services._output([str(endless)], 30, Traffic(Meter()))
    began = time.monotonic()
    monkeypatch.setattr(nmap_services, "GRACE", 0.0)
    with pytest.raises(nmap_services.EgressTimeout):
        await nmap_services._output([str(silent)], 0.5, Traffic(Meter()))
    assert time.monotonic() - began < 3
    ran = await asyncio.create_subprocess_exec("pgrep", "-f", "sleep 27183", stdout=asyncio.subprocess.DEVNULL)
    assert await ran.wait() == 1, "what it started is ended with it"


@pytest.mark.parametrize(
    "output",
    [
        b"", b"not xml", b"<nmaprun", b"\xff\xfe", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    ],
)  # fmt: skip
def test_output_that_is_none_is_refused(output: bytes) -> None:
    with pytest.raises(EgressProtocolError):
        parse(output)


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ('<service name="http" tunnel="ssl"/>', "https"),
        ('<service name="domain"/>', "dns"),
        ('<service name="ssl"/>', "tls"),
        ('<service name="unknown"/>', ""),
        ('<service name="../../x y"/>', ""),
        ("", ""),
    ],
)
def test_services_have_our_names(service: str, name: str) -> None:
    found = parse(XML.format(state="open", service=service).encode())
    assert found is not None
    assert found.name == name
    assert parse(XML.format(state="closed", service=service).encode()) is None


@given(st.binary(max_size=300))
def test_any_output_is_read_or_refused(output: bytes) -> None:
    try:
        parse(output)
    except EgressProtocolError:
        return
