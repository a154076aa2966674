"""Log-ins in clear and for strangers: Dovecot, vsftpd and Postfix, careless and careful."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from functions.collection.engine import BatchResult
from functions.collection.modules.banner import Banner
from functions.collection.modules.login_audit import LoginAudit
from functions.collection.modules.smtp_audit import SmtpAudit
from tests.collection import daemons
from tests.collection.world import facts, observed, run, values
from tests.kernel.egress_servers import certificate, tcp_server


async def look(protocol: str, port: int, host: str = "127.0.0.1") -> set[str]:
    result = await run(LoginAudit(), observed("service", f"{protocol}://{host}:{port}"), targets=(host,))
    assert result.log == []
    return checks(result)


def checks(result: BatchResult) -> set[str]:
    return {o.attributes["check"] for o in result.observations if "check" in o.attributes}


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
async def test_mailboxes_without_encryption_are_found(tmp_path: Path, protocol: str) -> None:
    with daemons.dovecot(tmp_path) as ports:
        assert await look(protocol, ports[protocol]) == {"login-no-tls", "login-in-clear"}


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
async def test_mailboxes_that_require_encryption_are_not(tmp_path: Path, protocol: str) -> None:
    certificate(tmp_path, "localhost")
    keys = (f"ssl_cert = <{tmp_path}/localhost.pem", f"ssl_key = <{tmp_path}/localhost.pem")
    with daemons.dovecot(tmp_path, "ssl = required", *keys) as ports:
        assert await look(protocol, ports[protocol], "127.0.0.2") == set()


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
async def test_mailboxes_for_strangers_are_found(tmp_path: Path, protocol: str) -> None:
    strangers = ("auth_mechanisms = plain anonymous", "auth_anonymous_username = reader")
    with daemons.dovecot(tmp_path, *strangers) as ports:
        assert await look(protocol, ports[protocol]) == {"login-no-tls", "login-in-clear", "login-anonymous"}


async def test_files_for_strangers_are_found(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with daemons.vsftpd(tmp_path, "anonymous_enable=YES", "local_enable=NO") as port:
        assert await look("ftp", port) == {"login-no-tls", "login-anonymous"}
        greeting = await run(Banner(), observed("port", f"127.0.0.1:{port}"))
    assert values(greeting, "service") == [f"ftp://127.0.0.1:{port}"]


async def test_passwords_in_clear_are_found(tmp_path: Path) -> None:
    with daemons.vsftpd(tmp_path, "anonymous_enable=NO", "local_enable=YES") as port:
        assert await look("ftp", port) == {"login-no-tls", "login-in-clear"}


async def test_files_behind_encryption_are_not(tmp_path: Path) -> None:
    certificate(tmp_path, "localhost")
    keys = (f"rsa_cert_file={tmp_path}/localhost.pem", "ssl_enable=YES", "force_local_logins_ssl=YES")
    with daemons.vsftpd(tmp_path, "anonymous_enable=NO", "local_enable=YES", *keys) as port:
        assert await look("ftp", port) == set()


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        ("ftp", b"500 OOPS\r\n"),
        ("ftp", b"220-more\r\n" * 300),
        ("imap", b"* BYE not now\r\n"),
        ("imap", b"* OK hello\r\n" * 300),
        ("pop3", b"-ERR busy\r\n"),
        ("pop3", b"+OK\r\n" * 300),
        ("ftp", b""),
    ],
)
async def test_what_is_no_such_server_is_no_fault_of_ours(protocol: str, said: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async with tcp_server(handler) as port:
        result = await run(LoginAudit(), observed("service", f"{protocol}://127.0.0.1:{port}"))
    assert (result.observations, result.stats.failed) == ([], 0)
    assert result.log[0].level == "info"


async def test_postfix_as_it_comes_is_careful_but_for_encryption(tmp_path: Path) -> None:
    with daemons.postfix(tmp_path, "disable_vrfy_command=yes") as port:
        result = await run(SmtpAudit(), observed("service", f"smtp://127.0.0.1:{port}"))
        greeting = await run(Banner(), observed("port", f"127.0.0.1:{port}"))
    assert facts(result) == {("misconfiguration", f"smtp-no-starttls:127.0.0.1:{port}")}
    assert values(greeting, "software") == ["cpe:2.3:a:postfix:postfix:*:*:*:*:*:*:*:*"]


async def test_a_careless_postfix_relays_and_confirms_names(tmp_path: Path) -> None:
    careless = ("smtpd_relay_restrictions=permit_mynetworks, reject_unauth_destination", "mynetworks=127.0.0.0/8")
    names = "local_recipient_maps=inline:{ postmaster=x }"
    with daemons.postfix(tmp_path, *careless, names) as port:
        result = await run(SmtpAudit(), observed("service", f"smtp://127.0.0.1:{port}"))
    assert {o.attributes["check"] for o in result.observations} == {"smtp-no-starttls", "smtp-open-relay", "smtp-vrfy"}


async def test_postfix_with_a_certificate_encrypts(tmp_path: Path) -> None:
    certificate(tmp_path, "localhost")
    keys = (f"smtpd_tls_chain_files={tmp_path}/localhost.pem", "smtpd_tls_security_level=may")
    with daemons.postfix(tmp_path, "disable_vrfy_command=yes", *keys) as port:
        result = await run(SmtpAudit(), observed("service", f"smtp://127.0.0.1:{port}"))
    assert facts(result) == set()
