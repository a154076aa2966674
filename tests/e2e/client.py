"""The API as a script uses it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from contracts.access import Role

T = TypeVar("T")
PATIENCE = 120.0


def eventually(look: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What `look` gives as soon as it is something. Fails when it stays empty; how long it takes is not judged."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


@dataclass(frozen=True)
class Demo:
    """The demo file, read anew each time: a restart may move the demo targets."""

    file: Path

    @property
    def content(self) -> dict[str, Any]:
        """What it says."""
        content: dict[str, Any] = json.loads(self.file.read_text())
        return content

    @property
    def url(self) -> str:
        """The front door."""
        return str(self.content["url"])

    @property
    def targets(self) -> dict[str, str]:
        """The demo targets' addresses by name."""
        return {target["name"]: target["address"] for target in self.content["targets"]}

    def user(self, role: Role, tenant: int = 0) -> dict[str, str]:
        """A log-in."""
        users: list[dict[str, str]] = self.content["tenants"][tenant]["users"]
        return next(user for user in users if user["role"] == role)

    @contextmanager
    def client(self, role: Role, tenant: int = 0) -> Iterator[Client]:
        """A logged-in client."""
        with Client(self.url) as client:
            client.log_in(self.user(role, tenant))
            yield client


class Client(httpx.Client):
    """An HTTP client on `/api/v1`."""

    token: str = ""

    def __init__(self, url: str) -> None:
        super().__init__(base_url=f"{url}/api/v1", timeout=60)

    def log_in(self, user: dict[str, str]) -> None:
        """Carry the user's token from now on."""
        answer = self.post("/auth/login", json={"email": user["email"], "password": user["password"]})
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        self.headers["Authorization"] = f"Bearer {self.token}"

    def everything(self, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """All items of a list, page after page."""
        cursor: dict[str, str] = {}
        while True:
            answer = self.get(path, params={"limit": 200, **parameters, **cursor})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def create_scan(self, targets: list[str], **fields: Any) -> dict[str, Any]:
        """Define a scan."""
        body = {"name": "End to end", "targets": targets, "profile": "comprehensive", **fields}
        answer = self.post("/scans", json=body)
        assert answer.status_code == 201, answer.text
        scan: dict[str, Any] = answer.json()
        return scan

    def start(self, scan: dict[str, Any]) -> None:
        """Start it."""
        answer = self.post(f"/scans/{scan['scan_id']}/start")
        assert answer.status_code == 202, answer.text

    def scan(self, scan_id: str) -> dict[str, Any]:
        """One scan."""
        found: dict[str, Any] = self.get(f"/scans/{scan_id}").raise_for_status().json()
        return found

    def finished(self, scan_id: str) -> dict[str, Any]:
        """The scan when it has ended."""
        return eventually(lambda: self._ended(scan_id))

    def run(self, targets: list[str], **fields: Any) -> dict[str, Any]:
        """A scan from its definition to its end."""
        scan = self.create_scan(targets, **fields)
        self.start(scan)
        return self.finished(scan["scan_id"])

    def facts(self, scan_id: str) -> set[tuple[str, str, str]]:
        """The facts of a scan, without what differs between two scans of the same world: ids and times."""
        return {
            (each["type"], each["value"], each["module"]) for each in self.everything(f"/scans/{scan_id}/observations")
        }

    def _ended(self, scan_id: str) -> dict[str, Any] | None:
        try:
            scan = self.scan(scan_id)
        except httpx.HTTPError:  # the cloud may be down for a moment: some tests take it down
            return None
        return scan if scan["finished_at"] else None
