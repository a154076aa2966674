"""The outbound client against servers that mean no good. A sinkhole on loopback must see no packet."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from kernel.egress import (
    DnsSettings,
    Egress,
    EgressDenied,
    EgressError,
    EgressProtocolError,
    EgressTimeout,
    EgressTlsError,
    EgressTooLarge,
    EgressUnreachable,
    Limits,
    Policy,
    Request,
)
from tests.kernel.egress_servers import (
    Zone,
    answering,
    certificate,
    dns_server,
    http,
    sinkhole,
    tcp_server,
)

pytestmark = pytest.mark.slow

LOOPBACK = Policy.scanning(loopback=True)
QUICK = Limits(body=100_000, total_seconds=1.0, connect_seconds=1.0)


def resolving(port: int) -> DnsSettings:
    return DnsSettings(nameservers=(("127.0.0.1", port),))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "127.1", "2130706433"])
async def test_the_public_policy_never_touches_loopback(host: str) -> None:
    async with sinkhole() as hole, Egress(Policy.public()) as egress:
        with pytest.raises(EgressDenied):
            await egress.get(f"http://{host}:{hole.port}/")
        with pytest.raises(EgressDenied):
            await egress.open_connection(host.strip("[]"), hole.port)
        assert hole.touched == 0


async def test_the_sinkhole_would_notice() -> None:
    """The canary: under a policy that opens loopback, the very same request is counted."""
    async with sinkhole() as hole, Egress(LOOPBACK) as egress:
        with pytest.raises(EgressError):
            await egress.get(f"http://127.0.0.1:{hole.port}/")
        assert hole.touched >= 1


@pytest.mark.parametrize("answer", [("127.0.0.1",), ("1.1.1.1", "127.0.0.1"), ("1.1.1.1", "::1"), ("::ffff:127.0.0.1",),
                                    ("1.1.1.1", "fd00:ec2::254"), ("64:ff9b::7f00:1",)])  # fmt: skip
async def test_one_refused_answer_refuses_the_host(answer: tuple[str, ...]) -> None:
    with dns_server(Zone(answer)) as dns_port:
        async with sinkhole() as hole, Egress(Policy.public(), dns=resolving(dns_port)) as egress:
            with pytest.raises(EgressDenied, match="is refused"):
                await egress.get(f"http://rebind.example:{hole.port}/")
            with pytest.raises(EgressDenied, match="is refused"):
                await egress.open_connection("rebind.example", hole.port)
            assert hole.touched == 0


async def test_a_rebinding_name_is_never_dialled_inside() -> None:
    """Each connection uses the answer that was checked; the next look-up, now inside, is refused."""
    zone = Zone(("8.8.8.8",), ("127.0.0.1",))
    with dns_server(zone) as dns_port:
        async with sinkhole() as hole, Egress(Policy.public(), dns=resolving(dns_port)) as egress:
            assert await egress.resolve("rebind.example", hole.port) == ["8.8.8.8"]
            for _ in range(3):
                with pytest.raises(EgressDenied):
                    await egress.get(f"http://rebind.example:{hole.port}/")
            assert hole.touched == 0


async def test_what_was_checked_is_what_is_dialled() -> None:
    """One request asks once (A and AAAA): there is no second look-up that could answer something else."""
    zone = Zone(("127.0.0.1",), ("169.254.169.254",))
    with dns_server(zone) as dns_port:
        async with tcp_server(answering(http(b"fine"))) as port, Egress(LOOPBACK, dns=resolving(dns_port)) as egress:
            response = await egress.get(f"http://once.example:{port}/")
            assert response.body == b"fine"
            assert zone.questions == 2
            with pytest.raises(EgressDenied, match="metadata"):
                await egress.get(f"http://other.example:{port}/")


async def test_the_host_header_keeps_the_name() -> None:
    heads: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http(b""))

    with dns_server(Zone(("127.0.0.1",))) as dns_port:
        async with tcp_server(handler) as port, Egress(LOOPBACK, dns=resolving(dns_port)) as egress:
            await egress.get(f"http://named.example:{port}/x?y")
            await egress.get(f"http://127.0.0.1:{port}/", headers=(("Host", "virtual.example"),))
    assert heads[0].startswith(b"GET /x?y HTTP/1.1\r\n")
    assert f"Host: named.example:{port}\r\n".encode() in heads[0]
    assert b"Host: virtual.example\r\n" in heads[1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["http://169.254.169.254/latest/meta-data/",
                                      "http://127.0.0.1:{own}/", "file:///etc/passwd", "http://[::ffff:169.254.169.254]/",
                                      "//0x7f000001/", "http://u@127.0.0.1/"])  # fmt: skip
async def test_each_hop_of_a_redirect_is_checked(status: int, location: str) -> None:
    async with sinkhole() as hole:
        answer = http(b"", f"Location: {location.format(own=hole.port)}", status=f"{status} Moved")
        policy = Policy.scanning(loopback=True, own_ports=[hole.port])
        async with tcp_server(answering(answer)) as port, Egress(policy) as egress:
            with pytest.raises(EgressDenied):
                await egress.get(f"http://127.0.0.1:{port}/", limits=Limits(redirects=5))
        assert hole.touched == 0


async def test_redirects_are_answers_unless_asked_for() -> None:
    answer = http(b"", "Location: /there", status="302 Found")
    async with tcp_server(answering(answer)) as port, Egress(LOOPBACK) as egress:
        response = await egress.get(f"http://127.0.0.1:{port}/")
        assert (response.status, response.header("LOCATION")) == (302, "/there")
        with pytest.raises(EgressProtocolError, match="more than 3 redirects"):
            await egress.get(f"http://127.0.0.1:{port}/", limits=Limits(redirects=3))


async def test_credentials_stay_with_their_origin() -> None:
    heads: list[bytes] = []

    async def final(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(http(b"done"))

    async with tcp_server(final) as there:
        first = answering(http(b"", f"Location: http://127.0.0.1:{there}/", status="302 Found"))
        async with tcp_server(first) as here, Egress(LOOPBACK) as egress:
            headers = (("Authorization", "Bearer x"), ("X-Apikey", "secret"), ("Accept", "text/kept"))
            request = Request("POST", f"http://127.0.0.1:{here}/", headers, b"body")
            assert (await egress.send(request, Limits(redirects=1))).body == b"done"
    assert heads[0].startswith(b"GET / ")
    assert b"Bearer x" not in heads[0]
    assert b"secret" not in heads[0]
    assert b"Accept: text/kept" in heads[0]


async def test_a_byte_a_second_runs_into_the_time_limit() -> None:
    slow = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x", pause=0.2, forever=True)
    async with tcp_server(slow) as port, Egress(LOOPBACK, limits=QUICK) as egress:
        with pytest.raises(EgressTimeout, match="within 1 s"):
            await egress.get(f"http://127.0.0.1:{port}/")


async def test_silence_runs_into_the_time_limit() -> None:
    async with tcp_server(answering(b"", pause=30)) as port, Egress(LOOPBACK, limits=QUICK) as egress:
        with pytest.raises(EgressTimeout):
            await egress.get(f"http://127.0.0.1:{port}/")


async def test_an_endless_body_is_cut_or_refused() -> None:
    endless = answering(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000, forever=True)
    async with tcp_server(endless) as port, Egress(LOOPBACK, limits=QUICK) as egress:
        with pytest.raises(EgressTooLarge, match="100000 bytes"):
            await egress.get(f"http://127.0.0.1:{port}/")
        cut = await egress.get(f"http://127.0.0.1:{port}/", limits=Limits(body=500, truncate=True))
        assert (cut.body, cut.truncated) == (b"x" * 500, True)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compression_bomb_is_never_inflated_beyond_the_limit(encoding: str) -> None:
    zeros = b"\x00" * 200_000_000
    bomb = gzip.compress(zeros, 9) if encoding == "gzip" else zlib.compress(zeros, 9)
    del zeros
    answer = answering(http(bomb, f"Content-Encoding: {encoding}"))
    async with tcp_server(answer) as port, Egress(LOOPBACK) as egress:
        with pytest.raises(EgressTooLarge):
            await egress.get(f"http://127.0.0.1:{port}/", limits=Limits(body=1000))
        cut = await egress.get(f"http://127.0.0.1:{port}/", limits=Limits(body=1000, truncate=True))
        assert cut.body == b"\x00" * 1000


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("gzip", gzip.compress(b"hello", mtime=0)),
     ("gzip", gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0)),
     ("deflate", zlib.compress(b"hello")), ("deflate", zlib.compress(b"hello")[2:-4]),
     ("", b"hello"), ("GZIP", gzip.compress(b"hello", mtime=0))],
)  # fmt: skip
async def test_honest_compression_is_undone(encoding: str, packed: bytes) -> None:
    async with tcp_server(answering(http(packed, f"Content-Encoding: {encoding}"))) as port, Egress(LOOPBACK) as egress:
        assert (await egress.get(f"http://127.0.0.1:{port}/")).body == b"hello"


async def test_a_body_that_lies_about_its_compression_is_an_error() -> None:
    async with tcp_server(answering(http(b"plain", "Content-Encoding: gzip"))) as port, Egress(LOOPBACK) as egress:
        with pytest.raises(EgressProtocolError, match="compression"):
            await egress.get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "headers", [["X: " + "a" * 65_536], [f"X{n}: " + "a" * 640 for n in range(100)], [f"X{n}: a" for n in range(9000)]]
)
async def test_headers_of_64_kilobytes_are_refused(headers: list[str]) -> None:
    async with tcp_server(answering(http(b"", *headers))) as port, Egress(LOOPBACK, limits=QUICK) as egress:
        with pytest.raises(EgressTooLarge, match="headers"):
            await egress.get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/9.9 abc\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b""])
async def test_what_is_not_http_is_a_typed_error(garbage: bytes) -> None:
    async with tcp_server(answering(garbage)) as port, Egress(LOOPBACK, limits=QUICK) as egress:
        with pytest.raises((EgressProtocolError, EgressUnreachable)):
            await egress.get(f"http://127.0.0.1:{port}/")


async def test_headers_with_line_breaks_are_refused_before_a_packet_leaves() -> None:
    async with sinkhole() as hole, Egress(LOOPBACK) as egress:
        with pytest.raises(EgressDenied, match="control character"):
            await egress.get(f"http://127.0.0.1:{hole.port}/", headers=(("X", "a\r\nHost: b"),))
        assert hole.touched == 0


async def test_tls_is_verified_unless_a_scanner_says_otherwise(tmp_path: Path) -> None:
    for name, expired, message in (("127.0.0.1", True, "expired"), ("wrong.example", False, "mismatch")):
        server, trust = certificate(tmp_path, name, expired=expired)
        async with tcp_server(answering(http(b"seen")), server) as port, Egress(LOOPBACK, trust=trust) as egress:
            with pytest.raises(EgressTlsError, match=message):
                await egress.get(f"https://127.0.0.1:{port}/")
            with pytest.raises(EgressTlsError, match=message):
                await egress.open_connection("127.0.0.1", port, tls=trust)
            request = Request("GET", f"https://127.0.0.1:{port}/", verify=False)
            assert (await egress.send(request)).body == b"seen"


async def test_a_valid_certificate_of_a_trusted_authority_passes(tmp_path: Path) -> None:
    server, trust = certificate(tmp_path, "good.example")
    with dns_server(Zone(("127.0.0.1",))) as dns_port:
        async with tcp_server(answering(http(b"seen")), server) as port:
            async with Egress(LOOPBACK, trust=trust, dns=resolving(dns_port)) as egress:
                assert (await egress.get(f"https://good.example:{port}/")).body == b"seen"
            async with Egress(LOOPBACK, dns=resolving(dns_port)) as distrusting:
                with pytest.raises(EgressTlsError, match="refused"):
                    await distrusting.get(f"https://good.example:{port}/")


async def test_nobody_there_is_unreachable() -> None:
    async with tcp_server(answering(b"")) as port:
        pass
    async with Egress(LOOPBACK, limits=QUICK) as egress:
        with pytest.raises(EgressUnreachable):
            await egress.get(f"http://127.0.0.1:{port}/")
        with pytest.raises(EgressUnreachable):
            await egress.open_connection("127.0.0.1", port)


async def test_reads_of_a_connection_are_bounded() -> None:
    async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\r\n" + b"x" * 200_000)
        await asyncio.sleep(30)

    async with (
        tcp_server(chatter) as port,
        Egress(LOOPBACK) as egress,
        await egress.open_connection("127.0.0.1", port) as connection,
    ):
        assert await connection.read_line(1.0) == b"hello\r\n"
        with pytest.raises(EgressTooLarge):
            await connection.read_line(1.0)


async def test_silence_on_a_connection_is_a_time_out() -> None:
    async with (
        tcp_server(answering(b"", pause=30)) as port,
        Egress(LOOPBACK) as egress,
        await egress.open_connection("127.0.0.1", port) as connection,
    ):
        with pytest.raises(EgressTimeout, match="silent"):
            await connection.read(10, 0.1)


async def test_one_server_is_asked_only_if_the_policy_allows() -> None:
    zone = Zone(("8.8.8.8",))
    with dns_server(zone) as port:
        async with Egress(LOOPBACK) as egress:
            answer = await egress.query_at(("127.0.0.1", port), "a.example", "A")
            assert [str(item) for item in answer.answer[0]] == ["8.8.8.8"]
        async with Egress(Policy.public()) as shut:
            with pytest.raises(EgressDenied):
                await shut.query_at(("127.0.0.1", port), "a.example", "A")
        assert zone.questions == 1


async def test_a_dead_resolver_is_a_clear_error() -> None:
    with dns_server(Zone(("8.8.8.8",))) as port:
        pass
    async with Egress(LOOPBACK, dns=resolving(port)) as egress:
        with pytest.raises((EgressTimeout, EgressUnreachable)):
            await egress.get("http://a.example/")


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..b", "x" * 300])
async def test_a_name_that_cannot_be_asked_is_refused(name: str) -> None:
    async with Egress(LOOPBACK) as egress:
        with pytest.raises(EgressDenied):
            await egress.query(name, "A")


def test_settings_are_read_from_words() -> None:
    settings = DnsSettings.parse("9.9.9.9, [::1]:5300 lab.test=127.0.0.1:5301")
    assert settings.nameservers == (("9.9.9.9", 53), ("::1", 5300))
    assert settings.servers_for("a.b.lab.test.") == (("127.0.0.1", 5301),)
    assert settings.servers_for("collab.test") == settings.nameservers
    with pytest.raises(ValueError, match="not-an-address"):
        DnsSettings.parse("not-an-address")


def test_importing_the_client_loads_no_http_library() -> None:
    code = "import sys, kernel.egress; print(sorted({'aiohttp', 'dns', 'yarl'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": "layers/kernel/python"})  # fmt: skip
    assert done.stdout.strip() == "[]"
