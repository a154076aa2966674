"""Every module that speaks HTTP against servers that behave badly: each comes back in time, within its memory, with an
explanation instead of a crash, and believes nothing that it was lured to."""

from __future__ import annotations

import asyncio
import gzip
import time
from typing import Any

import pytest

from contracts.observations import ObservationType
from functions.collection.modules import shipped_modules
from functions.collection.reader import BatchLimits
from tests.collection.world import observed, run
from tests.kernel.egress_servers import Handler, answering, tcp_server

WEB = sorted(
    name
    for name, module in shipped_modules().items()
    if module.face.rate_group == "http" and {ObservationType.URL, ObservationType.SERVICE, ObservationType.WEB_PARAM}
    & set(module.face.consumes)
)  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "xss_probe": {"enabled": True},
    "sql_probe": {"enabled": True, "delays": False},
    "vhosts": {"prefixes": ["www", "dev"]},
}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
BOMB = gzip.compress(b"<a href='/x'>" * 2_000_000)
LIMITS = BatchLimits(observation_seconds=6.0, cleanup_seconds=2.0)


def closing(*pieces: bytes, **how: Any) -> Handler:
    return answering(*pieces, **how)


BAD: dict[str, Handler] = {
    "a byte a second": closing(HEAD + b"Content-Length: 1000\r\n\r\n", b"x", pause=1.0, forever=True),
    "no end": closing(HEAD + b"\r\n", b"<a href='/x'>x</a>" * 4096, forever=True),
    "a gzip bomb": closing(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: " + str(len(BOMB)).encode() + b"\r\n\r\n" + BOMB
    ),
    "headers of 64 KB": closing(HEAD + b"X-Long: " + b"x" * 65_536 + b"\r\nContent-Length: 0\r\n\r\n"),
    "a thousand headers": closing(HEAD + b"X-Many: x\r\n" * 5_000 + b"Content-Length: 0\r\n\r\n"),
    "metadata": closing(
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest/meta-data/\r\nContent-Length: 0\r\n\r\n"
    ),
    "itself": closing(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
    "silence": closing(b"", pause=60.0),
    "no HTTP": closing(b"\x16\x03\x01\x00nonsense\r\n\r\n"),
    "a lying length": closing(HEAD + b"Content-Length: 99999\r\n\r\nshort"),
    "a broken chunk": closing(HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\nx"),
    "broken gzip": closing(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\x1f\x8b\x08junk.."),
    "bytes that are no text": closing(HEAD + b"X-Odd: \xff\xfe\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00\x80"),
    "come back in a year": closing(
        b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 9999999\r\nContent-Length: 0\r\n\r\n"
    ),
}


def fact_for(name: str, port: int) -> Any:
    """An observation of a kind that the module takes, at a server on loopback."""
    root = f"http://127.0.0.1:{port}/"
    consumes = shipped_modules()[name].face.consumes
    if name == "files":
        return observed("url", f"{root}report.pdf")
    if ObservationType.SERVICE in consumes:
        return observed("service", root.rstrip("/"))
    if ObservationType.URL in consumes:
        return observed("url", root)
    return observed("web_param", f"{root}?q", name="q", url=f"{root}?q=1")


@pytest.mark.parametrize("behaviour", list(BAD))
async def test_modules_outlive_bad_servers(behaviour: str) -> None:
    """All modules at once, each with a server of its own."""

    async def against(name: str) -> tuple[str, float, Any]:
        began = time.monotonic()
        async with tcp_server(BAD[behaviour]) as port:
            module = shipped_modules()[name]()
            result = await run(module, fact_for(name, port), config=SETTINGS.get(name), seconds=5.0, limits=LIMITS)
        return name, time.monotonic() - began, result

    done = await asyncio.gather(*(against(name) for name in WEB))
    assert len(done) >= 11
    for name, seconds, result in done:
        assert seconds < 15, f"{name} took {seconds:.1f} s"
        assert len(result.observations) < 3_000, name
        faults = [entry.message for entry in result.log if entry.level == "error"]
        assert all("did not finish in time" in fault for fault in faults), f"{name}: {faults}"
        assert result.stats.rejected == 0, f"{name}: {[entry.message for entry in result.log]}"
        assert all("169.254" not in o.value or o.type in ("url", "ip", "host") for o in result.observations), name


ODD = (
    "http://2130706433/", "http://0x7f000001/", "http://017700000001/", "http://127.1/", "http://0/",
    "http://①②⑦.⓪.⓪.①/", "http://[::ffff:169.254.169.254]/", "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::1]/", "http://[fd00:ec2::254]/", "http://127.0.0.1:9001@169.254.169.254/",
    "http://169.254.169.254/", "http://0.0.0.0/", "file:///proc/self/environ", "gopher://127.0.0.1/",
)  # fmt: skip


@pytest.mark.parametrize("name", WEB)
async def test_modules_send_nothing_to_odd_addresses(name: str) -> None:
    """Even where they are in scope by mistake: the policy refuses, the log says so, nothing is found."""
    face = shipped_modules()[name].face
    kind = next(
        k for k in (ObservationType.SERVICE, ObservationType.URL, ObservationType.WEB_PARAM) if k in face.consumes
    )
    found = []
    for url in ODD:
        value = url.rstrip("/") if kind is ObservationType.SERVICE else url
        value = f"{url}report.pdf" if name == "files" else value
        fact = observed(kind.value, value, name="q", url=f"{url}?q=1")
        result = await run(
            shipped_modules()[name](), fact, config=SETTINGS.get(name), targets=("*", value), seconds=3.0, limits=LIMITS
        )
        found += [(o.type, o.value) for o in result.observations if o.type not in ("host", "ip")]
        assert [entry for entry in result.log if entry.level == "error" and "in time" not in entry.message] == [], url
    assert found == []
