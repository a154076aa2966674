"""Exchanges with the API: what is repeated, what is not, and what odd answers become."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from palisade import session, transport
from palisade.api import Api
from palisade.errors import ApiProblem, Unreachable, WrongUsage
from palisade.session import Session
from tests.client.conftest import Palisade
from tests.client.platform import Platform, problem, scan

BUSY = problem(503, "unavailable", "A service that this needs does not answer")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSES", (0.0, 0.0))


@pytest.fixture
def api(logged_in: Platform) -> Iterator[Api]:
    with Api(session.read()) as client:
        yield client


def test_a_busy_platform_is_asked_again(logged_in: Platform, api: Api) -> None:
    logged_in.answer("GET /scans", BUSY, problem(429, "too-many-requests", "Too many"), {"items": []})
    assert api.get("/scans") == {"items": []}


def test_a_platform_that_stays_busy_is_a_problem(logged_in: Platform, api: Api) -> None:
    logged_in.answer("GET /scans", BUSY)
    with pytest.raises(ApiProblem, match=r"trace-1"):
        api.get("/scans")
    assert len(logged_in.calls) == 3


def test_a_long_retry_after_is_not_waited_for(logged_in: Platform, api: Api) -> None:
    logged_in.answer("GET /scans", web.Response(status=429, headers={"Retry-After": "9999999"}))
    with pytest.raises(ApiProblem):
        api.get("/scans")
    assert len(logged_in.calls) == 1


def test_a_command_is_repeated_under_its_own_key(logged_in: Platform, api: Api) -> None:
    logged_in.answer("POST /scans", BUSY, scan())
    api.post("/scans", {"name": "x"})
    first, second = logged_in.calls
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.body == second.body


def test_what_has_no_key_is_sent_once(logged_in: Platform, api: Api) -> None:
    logged_in.answer("PUT /x", BUSY)
    logged_in.answer("DELETE /x", BUSY)
    for send in (lambda: api.put("/x", {}), lambda: api.delete("/x")):
        with pytest.raises(ApiProblem):
            send()
    assert len(logged_in.calls) == 2


def test_nobody_there_is_one_sentence_and_code_1(palisade: Palisade) -> None:
    session.keep(Session("http://127.0.0.1:1", "a", "b", "c"))
    said = palisade("scans")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: http://127.0.0.1:1 does not answer (")
    assert palisade("scans", "--json").problem["title"] == "The platform does not answer"


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (web.Response(status=404, text='{"message":"Not Found"}'), "Not Found."),
        (web.Response(status=502, text='{"errorMessage": "no worker"}'), "no worker"),
        (web.Response(status=500, text="<h1>oops</h1>"), "Internal Server Error"),
        (web.Response(status=500, text="[1]"), "Internal Server Error"),
        (web.Response(status=418, text='"tea"'), "I'm a Teapot"),
        (web.Response(status=301, headers={"Location": "https://elsewhere.example/"}), "Moved Permanently"),
    ],
)
def test_a_refusal_that_states_no_problem_becomes_one(
    logged_in: Platform, api: Api, answer: web.Response, detail: str
) -> None:
    logged_in.answer("GET /x", answer)
    with pytest.raises(ApiProblem) as raised:
        api.get("/x")
    assert detail in str(raised.value)
    assert raised.value.problem()["status"] == answer.status


@pytest.mark.parametrize("text", ["<html>", "[]", '"x"'])
def test_something_else_than_the_api_is_recognised(logged_in: Platform, api: Api, text: str) -> None:
    logged_in.answer("GET /x", web.Response(text=text))
    with pytest.raises(Unreachable, match="does not speak Palisade's API"):
        api.get("/x")


def test_the_socket_lies_beside_the_api(logged_in: Platform, api: Api) -> None:
    assert api.socket_url() == f"{logged_in.url.replace('http', 'ws')}/ws?token={logged_in.access_token}"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://a.localhost"])
def test_this_machine_may_be_spoken_to_in_the_clear(url: str) -> None:
    transport.open_client(url).close()


@given(st.text(max_size=40))
def test_any_address_is_opened_or_refused(text: str) -> None:
    try:
        transport.open_client(text).close()
    except WrongUsage:
        return
    assert httpx.URL(text).scheme in ("http", "https")


@given(st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.none() | st.lists(st.text(), max_size=2)))
def test_any_problem_has_a_sentence(document: dict[str, object]) -> None:
    assert str(ApiProblem(document)).endswith(".")
