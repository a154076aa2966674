"""Ports, banners, SSH and SMTP: against OpenSSH, a real SMTP library, and servers that talk nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from functions.collection.modules.banner import Banner, printable, service_of
from functions.collection.modules.smtp_audit import SmtpAudit
from functions.collection.modules.ssh_audit import SshAudit, parse_offer, weak_ones
from functions.collection.modules.tcp_connect import TcpConnect, leads_back
from functions.collection.software import cpe, software_in
from kernel.egress import Connection, EgressProtocolError
from tests.collection.servers import free_port, sshd
from tests.collection.world import facts, observed, run, session, values
from tests.kernel.egress_servers import certificate, tcp_server


def saying(greeting: bytes) -> Callable[..., Any]:
    """A server that speaks first and then listens."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await reader.read()

    return handler


async def test_open_ports_are_found_and_closed_ones_are_not() -> None:
    closed = free_port()
    async with tcp_server(saying(b"")) as one, tcp_server(saying(b"")) as two:
        config = {"ports": sorted((one, two, closed)), "own_machine": True}
        result = await run(TcpConnect(), observed("ip", "127.0.0.1"), config=config)
    assert set(values(result, "port")) == {f"127.0.0.1:{one}", f"127.0.0.1:{two}"}


async def test_the_scanners_own_machine_is_left_alone() -> None:
    async with tcp_server(saying(b"")) as port:
        result = await run(TcpConnect(), observed("ip", "127.0.0.1"), config={"ports": [port]})
    assert result.observations == []


@pytest.mark.parametrize(
    ("greeting", "service", "product"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", "ssh", "cpe:2.3:a:openbsd:openssh:9.2p1:*:*:*:*:*:*:*"),
        (b"220 mail.example ESMTP Exim 4.96 Mon, 1 Jan\r\n", "smtp", "cpe:2.3:a:exim:exim:4.96:*:*:*:*:*:*:*"),
        (b"220 mail.example ESMTP Postfix (Debian)\r\n", "smtp", "cpe:2.3:a:postfix:postfix:*:*:*:*:*:*:*:*"),
        (b"220 ProFTPD 1.3.8 Server (FTP)\r\n", "ftp", "cpe:2.3:a:proftpd:proftpd:1.3.8:*:*:*:*:*:*:*"),
        (b"220 (vsFTPd 3.0.3)\r\n", "ftp", r"cpe:2.3:a:vsftpd_project:vsftpd:3.0.3:*:*:*:*:*:*:*"),
        (b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "imap", "cpe:2.3:a:dovecot:dovecot:*:*:*:*:*:*:*:*"),
        (b"+OK POP3 ready\r\n", "pop3", None),
        (b"J\x00\x00\x00\x0a5.7.42-log\x00abc", "mysql", "cpe:2.3:a:oracle:mysql:5.7.42:*:*:*:*:*:*:*"),
        (b"RFB 003.008\n", "vnc", None),
        (b"hello, who is there?\n", "", None),
    ],
)
async def test_a_greeting_tells_service_and_software(greeting: bytes, service: str, product: str | None) -> None:
    async with tcp_server(saying(greeting)) as port:
        result = await run(Banner(), observed("port", f"127.0.0.1:{port}"))
    assert values(result, "service") == ([f"{service}://127.0.0.1:{port}"] if service else [])
    assert values(result, "software") == ([product] if product else [])
    assert values(result, "banner") == [f"127.0.0.1:{port} {printable(greeting)}"]


async def test_silence_is_no_banner() -> None:
    async with tcp_server(saying(b"")) as port:
        result = await run(Banner(), observed("port", f"127.0.0.1:{port}"), config={"wait_seconds": 0.1})
    assert (result.observations, result.stats.failed) == ([], 0)


@given(st.binary(max_size=300))
def test_any_greeting_can_be_read(greeting: bytes) -> None:
    service_of(greeting)
    text = printable(greeting)
    assert text.isprintable()
    list(software_in(text, "127.0.0.1:1", "ssh"))


def test_a_cpe_escapes_what_it_must() -> None:
    assert cpe("Joomla", "joomla!", "") == r"cpe:2.3:a:joomla:joomla\!:*:*:*:*:*:*:*:*"


async def test_the_algorithms_agree_with_sshd(tmp_path: Path) -> None:
    with sshd(tmp_path) as (port, settings):
        result = await run(SshAudit(), observed("service", f"ssh://127.0.0.1:{port}"))
    offer = next(o.attributes for o in result.observations if o.type == "metadata")
    announced = {name for name in offer["kex"] if not name.startswith(("ext-info", "kex-strict"))}
    assert announced == set(settings["kexalgorithms"])
    assert set(offer["cipher"]) == set(settings["ciphers"])
    assert set(offer["mac"]) == set(settings["macs"])
    assert set(offer["host_key"]) == {"ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512"}


async def test_weak_algorithms_are_named(tmp_path: Path) -> None:
    options = (
        "KexAlgorithms curve25519-sha256,diffie-hellman-group14-sha1",
        "Ciphers aes256-ctr,aes128-cbc",
        "MACs hmac-sha2-256,hmac-md5",
        "HostKeyAlgorithms ssh-ed25519,ssh-rsa",
    )
    with sshd(tmp_path, *options) as (port, _):
        result = await run(SshAudit(), observed("service", f"ssh://127.0.0.1:{port}"))
    found = {
        o.attributes["check"]: o.attributes["evidence"]["algorithms"]
        for o in result.observations
        if o.type != "metadata"
    }
    assert found == {
        "ssh-weak-kex": ["diffie-hellman-group14-sha1"],
        "ssh-weak-cipher": ["aes128-cbc"],
        "ssh-weak-mac": ["hmac-md5"],
        "ssh-weak-host-key": ["ssh-rsa"],
    }


async def test_a_strict_server_has_no_weakness(tmp_path: Path) -> None:
    options = (
        "KexAlgorithms curve25519-sha256",
        "Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com",
        "MACs hmac-sha2-512-etm@openssh.com",
        "HostKeyAlgorithms ssh-ed25519,rsa-sha2-512",
    )
    with sshd(tmp_path, *options) as (port, _):
        result = await run(SshAudit(), observed("service", f"ssh://127.0.0.1:{port}"))
    assert values(result, "misconfiguration") == []


@pytest.mark.parametrize(
    "greeting",
    [b"HTTP/1.1 400 Bad\r\n\r\n", b"SSH-2.0-x\r\n\xff\xff\xff\xff", b"SSH-2.0-x\r\n\x00\x00\x00\x10" + b"\x00" * 16],
)
async def test_what_is_no_ssh_server_is_no_fault_of_ours(greeting: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)

    async with tcp_server(handler) as port:
        result = await run(SshAudit(), observed("service", f"ssh://127.0.0.1:{port}"))
    assert (result.observations, result.stats.failed) == ([], 0)
    assert result.log[0].level == "info"


async def test_protocol_1_is_a_weakness() -> None:
    async with tcp_server(saying(b"SSH-1.5-old\r\n")) as port:
        result = await run(SshAudit(), observed("service", f"ssh://127.0.0.1:{port}"))
    assert values(result, "misconfiguration") == [f"ssh-protocol-1:127.0.0.1:{port}"]


@given(st.binary(max_size=200))
def test_any_packet_is_read_or_refused(payload: bytes) -> None:
    try:
        offer = parse_offer(b"\x14" + payload)
    except EgressProtocolError:
        return
    assert set(offer) == {"kex", "host_key", "cipher", "mac", "compression"}


def test_good_names_are_not_taken_for_weak_ones() -> None:
    good = ["rsa-sha2-256", "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa-cert-v01@openssh.com"]
    assert list(weak_ones(good, ("ssh-dss", "ssh-rsa"))) == []
    assert list(weak_ones(["ssh-rsa", "none", "hmac-sha1-96-etm@openssh.com"], ("ssh-rsa", "none", "-96"))) == [
        "ssh-rsa", "none", "hmac-sha1-96-etm@openssh.com",
    ]  # fmt: skip


class Relay:
    """Takes mail for anybody, and confirms users."""

    async def handle_VRFY(self, server: Any, session: Any, envelope: Any, address: str) -> str:
        return f"250 <{address}>" if address == "postmaster" else "550 unknown"


class Own:
    """Takes mail for its own domain alone."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        return "550 relaying denied"


@contextlib.asynccontextmanager
async def smtp(handler: object, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, hostname="mail.example.test", **options), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.05)


async def test_a_careless_mail_server_shows_all_weaknesses() -> None:
    async with smtp(Relay(), auth_require_tls=False, authenticator=lambda *a: None) as port:
        result = await run(SmtpAudit(), observed("service", f"smtp://127.0.0.1:{port}"))
        said = await asyncio.to_thread(extensions, port)
    asset = f"127.0.0.1:{port}"
    assert facts(result) == {
        ("exposure", f"smtp-open-relay:{asset}"),
        ("misconfiguration", f"smtp-auth-in-clear:{asset}"),
        ("misconfiguration", f"smtp-no-starttls:{asset}"),
        ("misconfiguration", f"smtp-vrfy:{asset}"),
    }
    evidence = next(o for o in result.observations if "starttls" in o.value).attributes["evidence"]
    assert set(evidence["extensions"]) == said


async def test_a_careful_mail_server_shows_none(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path, "mail.example.test")
    async with smtp(Own(), tls_context=server) as port:
        result = await run(SmtpAudit(), observed("service", f"smtp://127.0.0.1:{port}"))
    assert facts(result) == set()


@pytest.mark.parametrize("greeting", [b"554 go away\r\n", b"hello\r\n", b"220-more\r\n" * 200, b""])
async def test_what_is_no_mail_server_is_no_fault_of_ours(greeting: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)

    async with tcp_server(handler) as port:
        result = await run(SmtpAudit(), observed("service", f"smtp://127.0.0.1:{port}"))
    assert (result.observations, result.stats.failed) == ([], 0)


def extensions(port: int) -> set[str]:
    """What the standard library understands of EHLO."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        return {name.upper() for name in client.esmtp_features}


async def test_a_connection_that_meets_itself_is_no_open_port() -> None:
    """Trying every port of one's own machine now and then goes out from the very port that is tried."""
    raw = socket.socket()
    raw.bind(("127.0.0.1", 0))
    raw.connect(raw.getsockname())
    async with Connection(*await asyncio.open_connection(sock=raw), *raw.getpeername()) as itself:
        assert leads_back(itself)
    async with (
        tcp_server(saying(b"")) as port,
        session("127.0.0.1") as outside,
        await outside.connect("127.0.0.1", port) as other,
    ):
        assert not leads_back(other)


async def test_every_port_is_a_setting_and_repeats_are_tried_once() -> None:
    settings = TcpConnect.config.model_validate({"every_port": True})
    assert len(settings.wanted()) == 65_535
    assert TcpConnect.config.model_validate({"ports": [80, 22, 80]}).wanted() == (80, 22)
    with pytest.raises(ValidationError):
        TcpConnect.config.model_validate({"ports": [0]})
