"""`scim2-tester` against the door on loopback, behind the authorizer, with an API key."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import httpx
import pytest
from scim2_client import BaseSyncSCIMClient
from scim2_client.client import RawResponse
from scim2_tester import Status, check_server

from kernel.ids import new_id
from tests.identity.scim.kit import key_of, serving


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


@pytest.mark.slow
def test_the_door_speaks_scim_as_its_tester_wants_it(capsys: pytest.CaptureFixture[str]) -> None:
    key = key_of(new_id("org"))
    with serving() as url, httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        results = check_server(Client(http))
    with capsys.disabled():
        print(f"\nscim2-tester: {dict(Counter(each.status.name for each in results))}")
        for each in results:
            if each.status in (Status.ERROR, Status.CRITICAL, Status.DEVIATION, Status.SKIPPED):
                print(f"  {each.status.name} {each.title} {each.resource_type or ''}: {each.reason}")
    assert {each.status for each in results} <= {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}
    assert len(results) > 100
