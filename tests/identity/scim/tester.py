"""`scim2-tester` on a SCIM service, and what it says of it."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import httpx
from scim2_client import BaseSyncSCIMClient
from scim2_client.client import RawResponse
from scim2_tester import CheckResult, Status, check_server

GOOD = frozenset({Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE})


class Client(BaseSyncSCIMClient):
    """SCIM over httpx."""

    def __init__(self, http: httpx.Client) -> None:
        super().__init__()
        self._http = http

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return endpoint.startswith("/") and ".." not in endpoint

    def _parse_json(self, response: RawResponse) -> Any:
        return cast(httpx.Response, response).json()

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return self._http.request(method, url, **options)


def examine(url: str, key: str) -> list[CheckResult]:
    """All that the tester looks at, and what it found."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http:
        return check_server(Client(http))


def report(results: list[CheckResult]) -> str:
    """How many checks came out how, and which did not pass."""
    counted = dict(Counter(each.status.name for each in results))
    wrong = [f"{each.status.name} {each.title}: {each.reason}" for each in results if each.status not in GOOD]
    return "\n  ".join([f"scim2-tester: {counted}", *wrong])
