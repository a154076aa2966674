"""Deliveries to real servers on loopback, well-behaved and otherwise."""

from __future__ import annotations

import contextlib
import gzip
import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from functions.webhooks import gateways
from functions.webhooks.gateways import TIMEOUT_SECONDS, HttpEndpoint
from functions.webhooks.model import MAX_RETRY_AFTER, Outcome
from tests.edges import receiving, status

Answer = Callable[[BaseHTTPRequestHandler], None]


async def deliver(answer: Answer) -> Outcome:
    with receiving(answer) as receiver:
        outcome = await HttpEndpoint().post(receiver.url, {"content-type": "application/json"}, '{"a": 1}')
        assert all(body == '{"a": 1}' for _, body in receiver.requests)
        assert len(receiver.requests) == 1
    return outcome


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
async def test_an_answer_of_the_second_hundred_is_an_acknowledgement(code: int) -> None:
    outcome = await deliver(status(code))
    assert (outcome.status, outcome.error, outcome.delivered) == (code, None, True)


@pytest.mark.parametrize("code", [400, 401, 404, 410, 429, 500, 503])
async def test_any_other_is_a_failure_with_its_status(code: int) -> None:
    outcome = await deliver(status(code))
    assert (outcome.status, outcome.delivered) == (code, False)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(code: int) -> None:
    with receiving(status(200)) as elsewhere:
        outcome = await deliver(status(code, Location=elsewhere.url))
        assert elsewhere.requests == []
    assert (outcome.status, outcome.delivered) == (code, False)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("9999999", MAX_RETRY_AFTER),
        ("9" * 40, MAX_RETRY_AFTER),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("", None),
    ],
)
async def test_retry_after_is_read_and_bounded(value: str, seconds: int | None) -> None:
    outcome = await deliver(status(503, Retry_After=value))
    assert outcome.retry_after == seconds


async def test_a_date_in_the_future_is_seconds_from_now() -> None:
    outcome = await deliver(status(503, Retry_After="Fri, 31 Dec 2199 23:59:59 GMT"))
    assert outcome.retry_after is not None
    assert outcome.retry_after > MAX_RETRY_AFTER


def raw(*pieces: bytes, pause: float = 0.0, forever: bool = False) -> Answer:
    """Bytes as they are; the last piece again and again if `forever`."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        with contextlib.suppress(OSError):
            for piece in pieces:
                request.wfile.write(piece)
                time.sleep(pause)
            while forever:
                request.wfile.write(pieces[-1])
                time.sleep(pause)

    return answer


HEAD = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(b"\0" * 50_000_000)


async def test_an_acknowledgement_counts_however_long_its_body_is() -> None:
    assert (await deliver(raw(HEAD + b"\r\n", b"x" * 65_536, forever=True))).delivered
    zipped = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB)
    assert (await deliver(raw(zipped, BOMB))).delivered


@pytest.mark.parametrize(
    "answer",
    [
        raw(HEAD + b"X: " + b"a" * 70_000 + b"\r\n\r\n"),
        raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
        raw(b""),
        raw(HEAD + b"Content-Length: x\r\n\r\n"),
        raw(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"),
    ],
    ids=["64 KB of headers", "not HTTP", "nothing", "no length", "not compressed"],
)
async def test_an_answer_that_cannot_be_read_is_an_error_in_words(answer: Answer) -> None:
    outcome = await deliver(answer)
    assert (outcome.status, outcome.delivered) == (None, False)
    assert outcome.error
    assert len(outcome.error) <= 300


async def test_a_receiver_that_drips_is_left_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TIMEOUT_SECONDS == 15
    monkeypatch.setattr(gateways, "TIMEOUT_SECONDS", 0.3)
    outcome = await deliver(raw(b"H", b"T", b"T", b"P", b"/", pause=0.1, forever=True))
    assert not outcome.delivered
    assert outcome.error
    assert outcome.milliseconds >= 300


async def test_nobody_at_home_is_an_error_in_words() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        outcome = await HttpEndpoint().post(f"http://127.0.0.1:{free.getsockname()[1]}/", {}, "{}")
    assert outcome.status is None
    assert outcome.error


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://127.0.0.1:4566/",
        "http://localhost:8080/api/v1/scans",
        "http://2130706433/",
        "http://user:secret@127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
    ],
)
async def test_an_address_that_nobody_may_call_is_not_called(url: str) -> None:
    outcome = await HttpEndpoint().post(url, {}, "{}")
    assert (outcome.status, outcome.delivered) == (None, False)
    assert outcome.error


@pytest.mark.parametrize("realms", ["", "private"])
async def test_a_shared_deployment_calls_nothing_on_its_own_machine(
    monkeypatch: pytest.MonkeyPatch, realms: str
) -> None:
    monkeypatch.setenv("SCAN_REALMS", realms)
    with receiving(status(200)) as receiver:
        outcome = await HttpEndpoint().post(receiver.url, {}, "{}")
        assert receiver.requests == []
    assert outcome.error
