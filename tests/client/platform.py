"""A small server on loopback that speaks the API's shapes, so that the client is tested over a real connection."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

EMAIL, PASSWORD = "ada@acme.example", "correct horse battery staple"
SCAN = "scan_01J00000000000000000000000"
RECORDED: list[dict[str, Any]] = json.loads((Path(__file__).parent / "recorded_scan.json").read_text())
Json = dict[str, Any]


@dataclass
class Call:
    """One request that came."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class Platform:
    """What the server knows and does, for tests to set; and what came, for them to look at."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    access_token: str = "token-0"
    refresh_token: str = "refresh-0"
    asks: dict[str, Any] | None = None
    """What a log-in asks beyond the password."""
    sso: dict[str, str] = field(
        default_factory=lambda: {
            "authorization_url": "https://login.example/go",
            "state": "s-1",
            "connection": "Acme ID",
        }
    )
    """What the start of a single sign-on is answered with."""
    began: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, list[web.Response | Json]] = field(default_factory=dict)
    """Answers by `METHOD /path` (without the prefix), used up one after the other; the last one stays."""
    files: dict[str, bytes] = field(default_factory=dict)
    has_sockets: bool = True
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    on_subscribe: Callable[[Platform], None] = lambda _platform: None
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def answer(self, call: str, *answers: web.Response | Json) -> None:
        """What a call gets, one after the other; the last answer stays."""
        self.answers[call] = list(answers)

    def page(self, call: str, items: list[Json], cursor: str | None = None) -> None:
        """A list on one page."""
        self.answer(call, {"items": items, "next_cursor": cursor})

    def is_back_with(self, body: Any) -> bool:
        """Whether somebody shows the code, and the secret of the single sign-on that began."""
        proof = hashlib.sha256(str(body["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        mine = (self.began["code_challenge"], self.sso["state"], "c-1", self.began["redirect_uri"])
        return (challenge, body["state"], body["code"], body["redirect_uri"]) == mine

    def push(self, data: Json) -> None:
        """Send a message to everybody who listens; safe in the server's own thread."""
        for socket in self.sockets:
            asyncio.run_coroutine_threadsafe(socket.send_str(json.dumps(data)), self.loop)

    def called(self, call: str) -> list[Call]:
        """The requests of one kind that came."""
        method, _, path = call.partition(" ")
        return [each for each in self.calls if each.method == method and each.path == path]

    def end(self, status: str = "finished", findings: list[Json] | None = None, reason: str | None = None) -> None:
        """A scan that has ended by the time it is looked at."""
        tally = {
            "waves": 2,
            "tasks": 9,
            "observations": 19,
            "entities": 12,
            "findings": len(findings or []),
            "errors": 0,
        }
        self.answer(f"GET /scans/{SCAN}", scan(status=status, wave=2, tally=tally, reason=reason))
        self.answer(f"GET /scans/{SCAN}/progress", progress(wave=2))
        self.page(f"GET /scans/{SCAN}/findings", findings or [])


def scan(**changes: Any) -> Json:
    """A scan as the API shows it."""
    return {
        "scan_id": SCAN,
        "name": "example.com",
        "status": "created",
        "targets": ["example.com"],
        "scope": {"allow": [], "deny": [], "max_distance": 1},
        "modules": {"resolve": "1.0.0"},
        "profile": "quick",
        "wave": 0,
        "tally": {"waves": 0, "tasks": 0, "observations": 0, "entities": 0, "findings": 0, "errors": 0},
        "created_at": "2026-01-02T03:04:05.678Z",
        "started_at": None,
        "finished_at": None,
        "reason": None,
        **changes,
    }


def progress(**changes: Any) -> Json:
    """How far a wave is, as the API shows it."""
    empty = {"wave": 0, "batches": 0, "batches_done": 0, "tasks": 0, "modules": [], "observations": 0, "errors": 0}
    return {"scan_id": SCAN, **empty, **changes}


def finding(severity: str, title: str = "A weakness", **changes: Any) -> Json:
    """A finding as the API shows it."""
    return {
        "finding_id": f"fnd_{severity}",
        "check": "module:x/y",
        "asset": "www.example.com",
        "title": title,
        "severity": severity,
        "description": "What it is.\nAnd why.",
        "remedy": "Mend it.",
        "confidence": 0.9,
        "status": "open",
        "first_seen": "2026-01-02T03:04:05.678Z",
        "last_seen": "2026-01-02T03:04:05.678Z",
        "chain": ["example.com", "www.example.com"],
        "history": [],
        **changes,
    }


def problem(status: int, kind: str, title: str, **more: Any) -> web.Response:
    """A refusal as the API states it."""
    document = {"type": f"https://palisade.dev/problems/{kind}", "title": title, "status": status, "detail": title}
    return web.json_response(
        {**document, "instance": "/", "trace_id": "trace-1", **more},
        status=status,
        content_type="application/problem+json",
        headers={"Retry-After": "0"} if status in (429, 503) else {},
    )


@contextlib.contextmanager
def serving() -> Iterator[Platform]:
    """The server, in a thread of its own, until the end of the block."""
    platform = Platform()
    thread = threading.Thread(target=platform.loop.run_forever, daemon=True)
    thread.start()
    runner = _in(platform, _start(platform))
    try:
        yield platform
    finally:
        _in(platform, _stop(platform, runner))
        platform.loop.call_soon_threadsafe(platform.loop.stop)
        thread.join()
        platform.loop.close()


def _in(platform: Platform, work: Awaitable[Any]) -> Any:
    async def awaited() -> Any:
        return await work

    return asyncio.run_coroutine_threadsafe(awaited(), platform.loop).result(20)


async def _start(platform: Platform) -> web.AppRunner:
    app = web.Application()
    app.router.add_get("/ws", functools.partial(_socket, platform))
    app.router.add_get("/files/{name}", functools.partial(_file, platform))
    app.router.add_put("/files/{name}", functools.partial(_put, platform))
    app.router.add_route("*", "/{path:.*}", functools.partial(_api, platform))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    platform.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return runner


async def _stop(platform: Platform, runner: web.AppRunner) -> None:
    for socket in platform.sockets:
        await socket.close()
    await runner.cleanup()


async def _note(platform: Platform, request: web.Request) -> Call:
    text = await request.text()
    query = {name: request.query.getall(name) for name in request.query}
    path = request.path.removeprefix("/api/v1")
    call = Call(request.method, path, query, dict(request.headers), json.loads(text) if text else None)
    platform.calls.append(call)
    return call


async def _api(platform: Platform, request: web.Request) -> web.StreamResponse:
    call = await _note(platform, request)
    if call.path.startswith("/auth/") and not call.path.startswith("/auth/sessions"):
        return _auth(platform, call)
    if call.headers.get("Authorization") != f"Bearer {platform.access_token}":
        return problem(401, "unauthenticated", "Log in first")
    answers = platform.answers.get(f"{call.method} {call.path}")
    if not answers:
        return problem(404, "not-found", "There is no such resource")
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, web.Response):
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    return web.json_response(answer)


RECOVERY = "abcd-efgh-jkmn-pqrs"
ANSWERS = ({"session": "s" * 20, "code": "123456"}, {"session": "s" * 20, "new_password": "New-Horse-9-Battery"})


def _auth(platform: Platform, call: Call) -> web.Response:
    tokens = {"access_token": platform.access_token, "refresh_token": platform.refresh_token, "expires_in": 900}
    match call.path:
        case "/auth/login" if call.body == {"email": EMAIL, "password": PASSWORD}:
            return web.json_response(platform.asks or tokens, status=202 if platform.asks else 200)
        case "/auth/login" if isinstance(call.body, dict) and call.body.get("recovery_code") == RECOVERY:
            return web.json_response(tokens | {"mfa_was_disabled": True})
        case "/auth/challenge" if call.body in ANSWERS:
            return web.json_response(tokens)
        case "/auth/switch" if call.body == {"refresh_token": platform.refresh_token, "organization_id": "org_2"}:
            return web.json_response(tokens | {"access_token": platform.access_token, "refresh_token": "refresh-2"})
        case "/auth/sso" if isinstance(call.body, dict) and call.body.get("email") == EMAIL:
            platform.began = call.body
            return web.json_response(platform.sso)
        case "/auth/sso/token" if platform.is_back_with(call.body):
            return web.json_response(tokens)
        case "/auth/sso":
            return problem(404, "no-sso", "There is no single sign-on for this address")
        case "/auth/login":
            return problem(401, "wrong-credentials", "E-mail or password is wrong")
        case "/auth/refresh" if call.body == {"refresh_token": platform.refresh_token}:
            return web.json_response(tokens | {"refresh_token": None})
        case "/auth/logout":
            return web.Response(status=204)
    return problem(401, "session-over", "The session is over: log in again")


async def _file(platform: Platform, request: web.Request) -> web.StreamResponse:
    call = await _note(platform, request)
    found = platform.files.get(request.match_info["name"])
    if found is None or "Authorization" in call.headers:
        return web.Response(status=403)
    return web.Response(body=found)


async def _put(platform: Platform, request: web.Request) -> web.StreamResponse:
    if "Authorization" in request.headers or "Content-Length" not in request.headers:
        return web.Response(status=403)
    platform.files[request.match_info["name"]] = await request.read()
    return web.Response()


async def _socket(platform: Platform, request: web.Request) -> web.StreamResponse:
    if not platform.has_sockets or request.query.get("token") != platform.access_token:
        return web.Response(status=401)
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    platform.sockets.append(socket)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(json.dumps({"type": "subscribed", "topic": json.loads(message.data)["topic"]}))
            platform.on_subscribe(platform)
    return socket
