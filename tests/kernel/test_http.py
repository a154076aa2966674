"""The HTTP door: every fault has its problem, every answer its id, and nothing inside is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field

from kernel import errors
from kernel.actor import Actor, Rate
from kernel.errors import PROBLEM_BASE, Problem
from kernel.http import IfMatch, List, ListParameters, Room, lambda_handler, page, reply, require
from kernel.http.app import MAX_BODY, PREFIX, gateway_event
from kernel.idempotency import KeyReused, StillRunning
from kernel.records import InvalidKey
from kernel.table import Table
from tests.kernel.boats import Boat, boat
from tests.kit import Answer, actor, call

SECRET = "the password is swordfish"


def kinds(base: type[Problem]) -> Iterator[type[Problem]]:
    yield base
    for kind in base.__subclasses__():
        if kind.__module__.startswith("kernel"):
            yield from kinds(kind)


PROBLEMS = {kind.__name__: kind for kind in kinds(Problem)}


class Launch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    crew: list[int] = []


app = Room("boats")


@app.post("/boats", status_code=201, response_model=Boat)
async def launch(body: Launch, actor: Actor = require("scans:create")) -> Response:
    return reply(boat(actor, "one", name=body.name), 201)


@app.get("/boats", response_model=List[Boat])
async def fleet(paging: Annotated[ListParameters, Query()], actor: Actor = require("scans:read")) -> Response:
    return page([boat(actor, str(number)) for number in range(paging.limit)], paging.cursor)


@app.put("/boats/{boat_id}", response_model=Boat)
async def rename(boat_id: str, if_match: IfMatch, actor: Actor = require(None)) -> Response:
    return reply(boat(actor, boat_id, name=str(if_match)))


@app.get("/fail/{name}")
async def fail(name: str) -> Response:
    if name == "key":
        raise InvalidKey(SECRET)
    if name == "unexpected":
        raise RuntimeError(SECRET)
    raise PROBLEMS[name](retry_after=7)


handler = lambda_handler(app, prime=["/boats"])


def send(method: str, path: str, who: Actor | None = None, body: Any = None, **options: Any) -> Answer:
    return call(handler, method, path, who, body, **options)


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_every_error_is_an_rfc_9457_problem(name: str) -> None:
    kind = PROBLEMS[name]
    answer = send("GET", f"/fail/{name}", headers={"x-request-id": "request-0001"})
    assert answer.status == kind.status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body == {
        "type": PROBLEM_BASE + kind.slug,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.title,
        "instance": f"{PREFIX}/fail/{name}",
        "trace_id": "request-0001",
    }
    assert answer.headers["retry-after"] == "7"
    assert answer.headers.get("www-authenticate") == ("Bearer" if kind.status == 401 else None)


def test_slugs_are_distinct() -> None:
    slugs = [kind.slug for kind in PROBLEMS.values()]
    assert len(set(slugs)) == len(slugs)
    assert {KeyReused.__name__, StillRunning.__name__, errors.TooLarge.__name__} <= set(PROBLEMS)


def test_an_unexpected_error_says_nothing_of_the_inside() -> None:
    answer = send("GET", "/fail/unexpected", headers={"x-request-id": "request-0001"})
    assert (answer.status, answer.problem) == (500, "internal-error")
    assert SECRET not in json.dumps(answer.body)
    assert "RuntimeError" not in json.dumps(answer.body)
    assert answer.headers["x-request-id"] == "request-0001"


def test_a_key_that_cannot_exist_is_not_found() -> None:
    answer = send("GET", "/fail/key")
    assert (answer.status, answer.problem) == (404, "not-found")
    assert SECRET not in json.dumps(answer.body)


@pytest.mark.parametrize("raw", ["{", '{"name": }', "\x00", "nul", '{"name": "a"} trailing', "[" * 100_000])
def test_a_body_that_is_not_json_is_a_bad_request(raw: str) -> None:
    answer = send("POST", "/boats", actor(), raw=raw)
    assert (answer.status, answer.problem) == (400, "bad-request")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/name"]),
        ({"name": "Argo", "role": "admin"}, ["/role"]),
        ({"name": "Argo", "tenant_id": "org_1"}, ["/tenant_id"]),
        ({"name": 7}, ["/name"]),
        ({"name": "", "crew": [1, "x", 2, "y"]}, ["/name", "/crew/1", "/crew/3"]),
        ({"name": "Argo", "a/b~c": 1}, ["/a~1b~0c"]),
        ([], ["/"]),
        ("text", ["/"]),
        (None, ["/"]),
    ],
)
def test_a_body_with_faults_says_where_each_is(body: Any, pointers: list[str]) -> None:
    answer = send("POST", "/boats", actor(), raw=json.dumps(body))
    assert (answer.status, answer.problem) == (422, "invalid")
    assert [error["pointer"] for error in answer.body["errors"]] == pointers
    assert all(error["detail"] for error in answer.body["errors"])


def test_no_body_at_all_lacks_its_fields() -> None:
    answer = send("POST", "/boats", actor(), raw="")
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/")


@pytest.mark.parametrize("length", [MAX_BODY, MAX_BODY + 1])
def test_a_body_has_a_limit(length: int) -> None:
    padding = "x" * (length - len('{"name":""}'))
    answer = send("POST", "/boats", actor(), raw='{"name":"' + padding + '"}')
    expected = 201 if length <= MAX_BODY else 413
    assert answer.status == expected
    if expected == 413:
        assert answer.problem == "body-too-large"
    with_key = send("POST", "/boats", actor(), raw="x" * (MAX_BODY + 1), headers={"idempotency-key": "k"})
    assert (with_key.status, with_key.problem) == (413, "body-too-large")


def test_unknown_paths_and_methods_are_told_apart() -> None:
    for path in ("/nowhere", "/boats/", "/boats/a/b", "/"):
        assert send("GET", path, actor()).problem == "not-found"
    wrong = send("DELETE", "/boats", actor())
    assert (wrong.status, wrong.problem) == (405, "method-not-allowed")
    assert wrong.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("offered", ["request-0001", "A" * 128, "a.b_c-d9"])
def test_a_sane_request_id_is_kept(offered: str) -> None:
    answer = send("GET", "/boats", actor(), headers={"x-request-id": offered})
    assert answer.headers["x-request-id"] == offered


@pytest.mark.parametrize(
    "offered", [None, "", "short", "A" * 129, "has space1", "line\nbreak", "ümlaut-id", "<script>x"]
)
def test_any_other_request_id_is_replaced(offered: str | None) -> None:
    headers = {} if offered is None else {"x-request-id": offered}
    first, second = (send("GET", "/nowhere", None, headers=headers) for _ in range(2))
    assert first.headers["x-request-id"].startswith("req_")
    assert first.headers["x-request-id"] == first.body["trace_id"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_the_trace_of_the_gateway_names_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793")
    assert send("GET", "/nowhere").body["trace_id"].startswith("Root=")


def test_nobody_the_powerless_and_the_forged_are_refused() -> None:
    nobody = send("GET", "/boats")
    assert (nobody.status, nobody.body["detail"]) == (401, "No token was sent.")
    powerless = actor().model_copy(update={"permissions": frozenset({"scans:creat", "boats:*"})})
    assert send("GET", "/boats", powerless).problem == "forbidden"
    assert send("PUT", "/boats/1", powerless, {}).status == 200
    for forged in ("{", "{}", '{"tenant_id": "org_1"}', '{"tenant_id": "*"}'):
        event = gateway_event("GET", PREFIX + "/boats", authorizer={"actor": forged})
        assert handler(event, None)["statusCode"] == 401
    for context in ({}, {"authorizer": None}, {"authorizer": {"lambda": None}}):
        event = gateway_event("GET", PREFIX + "/boats")
        event["requestContext"] |= context
        assert handler(event, None)["statusCode"] == 401


def test_the_caller_is_who_the_authorizer_says_and_not_what_the_request_says() -> None:
    who = actor()
    headers = {"x-tenant-id": "org_other", "authorization": "Bearer x"}
    answer = send("POST", "/boats", who, {"name": "Argo"}, headers=headers, query=f"tenant_id={actor().tenant_id}")
    assert answer.status == 201
    assert "tenant_id" not in answer.body


def test_a_created_resource_says_where_it_is_and_at_which_version() -> None:
    answer = send("POST", "/boats", actor(), {"name": "Argo"})
    assert answer.headers["location"] == f"{PREFIX}/boats/one"
    assert answer.headers["etag"] == '"0"'
    read = send("PUT", "/boats/one", actor(), {})
    assert "location" not in read.headers


@pytest.mark.parametrize(
    ("sent", "understood"), [(None, "None"), ("*", "None"), ('"3"', "3"), ('W/"12"', "12"), ('"0"', "0")]
)
def test_if_match_takes_the_etags_that_we_give(sent: str | None, understood: str) -> None:
    answer = send("PUT", "/boats/one", actor(), {}, headers={"if-match": sent} if sent else {})
    assert answer.body["name"] == understood


@pytest.mark.parametrize("sent", ["3", '"x"', '"-1"', '"1', '"1", "2"', '"' + "9" * 13 + '"', "é"])
def test_if_match_that_we_never_gave_is_no_etag(sent: str) -> None:
    answer = send("PUT", "/boats/one", actor(), {}, headers={"if-match": sent})
    assert (answer.status, answer.problem) == (422, "invalid")
    assert answer.body["errors"][0]["pointer"] == "header.if-match"


@pytest.mark.parametrize(("query", "count"), [("", 50), ("limit=1", 1), ("limit=200", 200)])
def test_lists_have_a_limit(query: str, count: int) -> None:
    answer = send("GET", "/boats", actor(), query=query)
    assert (len(answer.body["items"]), answer.body["next_cursor"]) == (count, None)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=1e2", "cursor=" + "x" * 2049])
def test_a_limit_beyond_the_bounds_is_said(query: str) -> None:
    answer = send("GET", "/boats", actor(), query=query)
    assert answer.status == 422
    assert answer.body["errors"][0]["pointer"] == "query." + query.partition("=")[0]


def test_unknown_parameters_are_refused() -> None:
    assert send("GET", "/boats", actor(), query="colour=red").status == 422


def test_a_cursor_is_written_as_it_is() -> None:
    assert send("GET", "/boats", actor(), query="limit=1&cursor=abc").body["next_cursor"] == "abc"


def test_every_answer_says_how_the_caller_stands_and_one_too_many_is_refused(table: Table) -> None:
    who = actor().model_copy(update={"rate": Rate(per_second=1, burst=3)})
    answers = [call(handler, "GET", "/boats", who) for _ in range(5)]
    assert [answer.status for answer in answers[:3]] == [200, 200, 200]
    assert [answer.headers["ratelimit"] for answer in answers[:3]] == [
        '"requests";r=2;t=1',
        '"requests";r=1;t=2',
        '"requests";r=0;t=3',
    ]
    assert answers[4].status == 429
    assert answers[4].problem == "rate-limit-exceeded"
    assert answers[4].headers["retry-after"] == "1"
    assert answers[4].headers["ratelimit-policy"] == '"requests";q=3;w=3'
    assert "ratelimit" not in call(handler, "GET", "/boats", actor()).headers


@pytest.mark.parametrize(
    ("slug", "status"),
    [("forbidden-by-policy", 403), ("organization-suspended", 403), ("forbidden", 403), ("unauthenticated", 401)],
)
def test_why_the_entrance_lets_nobody_in_is_the_rooms_answer(slug: str, status: int) -> None:
    event = gateway_event("GET", PREFIX + "/boats", authorizer={"reason": "Because.", "problem": slug})
    answer = handler(event, None)
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["detail"]) == (status, "Because.")
    assert problem["type"].endswith(slug)
