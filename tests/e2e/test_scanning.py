"""Scans as people steer them: foreseen, repeated, compared, bound to a calendar, with modules of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.client import Client, eventually
from tests.e2e.site import slow_site

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MODULES = ["crawler", "http_probe", "web_headers", "technology"]
TEMPLATE = """
id: first-page
info: {name: The first page, severity: low, description: It is there., remediation: Nothing.}
http:
  - path: ["{{BaseURL}}/"]
    matchers: [{type: word, words: ["Page 0"]}]
"""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with slow_site(9, 0) as address:
        yield address


def test_a_repetition_does_less_and_finds_the_same(admin: Client, site: str) -> None:
    foreseen = admin.create_scan([site], modules=MODULES)
    estimate = admin.get(f"/scans/{foreseen['scan_id']}/estimate").raise_for_status().json()
    assert {each["module"] for each in estimate["first_wave"]} == {"crawler", "http_probe"}
    admin.start(foreseen)
    first = admin.finished(foreseen["scan_id"])
    again = admin.post(f"/scans/{first['scan_id']}/rescan", json={}).raise_for_status().json()
    admin.start(again)
    ended = admin.finished(again["scan_id"])
    assert ended["status"] == "finished", ended["reason"]
    assert admin.facts(ended["scan_id"]) == admin.facts(first["scan_id"])
    assert ended["tally"]["tasks"] < first["tally"]["tasks"]
    assert list(admin.everything(f"/scans/{ended['scan_id']}/differences")) == []
    assert ended["tally"]["packets"] > 0
    assert ended["tally"]["dollars"] > 0
    later = admin.get(f"/scans/{again['scan_id']}/estimate").json()
    assert later["tasks"]["likely"] == first["tally"]["tasks"]


def test_a_scan_outside_its_calendar_rests_and_goes_on_by_itself(admin: Client, site: str) -> None:
    now = datetime.now(UTC)
    blackout = {"begins": (now - timedelta(hours=1)).isoformat(), "ends": (now + timedelta(seconds=12)).isoformat()}
    scan = admin.create_scan([site], modules=["http_probe"], calendar={"blackouts": [blackout]})
    admin.start(scan)
    eventually(lambda: admin.scan(scan["scan_id"])["status"] == "paused")
    resting = admin.scan(scan["scan_id"])
    assert resting["resumes_at"] is not None
    assert "calendar" in resting["reason"]
    assert admin.finished(scan["scan_id"])["status"] == "finished"


def test_a_scan_that_rests_by_its_calendar_obeys(admin: Client, site: str) -> None:
    now = datetime.now(UTC)
    blackout = {"begins": (now - timedelta(hours=1)).isoformat(), "ends": (now + timedelta(hours=1)).isoformat()}
    made = [
        admin.create_scan([site], modules=["http_probe"], calendar={"blackouts": [blackout]})["scan_id"]
        for _ in range(2)
    ]
    for scan_id in made:
        admin.start({"scan_id": scan_id})
    eventually(lambda: all(admin.scan(each)["resumes_at"] for each in made))
    paused = admin.post(f"/scans/{made[0]}/pause").raise_for_status().json()
    assert (paused["status"], paused["resumes_at"]) == ("paused", None)
    admin.post(f"/scans/{made[0]}/resume", params={"despite_calendar": "true"}).raise_for_status()
    assert admin.finished(made[0])["status"] == "finished"
    admin.post(f"/scans/{made[1]}/stop").raise_for_status()
    assert admin.finished(made[1])["status"] == "stopped"

    def words() -> list[str]:
        log = admin.everything(f"/scans/{made[0]}/log")
        found = [each["message"].partition(" at ")[0] for each in log if each["module"] == "scan"]
        return found if found[-1:] == ["finished"] else []

    assert eventually(words) == [
        "rests until its calendar opens",
        "asked to pause",
        "rests until it is resumed",
        "resumed, despite its calendar",
        "finished",
    ]


def test_a_module_of_ones_own_finds_something_and_is_counted(admin: Client, site: str) -> None:
    made = admin.post("/templates", json={"template": TEMPLATE}).raise_for_status().json()
    ended = admin.run([site], modules=["http_probe", made["name"]])
    assert ended["modules"][made["name"]] == made["active"]
    checks = {each["check"] for each in admin.everything(f"/scans/{ended['scan_id']}/findings")}
    assert any("first-page" in check for check in checks)
    eventually(lambda: admin.get(f"/modules/{made['name']}/analytics").json()["total"]["scans"] >= 1)
    assert admin.delete(f"/templates/{made['name']}").status_code == 204


def test_a_profile_of_ones_own_ends_a_scan_by_its_budget(admin: Client, site: str) -> None:
    choice = {"summary": "Little", "modules": ["crawler", "http_probe"], "budget": {"packets": 12}}
    choice |= {"politeness": {"in_flight": 1}}
    admin.put("/scans/profiles/little", json=choice).raise_for_status()
    ended = admin.run([site], profile="little")
    assert (ended["status"], ended["reason"]) == ("finished", "The budget of 12 packets is used up.")
    assert admin.delete("/scans/profiles/little").status_code == 204
