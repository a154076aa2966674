"""Certificates and TLS settings against nginx, with sslscan as the judge."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import re
import ssl
import struct
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from functions.collection.modules.certificate import Certificate, matches
from functions.collection.modules.tls_config import TlsConfig
from functions.collection.ssl_hellos import agrees_to_ssl2, agrees_to_ssl3, ssl3_hello
from tests.collection.servers import free_port, nginx, program
from tests.collection.world import observed, run, values
from tests.kernel.egress_servers import tcp_server

PRIVATE = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())


def issue(
    folder: Path,
    *,
    names: tuple[str, ...] = ("127.0.0.1",),
    days: int = 100,
    bits: int = 0,
    signed_by_other: bool = True,
) -> None:
    """cert.pem and key.pem in a folder."""
    key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the server")])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")]) if signed_by_other else subject
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    start = min(end, datetime.datetime.now(datetime.UTC)) - datetime.timedelta(days=30)
    entries = [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
    certificate = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), start, end)
        .add_extension(x509.SubjectAlternativeName(entries), critical=False)
        .sign(ec.generate_private_key(ec.SECP256R1()) if signed_by_other else key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(*PRIVATE))


def tls_site(folder: Path, port: int, settings: str = "") -> str:
    return (
        f"server {{ listen 127.0.0.1:{port} ssl; root {{root}}; ssl_certificate {folder}/cert.pem;"
        f" ssl_certificate_key {folder}/key.pem; {settings} }}"
    )


async def certificate_checks(folder: Path) -> set[str]:
    port = free_port()
    with nginx(folder, tls_site(folder, port)):
        result = await run(Certificate(), observed("service", f"https://127.0.0.1:{port}"))
    assert len(values(result, "certificate")) == 1
    return {value.partition(":")[0] for value in values(result, "misconfiguration")}


async def test_a_good_certificate_has_no_weakness(tmp_path: Path) -> None:
    issue(tmp_path)
    assert await certificate_checks(tmp_path) == set()


@pytest.mark.parametrize(
    ("options", "checks"),
    [
        ({"days": -5}, {"certificate-expired"}),
        ({"days": 5}, {"certificate-expires-soon"}),
        ({"signed_by_other": False}, {"certificate-self-signed"}),
        ({"names": ("other.example.test",)}, {"certificate-wrong-host"}),
        ({"bits": 1024}, {"certificate-weak-key"}),
    ],
)
async def test_each_weakness_of_a_certificate_is_found(
    tmp_path: Path, options: dict[str, int], checks: set[str]
) -> None:
    issue(tmp_path, **options)  # type: ignore[arg-type]
    settings = "" if options.get("bits") != 1024 else "ssl_ciphers ALL:@SECLEVEL=0;"
    port = free_port()
    with nginx(tmp_path, tls_site(tmp_path, port, settings)):
        result = await run(Certificate(), observed("service", f"https://127.0.0.1:{port}"))
    assert {value.partition(":")[0] for value in values(result, "misconfiguration")} == checks


async def test_names_on_a_certificate_become_hosts(tmp_path: Path) -> None:
    issue(tmp_path, names=("127.0.0.1", "www.example.test", "*.example.test", "far.elsewhere.test"))
    port = free_port()
    with nginx(tmp_path, tls_site(tmp_path, port)):
        result = await run(Certificate(), observed("service", f"https://127.0.0.1:{port}"))
    assert values(result, "host") == ["far.elsewhere.test", "www.example.test"]
    shown = next(o for o in result.observations if o.type == "certificate")
    text = subprocess.run(
        [program("openssl", "openssl"), "x509", "-in", tmp_path / "cert.pem", "-noout", "-fingerprint", "-sha256"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown.value == text.strip().rpartition("=")[2].replace(":", "").lower()
    assert {o.source_id for o in result.observations if o.type == "host"} == {shown.id}


@pytest.mark.parametrize(
    ("names", "host", "fits"),
    [
        (["a.example"], "a.example", True),
        (["*.example"], "a.example", True),
        (["*.example"], "b.a.example", False),
        (["*.example"], "example", False),
        ([], "a.example", False),
        (["*."], "localhost", False),
    ],
)
def test_a_star_stands_for_one_label(names: list[str], host: str, fits: bool) -> None:
    assert matches(names, host) is fits


def sslscan(port: int, kind: str = "cipher", name: str = "cipher") -> dict[str, set[str]]:
    """Ciphers (or groups) by version, as sslscan sees them."""
    command = [program("sslscan", "sslscan"), "--xml=-", "--no-colour", f"127.0.0.1:{port}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, set[str]] = {}
    for node in ElementTree.fromstring(output).iter(kind):
        found.setdefault(node.attrib["sslversion"], set()).add(node.attrib[name].split(" ")[0])
    return found


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_CCM_8_SHA256:TLS_AES_256_GCM_SHA384;",
        "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0;",
        "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA; ssl_prefer_server_ciphers on;",
    ],
)
async def test_versions_and_ciphers_agree_with_sslscan(tmp_path: Path, settings: str) -> None:
    issue(tmp_path, bits=2048)
    port = free_port()
    with nginx(tmp_path, tls_site(tmp_path, port, settings)):
        result = await run(TlsConfig(), observed("service", f"https://127.0.0.1:{port}"))
        judged = sslscan(port)
    ours = next(o for o in result.observations if o.type == "tls_config").attributes["ciphers"]
    assert {version: set(names) for version, names in ours.items()} == judged


async def test_groups_agree_with_sslscan_and_weak_ones_are_named(tmp_path: Path) -> None:
    issue(tmp_path, bits=2048)
    port = free_port()
    groups = "X25519:secp384r1:secp256k1:brainpoolP256r1:prime192v1:ffdhe3072"
    settings = f"ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0; ssl_ecdh_curve {groups};"
    with nginx(tmp_path, tls_site(tmp_path, port, settings)):
        service = observed("service", f"https://127.0.0.1:{port}")
        result = await run(TlsConfig(), service)
        without = await run(TlsConfig(), service, config={"groups": False})
        judged = sslscan(port, "group", "name")
    ours = next(o for o in result.observations if o.type == "tls_config").attributes["groups"]
    assert {v: set(names) for v, names in ours.items()} == judged
    assert {"secp192r1", "secp256k1", "x25519"} <= judged["TLSv1.2"]
    (weak,) = [o for o in result.observations if o.attributes.get("check") == "tls-weak-group"]
    assert weak.attributes["evidence"]["groups"] == ["secp192r1"]
    assert next(o for o in without.observations if o.type == "tls_config").attributes["groups"] == {}


async def test_weak_settings_are_named(tmp_path: Path) -> None:
    issue(tmp_path, bits=2048)
    port = free_port()
    settings = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:NULL:aNULL:@SECLEVEL=0;"
    with nginx(tmp_path, tls_site(tmp_path, port, settings)):
        result = await run(TlsConfig(), observed("service", f"https://127.0.0.1:{port}"))
    assert {value.partition(":")[0] for value in values(result, "misconfiguration")} == {
        "tls-old-protocol", "tls-weak-cipher", "tls-no-forward-secrecy", "tls-no-1-3",
    }  # fmt: skip
    evidence = {
        o.attributes["check"]: o.attributes["evidence"] for o in result.observations if o.type == "misconfiguration"
    }
    assert evidence["tls-old-protocol"]["versions"] == ["TLSv1.0", "TLSv1.1"]
    assert any(re.search("NULL|ADH|AECDH", cipher) for cipher in evidence["tls-weak-cipher"]["ciphers"])


async def test_strict_settings_have_no_weakness(tmp_path: Path) -> None:
    issue(tmp_path)
    port = free_port()
    settings = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM;"
    with nginx(tmp_path, tls_site(tmp_path, port, settings)):
        result = await run(TlsConfig(), observed("service", f"https://127.0.0.1:{port}"))
    assert values(result, "misconfiguration") == []


def ssl3_answer() -> bytes:
    """A ServerHello of SSL 3 that chooses RC4, and the end of the server's turn left out."""
    body = struct.pack("!H", 0x0300) + bytes(32) + b"\x00" + struct.pack("!HB", 0x0005, 0)
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return struct.pack("!BHH", 22, 0x0300, len(message)) + message


def ssl2_answer() -> bytes:
    """A SERVER-HELLO of SSL 2 without a certificate, with one cipher and an id of the connection."""
    body = struct.pack("!BBBHHHH", 4, 0, 1, 0x0002, 0, 3, 16) + b"\x01\x00\x80" + bytes(16)
    return struct.pack("!H", 0x8000 | len(body)) + body


@pytest.mark.parametrize("versions", [["SSLv2"], ["SSLv3"], ["SSLv2", "SSLv3"]])
async def test_a_server_that_speaks_ssl_is_named_as_sslscan_does(versions: list[str]) -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As a server of 1999: it answers SSL as it should, refuses TLS, and waits for the client to hang up."""
        first = await reader.read(4096)
        if "SSLv2" in versions and first[2:5] == b"\x01\x00\x02":
            writer.write(ssl2_answer())
        elif "SSLv3" in versions and first[:3] == b"\x16\x03\x00" and first[9:11] == b"\x03\x00":
            writer.write(ssl3_answer())
        else:
            writer.write(struct.pack("!BHHBB", 21, 0x0301, 2, 2, 40))
        while await reader.read(4096):
            pass

    async with tcp_server(old) as port:
        result = await run(TlsConfig(), observed("service", f"https://127.0.0.1:{port}"))
        command = [program("sslscan", "sslscan"), "--xml=-", "--no-ciphersuites", f"127.0.0.1:{port}"]
        output = (await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)).stdout
    judged = {
        f"SSLv{node.attrib['version']}"
        for node in ElementTree.fromstring(output).iter("protocol")
        if node.attrib["type"] == "ssl" and node.attrib["enabled"] == "1"
    }
    (found,) = [o for o in result.observations if o.type == "tls_config"]
    assert found.attributes["versions"] == versions == sorted(judged)
    (weak,) = [o for o in result.observations if o.attributes.get("check") == "tls-ssl-protocol"]
    assert (weak.attributes["severity"], weak.attributes["evidence"]["versions"]) == ("high", versions)


async def test_a_server_of_today_understands_the_form_of_the_old_hello_and_refuses_its_version(tmp_path: Path) -> None:
    async def answer(version: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ssl3_hello(version))
        try:
            return await reader.read(100)
        finally:
            writer.close()

    issue(tmp_path, bits=2048)
    port = free_port()
    with nginx(tmp_path, tls_site(tmp_path, port, "ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0;")):
        tls, ssl3 = await answer(0x0301), await answer(0x0300)
    assert (tls[0], tls[5], tls[9:11]) == (22, 2, b"\x03\x01"), "a ServerHello of TLS 1.0"
    assert ssl3[0] == 21
    assert not agrees_to_ssl3(ssl3)


@given(st.binary(max_size=64))
def test_no_bytes_break_the_reading_of_an_answer(answer: bytes) -> None:
    assert agrees_to_ssl3(answer) in (True, False)
    assert agrees_to_ssl2(answer) in (True, False)


async def test_a_server_without_tls_yields_nothing() -> None:
    async def handler(reader: object, writer: object) -> None:
        return None

    async with tcp_server(handler) as port:  # type: ignore[arg-type]
        service = observed("service", f"https://127.0.0.1:{port}")
        for module in (TlsConfig(), Certificate()):
            result = await run(module, service)
            assert (result.observations, result.stats.failed) == ([], 0)


def test_the_interpreter_can_still_offer_old_versions() -> None:
    """The canary of this file: a Python built without TLS 1.0 would find no old protocol anywhere."""
    assert ssl.HAS_TLSv1
    assert ssl.HAS_TLSv1_3
