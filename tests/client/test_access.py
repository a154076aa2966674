"""Keys, roles and policies on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Palisade
from tests.client.platform import Platform, problem

KEY: dict[str, Any] = {
    "key_id": "key_1",
    "name": "CI",
    "user_id": "svc_1",
    "permissions": ["scans:read"],
    "networks": ["203.0.113.0/24"],
    "status": "active",
    "ends_at": None,
    "last_used_at": None,
}
ROLE: dict[str, Any] = {
    "role_id": "role_1",
    "name": "Night watch",
    "is_default": False,
    "permissions": ["scans:read"],
    "description": "at night",
}
POLICY: dict[str, Any] = {
    "policy_id": "pol_1",
    "name": "Office only",
    "enabled": True,
    "description": "",
    "source": "forbid(principal, action, resource);",
    "updated_at": "2026-01-02T03:04:05.678Z",
    "updated_by": "user_1",
}


@pytest.fixture
def cedar(tmp_path: Path) -> str:
    file = tmp_path / "policy.cedar"
    file.write_text(POLICY["source"])
    return str(file)


@pytest.mark.parametrize(
    ("group", "path", "item", "words"),
    [
        ("keys", "/api-keys", KEY, ["key_1", "CI", "203.0.113.0/24", "active"]),
        ("roles", "/roles", ROLE, ["role_1", "Night watch", "scans:read"]),
        ("policies", "/policies", POLICY, ["pol_1", "Office only", "yes"]),
    ],
)
def test_a_group_without_a_verb_lists(
    logged_in: Platform, palisade: Palisade, group: str, path: str, item: dict[str, Any], words: list[str]
) -> None:
    logged_in.page(f"GET {path}", [item])
    said = palisade(group)
    assert said.code == 0
    assert all(word in said.out for word in words)
    assert palisade(group, "--json").data == {"items": [item], "next_cursor": None}


def test_a_keys_text_is_shown_once(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("POST /api-keys", KEY | {"token": "plsd_key_1_abc"})
    logged_in.answer("POST /api-keys/key_1/rotate", KEY | {"token": "plsd_key_1_def"})
    logged_in.answer("GET /api-keys/key_1", KEY)
    said = palisade("keys", "add", "CI", "--may", "scans:read", "--network", "203.0.113.0/24", "--rate", "2")
    assert "plsd_key_1_abc" in said.out
    assert "not shown again" in said.err
    sent = logged_in.called("POST /api-keys")[0].body
    assert (sent["permissions"], sent["networks"], sent["requests_per_second"]) == (
        ["scans:read"],
        ["203.0.113.0/24"],
        2,
    )
    assert palisade("keys", "rotate", "key_1", "--overlap", "5", "--json").data["token"] == "plsd_key_1_def"
    assert logged_in.called("POST /api-keys/key_1/rotate")[0].body == {"overlap_minutes": 5}
    assert "plsd" not in palisade("keys", "show", "key_1").out
    logged_in.answer("DELETE /api-keys/key_1", {})
    assert palisade("keys", "revoke", "key_1", "--yes").out == "key_1 is revoked.\n"
    assert palisade("keys", "revoke", "key_1").code == 2


def test_roles_are_made_changed_and_removed(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("POST /roles", ROLE)
    logged_in.answer("GET /roles/role_1", ROLE)
    logged_in.answer("PUT /roles/role_1", ROLE | {"permissions": ["findings:read"]})
    logged_in.answer("DELETE /roles/role_1", {})
    logged_in.page("GET /permissions", [{"permission": "scans:read", "held": True, "description": "See scans."}])
    assert "Night watch" in palisade("roles", "add", "Night watch", "--may", "scans:read").out
    assert "findings:read" in palisade("roles", "change", "role_1", "--may", "findings:read").out
    sent = logged_in.called("PUT /roles/role_1")[0].body
    assert sent == {"name": "Night watch", "description": "at night", "permissions": ["findings:read"]}
    assert "See scans." in palisade("roles", "permissions").out
    assert palisade("roles", "remove", "role_1", "--yes").code == 0


def test_policies_are_written_switched_and_tried(logged_in: Platform, palisade: Palisade, cedar: str) -> None:
    logged_in.answer("POST /policies", POLICY)
    logged_in.answer("GET /policies/pol_1", POLICY)
    logged_in.answer("PUT /policies/pol_1", POLICY | {"enabled": False})
    logged_in.answer("DELETE /policies/pol_1", {})
    logged_in.answer("GET /policies/schema", {"cedar": "entity User;"})
    assert POLICY["source"] in palisade("policies", "add", "Office only", cedar).out
    assert logged_in.called("POST /policies")[0].body["source"] == POLICY["source"]
    assert POLICY["source"] in palisade("policies", "show", "pol_1").out
    assert palisade("policies", "disable", "pol_1").code == 0
    assert logged_in.called("PUT /policies/pol_1")[0].body["enabled"] is False
    assert palisade("policies", "enable", "pol_1", "--json").data["policy_id"] == "pol_1"
    assert palisade("policies", "change", "pol_1", cedar).code == 0
    assert "entity User;" in palisade("policies", "schema").out
    verdict = {
        "allowed": False,
        "rbac": True,
        "break_glass": False,
        "determining": [{"policy_id": "pol_1", "name": "Office only"}],
        "errors": [],
        "explanation": "A role gives scans:create, and it is forbidden by Office only.",
    }
    logged_in.answer("POST /policies/dry-run", verdict)
    said = palisade("policies", "try", "scans:create", "--address", "198.51.100.1", "--no-mfa", "--draft", cedar)
    assert "forbidden by Office only" in said.out
    sent = logged_in.called("POST /policies/dry-run")[0].body
    assert sent["context"] == {"address": "198.51.100.1", "time": None, "mfa": False}
    assert sent["draft"] == {"source": POLICY["source"]}
    assert palisade("policies", "remove", "pol_1", "--yes").code == 0


def test_where_a_policy_is_wrong_is_said(logged_in: Platform, palisade: Palisade, cedar: str, tmp_path: Path) -> None:
    wrong = problem(422, "bad-policy", "The policy is not valid")
    logged_in.answer("POST /policies", wrong)
    said = palisade("policies", "add", "x", cedar)
    assert said.code == 1
    assert "The policy is not valid" in said.err
    assert palisade("policies", "add", "x", str(tmp_path / "none.cedar")).code == 2
    (tmp_path / "bad.cedar").write_bytes(b"\xff\xfe\x00")
    assert palisade("policies", "add", "x", str(tmp_path / "bad.cedar")).code == 2
