"""What people have a right to, on the local cloud: a copy of everything, and to be forgotten."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

import httpx
import pytest

from contracts.privacy import EXPORTING
from infra.local import clients
from kernel import clock
from tests.e2e.client import Client, eventually

pytestmark = pytest.mark.e2e
ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:palisade-local-privacy-erasure"


def settled(admin: Client, path: str, *, ends: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = eventually(lambda: [r for r in [admin.get(path).json()] if r["status"] in ends], 60)[0]
    return found


def test_everything_about_oneself_is_handed_out(admin: Client, stranger: Client) -> None:
    ordered = admin.post("/privacy/exports", json={})
    assert ordered.status_code == 202, ordered.text
    path = f"/privacy/exports/{ordered.json()['export_id']}"
    ready = settled(admin, path, ends=("ready", "incomplete"))
    assert (ready["status"], ready["missing"]) == ("ready", [])
    body = httpx.get(ready["download_url"]).raise_for_status().content
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        contents = json.loads(archive.read("contents.json"))
        (profile,) = json.loads(archive.read("identity/profile.json"))
    assert contents["contexts"] == list(EXPORTING)
    assert profile["user_id"] == ordered.json()["user_id"]
    assert stranger.get(path).status_code == 404
    assert admin.delete(path).status_code == 204


def test_a_person_is_forgotten(admin: Client, aws_url: str) -> None:
    """The days of grace are a machine's to wait; here a second execution does not."""
    email = f"leaver-{uuid.uuid4().hex[:8]}@example.com"
    tenant_id = admin.get("/users/me").json()["organization_id"]
    person = {"email": email, "name": "Leaver Lea", "roles": ["viewer"], "password": "Correct-Horse-9-Battery"}
    payload = json.dumps({"tenant_id": tenant_id, "user": person})
    answer = clients.client("lambda", aws_url).invoke(
        FunctionName="palisade-local-identity-create-user", Qualifier="live", Payload=payload
    )
    user_id = json.loads(answer["Payload"].read())["user_id"]
    eventually(lambda: admin.get(f"/users/{user_id}").status_code == 200)
    asked = admin.post("/privacy/erasures", json={"user_id": user_id, "confirmation": email})
    assert asked.status_code == 202, asked.text
    erasure_id = asked.json()["erasure_id"]
    work = {"tenant_id": tenant_id, "job_id": erasure_id, "wish": "erase", "at": clock.timestamp()}
    clients.client("stepfunctions", aws_url).start_execution(stateMachineArn=ARN, input=json.dumps(work))
    done = settled(admin, f"/privacy/erasures/{erasure_id}", ends=("done", "incomplete"))
    assert (done["status"], done["missing"]) == ("done", [])
    assert admin.get(f"/users/{user_id}").status_code == 404
    items = clients.client("dynamodb", aws_url).get_paginator("scan").paginate(TableName="palisade-local-table")
    assert not [item for page in items for item in page["Items"] if email in str(item) or "Leaver Lea" in str(item)]
