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
from infra.backup.__main__ import connected, main
from infra.backup.cloud import items_of, objects_of
from infra.backup.scope import Scope
from infra.local import clients
from kernel import clock
from kernel.ids import new_id
from tests.e2e.client import Client, eventually

pytestmark = pytest.mark.e2e
PASSWORD = "Correct-Horse-9-Battery"
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
    person = {"email": email, "name": "Leaver Lea", "roles": ["viewer"], "password": PASSWORD}
    user_id = invoke(aws_url, "identity-create-user", {"tenant_id": tenant_id, "user": person})["user_id"]
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


@pytest.fixture
def operator(aws_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's credentials."""
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in {**credentials, "AWS_ENDPOINT_URL": aws_url}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("operator")
def test_an_organisation_is_restored_and_in_the_end_erased(aws_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    tenant_id = new_id("org")
    invoke(aws_url, "organizations-create-organization", {"tenant_id": tenant_id, "name": "Short Lived"})
    person = {"email": f"{tenant_id.lower()}@example.com", "name": "Sole", "roles": ["viewer"], "password": PASSWORD}
    invoke(aws_url, "identity-create-user", {"tenant_id": tenant_id, "user": person})
    cloud, scope = connected("local"), Scope(tenant_id)
    cloud.s3.put_object(Bucket=cloud.facts, Key=f"{scope.prefix}scans/one/index.bin", Body=b"first")
    cloud.s3.put_object(Bucket=cloud.facts, Key=f"{scope.prefix}scans/one/index.bin", Body=b"second")
    eventually(lambda: main(["--stage", "local", "backup", tenant_id]) == 0)
    backup_id = json.loads(capsys.readouterr().out.splitlines()[-1])["backup_id"]
    before = items_of(cloud, scope)
    for pk, sk in before:
        cloud.dynamodb.delete_item(TableName=cloud.table, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    cloud.s3.delete_object(Bucket=cloud.facts, Key=f"{scope.prefix}scans/one/index.bin")
    assert main(["--stage", "local", "restore", tenant_id, "--from", backup_id, "--yes", tenant_id]) == 0
    assert items_of(cloud, scope) == before
    assert list(objects_of(cloud, scope)) == [f"{scope.prefix}scans/one/index.bin"]
    work = {"tenant_id": tenant_id, "resume": None, "removed": 0}
    machine = ARN.replace("erasure", "tenant")
    clients.client("stepfunctions", aws_url).start_execution(stateMachineArn=machine, input=json.dumps(work))
    place = {"pk": {"S": "PLATFORM#ERASURES"}, "sk": {"S": f"TENANT#{tenant_id}"}}

    def proof() -> Any:
        found = cloud.dynamodb.get_item(TableName=cloud.table, Key=place).get("Item", {})
        return found if "erased_at" in found else None

    assert int(eventually(proof, 60)["items"]["N"]) >= len(before)
    assert items_of(cloud, scope) == {}
    assert not cloud.s3.list_object_versions(Bucket=cloud.facts, Prefix=scope.prefix).get("Versions")
    assert main(["--stage", "local", "restore", tenant_id, "--from", backup_id, "--yes", tenant_id]) == 1


def invoke(aws_url: str, door: str, payload: dict[str, Any]) -> Any:
    answer = clients.client("lambda", aws_url).invoke(
        FunctionName=f"palisade-local-{door}", Qualifier="live", Payload=json.dumps(payload)
    )
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    return said
