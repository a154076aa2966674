"""A deployment as moto plays it, with one organisation in it, and what the scenes need to have happened there."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property
from typing import Any

import jwt
import pytest
from dnslib import QTYPE, RR, TXT
from dnslib.server import BaseResolver, DNSLogger, DNSServer

from contracts.facts import encode_rows, segment_key
from contracts.observations import Observation, observation_id
from functions.collection import steps as collection
from functions.findings import steps as findings
from functions.identity.model import User
from functions.identity.service.members import join
from functions.identity.store import Store as People
from functions.intelligence import steps as intelligence
from functions.organizations import service as organizations
from functions.organizations.store import Store as Organizations
from functions.scans import steps as scans
from infra.generated import openapi
from kernel import aws
from kernel.events import Envelope
from kernel.facts import Facts
from kernel.http.app import PREFIX
from tests import edges
from tests.edges import Receiver, receiving, status
from tests.kit import Answer, Handler, actor, call, committed_events, sqs_event

SITE = "http://127.0.0.1:8000"
SCAN = {"name": "Site", "targets": [f"{SITE}/"], "profile": "web"}
AT = "2026-01-01T00:00:01.000Z"
WEAKNESS = {
    "check": "missing-content-security-policy",
    "asset": SITE,
    "title": "No Content-Security-Policy",
    "severity": "critical",
    "description": "The site does not say where its scripts may come from, so that a browser runs whatever got in.",
    "remedy": "Send a Content-Security-Policy that names the sources of scripts, styles and frames.",
}


@cache
def operations() -> dict[str, Handler]:
    """The Lambda handler of every operation of the OpenAPI document, by `METHOD /path`."""
    described = {
        f"{method.upper()} {path}": operation["tags"][0]
        for path, item in openapi()["paths"].items()
        for method, operation in item.items()
    }
    return {name: importlib.import_module(f"functions.{room}.api").handler for name, room in described.items()}


class World(ExitStack):
    """What happens in it is real; what it reaches for outside is played on loopback."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.who = actor()
        self._monkeypatch = monkeypatch
        edges.set_up(monkeypatch)
        monkeypatch.setenv("REPORT_MACHINE_ARN", aws.setting("SCAN_MACHINE_ARN"))
        for name in ("SETTLE", "FORGET", "IMPORT", "PRIVACY_EXPORT", "PRIVACY_ERASURE", "PRIVACY_TENANT"):
            monkeypatch.setenv(f"{name}_MACHINE_ARN", aws.setting("SCAN_MACHINE_ARN"))
        monkeypatch.setenv("USER_POOL_CLIENT_ID", "client")

    def setting(self, name: str, value: str) -> None:
        """Something that the stack would tell the doors."""
        self._monkeypatch.setenv(name, value)

    def send(self, name: str, path: str, body: Any = None, **options: Any) -> Answer:
        """A request of the organisation's administrator, to the operation of that name."""
        return call(operations()[name], name.partition(" ")[0], path, self.who, body, **options)

    def create(self, path: str, body: Any) -> dict[str, Any]:
        """What a POST makes."""
        answer = self.send(f"POST {path}", path, body)
        assert answer.status in (200, 201, 202), answer.body
        made: dict[str, Any] = answer.body
        return made

    def scan(self, *commands: str) -> str:
        """A scan to which these commands were given, one after another; its path."""
        path = f"/scans/{self.create('/scans', SCAN)['scan_id']}"
        for command in commands:
            assert self.send(f"POST /scans/{{scan_id}}/{command}", f"{path}/{command}").status == 202
        return path

    @cached_property
    def person(self) -> User:
        """The administrator, as a member of the organisation."""
        user = User(
            tenant_id=self.who.tenant_id,
            user_id=self.who.user_id,
            email="ann@example.com",
            name="Ann",
            roles=self.who.roles,
            created_at=AT,
        )
        join(People(), self.who, user, None)
        return user

    @cached_property
    def organization(self) -> str:
        """The path of the organisation, which has been founded."""
        organizations.create_organization(Organizations(), self.who, "Acme")
        return f"/organizations/{self.who.tenant_id}"

    def tell(self, *rooms: str) -> list[Envelope]:
        """Deliver all that was committed to the event doors of these rooms."""
        events = committed_events()
        for room in rooms:
            door = importlib.import_module(f"functions.{room}.events").handler
            for start in range(0, len(events), 10):
                assert door(sqs_event(*events[start : start + 10]), None) == {"batchItemFailures": []}
        return events

    @cached_property
    def scanned(self) -> str:
        """The path of a scan of one wave that found a little, with a critical finding and a line in its log."""
        path = self.scan("start")
        event = {"tenant_id": self.who.tenant_id, "scan_id": path.rpartition("/")[2]}
        scans.gate(event, None)
        collection.plan({**event, "wave": 0}, None)
        collection.record_loss({**event, "wave": 0, "batch": 1, "cause": "Test"}, None)
        self.write_segment(event["scan_id"], 0, 1)
        reduced = intelligence.reduce({**event, "wave": 0}, None)
        findings.record({**event, "conclusions": reduced["conclusions"]}, None)
        scans.gate({**event, "report": {"wave": 0, "tasks": 1, "observations": reduced["observations"]}}, None)
        return path

    def write_segment(self, scan_id: str, wave: int, batch: int) -> None:
        """What a batch would have found: a page and what is wrong with it."""
        url = fact(scan_id, "url", f"{SITE}/", scan_id)
        page = fact(scan_id, "http_response", f"{SITE}/", url.id, {"status": 200, "title": "Home"})
        weak = fact(scan_id, "misconfiguration", f"{WEAKNESS['check']}:{SITE}", page.id, WEAKNESS)
        key = segment_key(self.who.tenant_id, scan_id, wave, batch)
        Facts().put(self.who, key, encode_rows([url, page, weak]))

    @cached_property
    def partner(self) -> Receiver:
        """A partner's endpoint, which takes everything."""
        return self.enter_context(receiving(status(204)))

    def access_token(self) -> str:
        """A token as Cognito would make one for the administrator; nobody checks its signature here."""
        claims = {
            "organization_id": self.who.tenant_id,
            "user_id": self.who.user_id,
            "email": self.who.email,
            "roles": list(self.who.roles),
            "permissions": sorted(self.who.permissions),
        }
        return jwt.encode(claims, "k" * 32, algorithm="HS256")

    def publish_txt(self, name: str, text: str) -> None:
        """A name server answers with this TXT record from now on."""
        port = self.enter_context(_name_server(name, text))
        self._monkeypatch.setenv("NAMESERVERS", f"127.0.0.1:{port}")


def fact(scan_id: str, type_: str, value: str, source_id: str, attributes: dict[str, Any] | None = None) -> Observation:
    """An observation."""
    return Observation(
        id=observation_id(scan_id, type_, value, source_id),
        type=type_,
        value=value,
        source_id=source_id,
        module="web_headers",
        module_version="1.0.0",
        observed_at=AT,
        attributes=attributes or {},
    )


def relative(location: str) -> str:
    """A `Location` as the rooms know it."""
    return location.removeprefix(PREFIX)


@contextmanager
def _name_server(name: str, text: str) -> Iterator[int]:
    class Zone(BaseResolver):
        def resolve(self, request: Any, _handler: Any) -> Any:
            reply = request.reply()
            if str(request.q.qname) == f"{name}." and request.q.qtype == QTYPE.TXT:
                reply.add_answer(RR(request.q.qname, QTYPE.TXT, rdata=TXT(text), ttl=0))
            return reply

    server = DNSServer(Zone(), port=0, address="127.0.0.1", logger=DNSLogger("-request,-reply"))
    server.start_thread()
    try:
        yield server.server.server_address[1]
    finally:
        server.stop()
        server.server.server_close()
        server.thread.join()
