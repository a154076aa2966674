"""People on the local cloud: from registering to leaving, with Cognito as the emulator plays it. Its mailed code is the
same for everybody."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt
import pyotp
import pytest

from contracts.access import Role
from tests.e2e.client import Client, Demo, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
CODE = "123456"
PASSWORD = "Correct-Horse-9-Battery"


def said(tokens: dict[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    return claims


def carry(client: Client, tokens: dict[str, Any]) -> None:
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"


def registered(client: Client, **fields: Any) -> str:
    email = f"{uuid.uuid4().hex[:10]}@example.com"
    body = {"email": email, "password": PASSWORD, "name": "Nora", "organization_name": "Initech", **fields}
    answer = client.post("/auth/register", json=body)
    assert answer.status_code == 202, answer.text
    wrong = client.post("/auth/verify-email", json={"email": email, "code": "000000"})
    assert wrong.json()["type"].endswith("/wrong-code"), wrong.text
    verified = client.post("/auth/verify-email", json={"email": email, "code": CODE})
    assert verified.status_code == 204, verified.text
    return email


def log_in(client: Client, email: str, **more: Any) -> dict[str, Any]:
    answer = client.post("/auth/login", json={"email": email, "password": PASSWORD, **more})
    assert answer.status_code in (200, 202), answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def test_who_registers_works_at_once_refreshes_and_logs_out(cloud: Demo) -> None:
    with Client(cloud.url) as client:
        tokens = log_in(client, registered(client))
        assert said(tokens)["roles"] == ["organization_admin"]
        carry(client, tokens)
        (mine,) = client.get("/users/me/organizations").raise_for_status().json()["items"]
        assert mine["name"] == "Initech"
        assert client.get("/scans").status_code == 200
        fresh = client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert fresh.status_code == 200, fresh.text
        assert said(fresh.json())["origin_jti"] == said(tokens)["origin_jti"]
        assert fresh.json()["refresh_token"] != tokens["refresh_token"]
        out = client.post("/auth/logout", json={"refresh_token": fresh.json()["refresh_token"]})
        assert out.status_code == 204
        over = client.post("/auth/refresh", json={"refresh_token": fresh.json()["refresh_token"]})
        assert over.json()["type"].endswith("/session-over")


def test_a_revoked_session_stops_working_within_a_minute(cloud: Demo) -> None:
    with Client(cloud.url) as client, Client(cloud.url) as other:
        email = registered(client)
        here, there = log_in(client, email), log_in(other, email)
        carry(client, here)
        carry(other, there)
        assert other.get("/users/me").status_code == 200
        began = time.monotonic()
        assert client.delete(f"/auth/sessions/{said(there)['origin_jti']}").status_code == 204
        eventually(lambda: other.get("/users/me").status_code == 401, 60)
        assert time.monotonic() - began < 60
        assert client.get("/users/me").status_code == 200


def test_a_second_factor_is_set_up_asked_for_and_recovered_from(cloud: Demo) -> None:
    with Client(cloud.url) as client:
        email = registered(client)
        carry(client, log_in(client, email))
        secret = client.post("/auth/mfa/enable").raise_for_status().json()["secret"]
        wrong = client.post("/auth/mfa/verify", json={"code": "000000"})
        assert wrong.json()["type"].endswith("/wrong-code"), wrong.text
        earlier = pyotp.TOTP(secret).at(int(time.time()) - 30)
        codes = client.post("/auth/mfa/verify", json={"code": earlier}).raise_for_status().json()["recovery_codes"]
        asked = log_in(client, email)
        assert asked["challenge"] == "mfa"
        code = pyotp.TOTP(secret).now()
        inside = client.post("/auth/challenge", json={"session": asked["session"], "code": code})
        assert inside.status_code == 200, inside.text
        replayed = client.post("/auth/challenge", json={"session": log_in(client, email)["session"], "code": code})
        assert replayed.json()["type"].endswith("/code-used")
        assert log_in(client, email, recovery_code=codes[0])["mfa_was_disabled"] is True
        assert "access_token" in log_in(client, email)


def test_a_person_of_one_organisation_is_invited_to_another_and_switches(cloud: Demo) -> None:
    with Client(cloud.url) as client, cloud.client(Role.ORGANIZATION_ADMIN) as admin:
        email = registered(client)
        tokens = log_in(client, email)
        home = said(tokens)["organization_id"]
        acme = admin.get("/users/me").raise_for_status().json()["organization_id"]
        nowhere = client.post("/auth/switch", json={"refresh_token": tokens["refresh_token"], "organization_id": acme})
        assert nowhere.status_code == 404
        body = {"email": email, "roles": ["viewer"]}
        invitation = admin.post(f"/organizations/{acme}/members", json=body)
        assert invitation.status_code == 201, invitation.text
        assert invitation.json()["status"] == "open"
        assert said(tokens)["organization_id"] == home


def test_a_reset_password_counts_and_ends_sessions(cloud: Demo) -> None:
    with Client(cloud.url) as client:
        email = registered(client)
        tokens = log_in(client, email)
        assert client.post("/auth/forgot-password", json={"email": email}).status_code == 204
        body = {"email": email, "code": "654321", "new_password": "Another-Horse-9-Battery"}
        assert client.post("/auth/reset-password", json=body).status_code == 204
        over = client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert over.status_code == 401
        assert client.post("/auth/reset-password", json=body).status_code == 401, "a code is good once"
