"""The front door, in front of an origin of the test's own, and in front of the emulator."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from infra.local import front_door
from infra.local.emulator import Handle
from infra.local.endpoints import Origins
from tests.infra.local.cloud_kit import Function

Client = TestClient[web.Request, web.Application]


async def _echo(request: web.Request) -> web.Response:
    body = await request.read()
    seen = {
        "path": request.raw_path,
        "method": request.method,
        "size": len(body),
        "headers": {name.lower(): value for name, value in request.headers.items()},
    }
    return web.json_response(seen, headers={"Set-Cookie": "a=1"})


async def _drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(3):
        await response.write(b"x" * 1000)
    return response


async def _socket(request: web.Request) -> web.StreamResponse:
    if request.query.get("token") != "good":
        return web.Response(status=401)
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.data == "die":
            await socket.close(code=1001)
        else:
            await socket.send_str(f"echo {message.data}")
    return socket


async def _stored(request: web.Request) -> web.Response:
    pages = {"index.html": b"<h1>app</h1>", "assets/app.js": b"run()"}
    body = pages.get(request.match_info["key"])
    return web.Response(body=body) if body else web.Response(status=404)


async def _other(_request: web.Request) -> web.Response:
    return web.Response(body=b"what lies elsewhere")


@pytest.fixture
async def origin() -> AsyncIterator[TestServer]:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_get("/_aws/execute-api/http1234/$default/api/drip", _drip)
    app.router.add_route("*", "/_aws/execute-api/http1234/{path:.*}", _echo)
    app.router.add_get("/_aws/execute-api/wsws1234/live", _socket)
    app.router.add_get("/web-bucket/{key:.*}", _stored)
    app.router.add_get("/other-bucket/{key:.*}", _other)
    async with TestServer(app) as server:
        yield server


@pytest.fixture
async def door(origin: TestServer, tmp_path: Path) -> AsyncIterator[Client]:
    file = tmp_path / "origins.json"
    Origins(str(origin.make_url("")).rstrip("/"), "http1234", "wsws1234", "live", "web-bucket").write(file)
    async with TestClient(TestServer(front_door.application(file))) as client:
        yield client


async def test_the_api_gets_the_request_as_it_came(door: Client) -> None:
    async with door.get(
        "/api/v1/a%2Fb?x=1&x=%20", headers={"X-Request-Id": "req-1", "X-Forwarded-For": "9.9.9.9"}
    ) as answer:
        seen = await answer.json()
        assert seen["path"].endswith("/$default/api/v1/a%2Fb?x=1&x=%20")
        assert seen["headers"]["x-request-id"] == "req-1" == answer.headers["X-Request-Id"]
        assert seen["headers"]["x-forwarded-for"] == "9.9.9.9, 127.0.0.1"
        assert answer.headers["Set-Cookie"] == "a=1"


async def test_scim_lies_beside_the_api(door: Client) -> None:
    async with door.patch("/scim/v2/Users/a?attributes=id", data=b"{}") as answer:
        assert (await answer.json())["path"].endswith("/$default/scim/v2/Users/a?attributes=id")


@pytest.mark.parametrize("given", ["", "a\tb", "x" * 200, "<script>"])
async def test_a_request_without_a_sound_id_gets_one(door: Client, given: str) -> None:
    async with door.get("/api/v1/any", headers={"X-Request-Id": given}) as answer:
        named = (await answer.json())["headers"]["x-request-id"]
        assert named != given
        assert answer.headers["X-Request-Id"] == named


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:8080"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/scans", "/", "/ws"])
async def test_foreign_names_and_pages_are_refused(door: Client, headers: dict[str, str], path: str) -> None:
    async with door.get(path, headers=headers) as answer:
        assert answer.status == 403
        assert answer.content_type == "application/problem+json"


async def test_a_page_of_this_machine_may_call(door: Client) -> None:
    async with door.post("/api/v1/scans", headers={"Origin": "http://localhost:5173"}, data=b"{}") as answer:
        assert answer.status == 200


async def test_a_body_up_to_the_limit_passes_and_one_beyond_it_does_not(door: Client) -> None:
    async with door.post("/api/v1/up", data=io.BytesIO(b"x" * front_door.MAX_BODY)) as answer:
        assert (await answer.json())["size"] == front_door.MAX_BODY
    async with door.post("/api/v1/up", data=io.BytesIO(b"x" * (front_door.MAX_BODY + 1))) as answer:
        assert answer.status == 413


async def test_a_body_of_unknown_length_is_cut_off_at_the_limit(door: Client) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield b"x" * 1024 * 1024

    async with door.post("/api/v1/up", data=endless()) as answer:
        assert answer.status == 413


async def test_an_answer_is_streamed(door: Client) -> None:
    async with door.get("/api/drip") as answer:
        assert await answer.read() == b"x" * 3000


async def test_files_of_the_web_app_and_its_own_paths(door: Client) -> None:
    for path, kind, text in (
        ("/", "text/html", "<h1>app</h1>"),
        ("/scans/scan_1", "text/html", "<h1>app</h1>"),
        ("/assets/app.js", "text/javascript", "run()"),
    ):
        async with door.get(path) as answer:
            assert (answer.status, answer.content_type, await answer.text()) == (200, kind, text)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    async with door.get("/assets/missing.js") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    "path", ["/..%2Fother-bucket/secret", "/%2e%2e/other-bucket/secret", "/a/..%2f..%2fother-bucket/secret.txt"]
)
async def test_no_path_leaves_the_web_bucket(door: Client, path: str) -> None:
    async with aiohttp.ClientSession() as session:
        url = URL(f"http://127.0.0.1:{door.port}{path}", encoded=True)
        async with session.get(url) as answer:
            assert b"what lies elsewhere" not in await answer.read()


async def test_frames_pass_both_ways_and_a_close_of_the_service_reaches_the_client(door: Client) -> None:
    async with door.ws_connect("/ws?token=good") as socket:
        await socket.send_str("one")
        assert await socket.receive_str() == "echo one"
        await socket.send_str("die")
        closed = await socket.receive()
        assert closed.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING)
        assert closed.data == 1001


async def test_a_refused_handshake_is_refused_with_its_status(door: Client) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await door.ws_connect("/ws?token=bad")
    assert refused.value.status == 401


async def test_nothing_deployed_is_said_so(tmp_path: Path) -> None:
    async with TestClient(TestServer(front_door.application(tmp_path / "none.json"))) as client:
        for path in ("/", "/api/v1/health", "/ws"):
            async with client.get(path) as answer:
                assert answer.status == 503
                assert (await answer.json())["title"] == "Service Unavailable"


async def test_new_origins_are_followed_and_a_dead_one_is_waited_for(
    origin: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "origins.json"
    Origins("http://127.0.0.1:9", "http1234").write(file)
    async with TestClient(TestServer(front_door.application(file))) as client:
        monkeypatch.setattr(front_door, "WAIT_FOR_ORIGIN", 0.2)
        async with client.get("/api/v1/x") as answer:
            assert answer.status == 502
            assert answer.headers["Retry-After"] == "1"
        Origins(str(origin.make_url("")).rstrip("/"), "http1234").write(file)
        async with client.get("/api/v1/x") as answer:
            assert answer.status == 200


@pytest.mark.emulator
async def test_through_the_door_to_a_function(
    handle: Handle, aws: Callable[[str], Any], function: Callable[..., Function], tmp_path: Path
) -> None:
    source = "import json\ndef handler(e, c): return {'statusCode': 201, 'body': json.dumps(e['rawPath'])}"
    target = function(source)
    gateway = aws("apigatewayv2")
    api = gateway.create_api(Name="a", ProtocolType="HTTP", Target=target.arn, RouteKey="$default")["ApiId"]
    if not gateway.get_stages(ApiId=api)["Items"]:
        gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    if not gateway.get_routes(ApiId=api)["Items"]:
        integration = gateway.create_integration(
            ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=target.arn, PayloadFormatVersion="2.0"
        )["IntegrationId"]
        gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{integration}")
    file = tmp_path / "origins.json"
    Origins(handle.endpoint, api).write(file)
    async with TestClient(TestServer(front_door.application(file))) as client:
        answers = await asyncio.gather(*(client.post(f"/api/v1/scans/{n}", data=b"{}") for n in range(8)))
        assert [json.loads(await answer.read()) for answer in answers] == [f"/api/v1/scans/{n}" for n in range(8)]
        assert {answer.status for answer in answers} == {201}
