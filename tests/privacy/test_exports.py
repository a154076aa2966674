"""A copy of everything about a person: whole or not handed out, for oneself or with the permission."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

import pytest

from contracts.access import Role
from contracts.privacy import EXPORTING
from functions.intelligence.model.correlation.own import OwnRule, RuleVersion
from functions.intelligence.model.records import ScanImport
from functions.notifications.model import Kind, Notification
from functions.privacy import api, events
from kernel import aws
from kernel.actor import Actor
from kernel.table import Table, create
from tests.edges import executions
from tests.kit import actor, call, committed_events, sqs_event
from tests.privacy.world import ADA, ADDRESS, AT, DOORS, NAME, World, objects


def order(who: Actor, body: Any = None) -> dict[str, Any]:
    answer = call(api.handler, "POST", "/privacy/exports", who, body or {})
    assert answer.status == 202, answer.body
    assert answer.headers["location"] == f"/api/v1/privacy/exports/{answer.body['export_id']}"
    return dict(answer.body)


def read(who: Actor, export_id: str) -> Any:
    return call(api.handler, "GET", f"/privacy/exports/{export_id}", who)


def archive(who: Actor, export_id: str) -> dict[str, Any]:
    key = next(key for key in objects(who) if key.endswith(f"{export_id}/personal-data.zip"))
    body = aws.client("s3").get_object(Bucket="palisade-facts", Key=key)["Body"].read()
    assert hashlib.sha256(body).hexdigest() == read(who, export_id).body["digest"]
    with zipfile.ZipFile(io.BytesIO(body)) as opened:
        return {name: json.loads(opened.read(name)) for name in opened.namelist()}


def test_what_a_person_took_in_and_which_rules_are_his(world: World) -> None:
    for who, name in ((world.ada, "mine"), (world.boss, "theirs")):
        known = {"tenant_id": world.tenant_id, "name": name, "created_by": who.user_id, "created_at": AT}
        made = (
            ScanImport(import_id=f"import_{name}", scan_id=f"scan_{name}", format="csv", **known),
            OwnRule(text="id: x", **known),
            RuleVersion(number=1, change="added", text="id: x", difference=[], **known),
        )
        for each in made:
            Table().write(create(each))
    changed = OwnRule(tenant_id=world.tenant_id, name="ours", text="", created_by=world.boss.user_id, created_at=AT)
    changed.changed_by = world.ada.user_id
    Table().write(create(changed))
    export_id = order(world.ada)["export_id"]
    assert world.export(export_id) == "ready"
    files = archive(world.ada, export_id)
    assert [each["name"] for each in files["intelligence/imports.json"]] == ["mine"]
    assert [each["name"] for each in files["intelligence/rules.json"]] == ["mine", "ours"]
    assert [each["name"] for each in files["intelligence/rule_versions.json"]] == ["mine"]


def test_everything_about_a_person_is_in_one_file(world: World) -> None:
    world.traces()
    export_id = order(world.ada)["export_id"]
    assert world.export(export_id) == "ready"
    shown = read(world.ada, export_id).body
    assert (shown["status"], shown["progress"], shown["missing"]) == ("ready", 100, [])
    assert "personal-data.zip" in shown["download_url"]
    files = archive(world.ada, export_id)
    assert files["identity/profile.json"][0]["name"] == NAME
    assert files["identity/sessions.json"][0]["address"] == ADDRESS
    assert "refresh_key" not in str(files["identity/sessions.json"])
    assert "token_hash" not in str(files["identity/invitations.json"])
    assert files["identity/invitations.json"][0]["email"] == ADA
    assert [scan["name"] for scan in files["scans/scans.json"]] == ["Site"]
    assert {entry["action"] for entry in files["audit/by.json"]} >= {"ScanCreated", "NewDeviceSeen"}
    assert files["notifications/preferences.json"][0]["email"] == ADA
    contents = files.pop("contents.json")
    assert contents["contexts"] == list(EXPORTING)
    assert set(contents["files"]) == set(files)
    assert "The Boss" not in json.dumps({name: files[name] for name in files if name.startswith("identity/")})


@pytest.mark.parametrize("absent", EXPORTING)
def test_a_copy_without_a_room_is_not_handed_out(world: World, absent: str) -> None:
    export_id = order(world.ada)["export_id"]
    assert world.export(export_id, tuple(room for room in EXPORTING if room != absent)) == "incomplete"
    shown = read(world.ada, export_id).body
    assert (shown["status"], shown["missing"], shown["download_url"]) == ("incomplete", [absent], None)
    assert not [key for key in objects(world.ada) if key.endswith(".zip")]
    assert committed_events()[-1].type == "PersonalDataIncomplete.v1"


def test_a_room_hands_in_more_than_a_page_without_the_key_of_cursors(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CURSOR_SECRET_ARN")
    at = "2026-01-01T00:00:00.000Z"
    for number in range(230):
        told = {"notification_id": f"note_{number:03}", "kind": Kind.SECURITY, "body": "x" * 5000, "created_at": at}
        Table().write(create(Notification(tenant_id=world.tenant_id, user_id=world.ada.user_id, title="t", **told)))
    export_id = order(world.ada)["export_id"]
    assert DOORS["notifications"](world.work(export_id, wish="export"), None)["notifications"] == 230


def test_progress_is_what_the_rooms_have_left(world: World) -> None:
    export_id = order(world.ada)["export_id"]
    assert read(world.ada, export_id).body["progress"] == 0
    DOORS["identity"](world.work(export_id, wish="export"), None)
    shown = read(world.ada, export_id).body
    assert (shown["status"], shown["progress"]) == ("running", 12)
    assert "identity" not in shown["missing"]


def test_an_order_becomes_one_execution_that_does_not_name_the_person(world: World) -> None:
    export_id = order(world.ada)["export_id"]
    asked = [event for event in committed_events() if event.type == "PersonalDataRequested.v1"]
    assert events.handler(sqs_event(*asked, *asked), None) == {"batchItemFailures": []}
    work = {"tenant_id": world.tenant_id, "job_id": export_id, "wish": "export"}
    assert executions("PRIVACY_EXPORT_MACHINE_ARN") == [(export_id, work)]
    assert ADA not in json.dumps(asked[0].data)


def test_others_data_needs_the_permission(world: World) -> None:
    body = {"user_id": world.boss.user_id}
    assert call(api.handler, "POST", "/privacy/exports", world.ada, body).problem == "forbidden"
    with_key = world.ada.model_copy(update={"key_id": "key_1"})
    assert call(api.handler, "POST", "/privacy/exports", with_key, {}).problem == "forbidden"
    of_ada = order(world.boss, {"user_id": world.ada.user_id})["export_id"]
    of_boss = order(world.boss)["export_id"]
    assert read(world.ada, of_ada).status == 200
    assert read(world.ada, of_boss).problem == "not-found"
    listed = call(api.handler, "GET", "/privacy/exports", world.ada).body["items"]
    assert [each["export_id"] for each in listed] == [of_ada]
    assert len(call(api.handler, "GET", "/privacy/exports", world.boss).body["items"]) == 2
    assert call(api.handler, "DELETE", f"/privacy/exports/{of_boss}", world.ada).problem == "not-found"


def test_a_removed_copy_is_gone_in_every_version(world: World) -> None:
    export_id = order(world.ada)["export_id"]
    world.export(export_id)
    stale = {"if-match": '"1"'}
    assert call(api.handler, "DELETE", f"/privacy/exports/{export_id}", world.ada, headers=stale).status == 412
    assert call(api.handler, "DELETE", f"/privacy/exports/{export_id}", world.ada).status == 204
    assert read(world.ada, export_id).problem == "not-found"
    prefix = f"tenants/{world.tenant_id}/privacy/"
    listed = aws.client("s3").list_object_versions(Bucket="palisade-facts", Prefix=prefix)
    assert not listed.get("Versions")


def test_an_export_removed_on_its_way_ends(world: World) -> None:
    export_id = order(world.ada)["export_id"]
    call(api.handler, "DELETE", f"/privacy/exports/{export_id}", world.ada)
    assert world.export(export_id, ()) == "removed"


@pytest.mark.parametrize(
    ("body", "problem"),
    [({"user_id": "nobody"}, "not-found"), ({"user_id": ""}, "invalid"), ({"user": "x"}, "invalid")],
)
def test_a_wish_that_makes_no_sense_is_refused(world: World, body: Any, problem: str) -> None:
    before = len(committed_events())
    assert call(api.handler, "POST", "/privacy/exports", world.boss, body).problem == problem
    assert len(committed_events()) == before


def test_a_stranger_sees_nothing(world: World) -> None:
    export_id = order(world.ada)["export_id"]
    for role in (Role.ORGANIZATION_ADMIN, Role.VIEWER):
        assert read(actor(role), export_id).problem == "not-found"
    assert call(api.handler, "GET", f"/privacy/exports/{export_id}").status == 401
