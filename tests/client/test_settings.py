"""Modules, targets, webhooks and schedules."""

from __future__ import annotations

import pytest

from tests.client.conftest import Palisade
from tests.client.platform import Platform, problem

MODULE = {
    "name": "crawler",
    "face": {
        "name": "crawler",
        "version": "1.0.0",
        "summary": "Crawls a web site",
        "consumes": ["url"],
        "produces": ["url", "web_form"],
        "invasiveness": "active",
        "config_schema": {"properties": {"max_pages": {"type": "integer"}}},
    },
    "enabled": True,
    "config": {"max_pages": 10},
    "version": 1,
}
TARGET = {
    "target_id": "target_1",
    "pattern": "example.com",
    "method": "dns_txt",
    "approved": False,
    "challenge": "palisade-verification=abc",
    "created_at": "2026-01-02T03:04:05.678Z",
}
WEBHOOK = {
    "webhook_id": "wh_1",
    "url": "https://hooks.example.com/",
    "event_types": ["*"],
    "enabled": True,
    "created_at": "2026-01-02T03:04:05.678Z",
}
SCHEDULE = {
    "schedule_id": "sch_1",
    "name": "example.com",
    "cron": "30 2 * * 1",
    "timezone": "Europe/Zurich",
    "targets": ["example.com"],
    "profile": "quick",
    "last_scan_id": None,
}


def delivery(state: str, **attempt: object) -> dict[str, object]:
    attempts = [{"at": "2026-01-02T03:04:05.678Z", "milliseconds": 12, **attempt}]
    return {
        "webhook_id": "wh_1",
        "event_id": "evt_1",
        "event_type": "ScanEnded.v1",
        "status": state,
        "created_at": "2026-01-02T03:04:05.678Z",
        "attempts": attempts,
    }


@pytest.mark.parametrize(
    ("group", "item", "words"),
    [
        ("modules", MODULE, ["crawler", "yes", "active", "Crawls a web site"]),
        ("targets", TARGET, ["example.com", "no", "dns_txt"]),
        ("webhooks", WEBHOOK, ["https://hooks.example.com/", "*", "yes"]),
        ("schedules", SCHEDULE, ["30 2 * * 1", "Europe/Zurich", "example.com"]),
    ],
)
def test_a_group_without_a_verb_lists(
    logged_in: Platform, palisade: Palisade, group: str, item: dict[str, object], words: list[str]
) -> None:
    logged_in.page(f"GET /{group}", [item])
    said = palisade(group)
    assert said.code == 0
    assert all(word in said.out for word in words)
    assert palisade(group, "--json").data == {"items": [item], "next_cursor": None}


def test_a_module_is_shown_switched_and_configured(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("GET /modules/crawler", MODULE)
    logged_in.answer("POST /modules/crawler/enable", MODULE)
    logged_in.answer("POST /modules/crawler/disable", MODULE | {"enabled": False})
    logged_in.answer("PUT /modules/crawler/config", MODULE)
    assert "max_pages (integer)" in palisade("modules", "show", "crawler").out
    assert palisade("modules", "enable", "crawler", "--json").data["enabled"] is True
    assert palisade("modules", "disable", "crawler", "--json").data["enabled"] is False
    settings = ["depth=3", "name=a=b", 'words=["x"]', "deep=true"]
    assert palisade("modules", "configure", "crawler", *settings).code == 0
    config = {"max_pages": 10, "depth": 3, "name": "a=b", "words": ["x"], "deep": True}
    assert logged_in.calls[-1].body == {"config": config}


@pytest.mark.parametrize("setting", ["depth", "=3"])
def test_a_setting_without_a_value_is_a_usage_error(logged_in: Platform, palisade: Palisade, setting: str) -> None:
    assert palisade("modules", "configure", "crawler", setting).code == 2
    assert logged_in.calls == []


def test_a_target_is_named_with_its_proof(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("POST /targets", TARGET)
    said = palisade("targets", "add", "example.com")
    assert "palisade-verification=abc in a TXT record" in said.err
    assert "palisade targets verify target_1" in said.err
    assert logged_in.calls[0].body == {"pattern": "example.com", "method": "dns_txt", "statement": None}
    assert palisade("targets", "add", "example.com", "--method", "well_known", "--json").err == ""


def test_an_attested_target_needs_its_statement(logged_in: Platform, palisade: Palisade) -> None:
    assert palisade("targets", "add", "example.com", "--method", "attestation").code == 2
    logged_in.answer("POST /targets", TARGET | {"approved": True})
    said = palisade("targets", "add", "example.com", "--attest", "The owner agreed by letter.")
    assert (said.code, said.err) == (0, "")
    assert logged_in.calls[0].body["method"] == "attestation"


def test_a_target_is_verified_and_forgotten(logged_in: Platform, palisade: Palisade) -> None:
    refused = problem(409, "target-not-verified", "The proof of ownership was not found")
    logged_in.answer("POST /targets/target_1/verify", refused, TARGET | {"approved": True})
    assert palisade("targets", "verify", "target_1").code == 1
    assert palisade("targets", "verify", "target_1").code == 0
    logged_in.answer("DELETE /targets/target_1", {})
    assert palisade("targets", "remove", "target_1").code == 2
    assert palisade("targets", "remove", "target_1", "--yes", "--json").data["deleted"] is True


def test_a_webhooks_secret_is_shown_once(logged_in: Platform, palisade: Palisade) -> None:
    secret = WEBHOOK | {"signing_secret": "whsec_abc"}
    logged_in.answer("POST /webhooks", secret)
    logged_in.answer("POST /webhooks/wh_1/rotate-secret", secret)
    said = palisade("webhooks", "add", "https://hooks.example.com/", "--event", "ScanEnded.v1")
    assert "whsec_abc" in said.out
    assert "not shown again" in said.err
    assert logged_in.calls[0].body["event_types"] == ["ScanEnded.v1"]
    palisade("webhooks", "add", "https://hooks.example.com/")
    assert logged_in.calls[1].body["event_types"] == ["*"]
    assert palisade("webhooks", "rotate-secret", "wh_1", "--json").data["signing_secret"] == "whsec_abc"


def test_a_test_that_is_not_taken_fails(logged_in: Platform, palisade: Palisade) -> None:
    failed = delivery("failed", status=500)
    logged_in.answer("POST /webhooks/wh_1/test", failed, delivery("delivered", status=204))
    said = palisade("webhooks", "test", "wh_1")
    assert (said.code, said.err) == (1, "Error: The endpoint did not take it: 500.\n")
    assert palisade("webhooks", "test", "wh_1").code == 0
    logged_in.answer("POST /webhooks/wh_1/deliveries/evt_1/replay", delivery("retrying", error="timed out"))
    assert "timed out" in palisade("webhooks", "replay", "wh_1", "evt_1").err


def test_deliveries_are_listed(logged_in: Platform, palisade: Palisade) -> None:
    pending = delivery("pending") | {"attempts": []}
    logged_in.page("GET /webhooks/wh_1/deliveries", [delivery("delivered", status=200), pending])
    said = palisade("webhooks", "deliveries", "wh_1")
    assert "delivered" in said.out
    assert "no answer" in said.out
    logged_in.answer("DELETE /webhooks/wh_1", {})
    assert palisade("webhooks", "remove", "wh_1", "--yes").out == "wh_1 is removed.\n"


def test_a_schedule_is_set_up_and_removed(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("POST /schedules", SCHEDULE)
    said = palisade("schedules", "add", "example.com", "--cron", "30 2 * * 1", "--timezone", "Europe/Zurich")
    assert "sch_1" in said.out
    assert logged_in.calls[0].body == {
        "name": "example.com",
        "targets": ["example.com"],
        "profile": "quick",
        "cron": "30 2 * * 1",
        "timezone": "Europe/Zurich",
    }
    logged_in.answer("DELETE /schedules/sch_1", {})
    assert palisade("schedules", "remove", "sch_1", "-y").code == 0
    logged_in.answer("POST /schedules", problem(422, "malformed-cron", "The cron expression cannot be read"))
    assert palisade("schedules", "add", "example.com", "--cron", "x").code == 1


def test_a_schedule_can_carry_an_attestation(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.page("GET /targets", [])
    logged_in.answer("POST /targets", TARGET)
    logged_in.answer("POST /schedules", SCHEDULE)
    palisade("schedules", "add", "example.com", "--cron", "0 0 * * *", "--attest", "The owner agreed by letter.")
    assert [call.path for call in logged_in.calls] == ["/targets", "/targets", "/schedules"]
