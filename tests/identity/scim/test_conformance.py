"""`scim2-tester` against the door on loopback, behind the authorizer, with an API key."""

from __future__ import annotations

import pytest

from kernel.ids import new_id
from tests.identity.scim.kit import key_of, serving
from tests.identity.scim.tester import GOOD, examine, report

pytestmark = pytest.mark.slow


def test_the_door_speaks_scim_as_its_tester_wants_it(capsys: pytest.CaptureFixture[str]) -> None:
    key = key_of(new_id("org"))
    with serving() as url:
        results = examine(url, key)
    with capsys.disabled():
        print(f"\n{report(results)}")
    assert {each.status for each in results} <= GOOD
    assert len(results) > 100
