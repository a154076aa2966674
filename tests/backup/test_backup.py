"""Backup and restore of one organisation: destroyed and brought back byte for byte, its neighbour untouched."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contracts.developers import ApiKeyRecord
from contracts.identity import SessionRecord
from contracts.organizations import Tenancy
from functions.identity.model import Person, User
from functions.privacy.model import Erasure, ErasureStatus
from functions.scans import api as scans
from infra.backup import restoring, sources, taking
from infra.backup.__main__ import parser, run
from infra.backup.cloud import Cloud, CloudError, State, items_of, objects_of
from infra.backup.scope import Scope, ScopeError, moment
from infra.backup.vault import Tampered, Vault
from kernel import aws
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table, create, put
from tests.kit import actor, call

SCAN = {"name": "Site", "targets": ["127.0.0.1"]}
TRAIL, PLACE = "TENANT#{}#AUDIT#2026-01-01", "ENTRY#evt_1"


@pytest.fixture
def stage(cloud: None) -> Cloud:
    """The stage's table and buckets; the facts are versioned, as the stack has them."""
    s3 = aws.client("s3")
    s3.put_bucket_versioning(Bucket="palisade-facts", VersioningConfiguration={"Status": "Enabled"})
    s3.create_bucket(Bucket="backups")
    key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
    return Cloud(aws.client("dynamodb"), s3, aws.client("kms"), "palisade", "palisade-facts", "backups", key)


@pytest.fixture
def who(stage: Cloud) -> Actor:
    """An administrator whose organisation has something of everything; so has a neighbour."""
    made = [actor(), actor()]
    for each in made:
        furnish(each)
    return made[0]


@pytest.fixture
def neighbour(who: Actor, stage: Cloud) -> str:
    """The other organisation's id."""
    found = {item["pk"]["S"] for item in stage.dynamodb.scan(TableName="palisade")["Items"]}
    return str(next(pk[7:37] for pk in sorted(found) if pk.startswith("TENANT#") and who.tenant_id not in pk))


def furnish(who: Actor) -> None:
    """Scans, people, keys, sessions, an audit trail, events and objects."""
    table, tenant = Table(), {"tenant_id": who.tenant_id}
    for _ in range(3):
        assert call(scans.handler, "POST", "/scans", who, SCAN).status == 201
    at = "2026-01-01T00:00:00.000Z"
    user = {**tenant, "user_id": who.user_id, "email": "ann@example.com"}
    table.write(create(User(**user, name="Ann", roles=("viewer",), created_at=at)))
    table.write(create(Person(**user, organizations=(who.tenant_id,), last=who.tenant_id)))
    table.write(create(Tenancy(**tenant)))
    key = {
        "key_id": f"key_{who.user_id[5:]}",
        "user_id": who.user_id,
        "hashes": ("ab",),
        "permissions": ("scans:read",),
    }
    table.write(create(ApiKeyRecord(**tenant, **key)))
    session = {"session_id": "s", "user_id": who.user_id, "device": "Firefox", "created_at": at, "last_seen_at": at}
    table.write(create(SessionRecord(**tenant, **session)))
    oddities = {"b": {"BOOL": True}, "n": {"N": "1.50"}, "l": {"L": [{"NULL": True}, {"M": {"x": {"S": "ä"}}}]}}
    trail = {"pk": {"S": TRAIL.format(who.tenant_id)}, "sk": {"S": PLACE}, "tenant_id": {"S": who.tenant_id}}
    aws.client("dynamodb").put_item(TableName="palisade", Item={**trail, **oddities})
    for number in range(3):
        Facts().put(who, f"tenants/{who.tenant_id}/scans/scan_{number}/index.bin", bytes([number]) * 5000, "text/plain")


def destroy(stage: Cloud, tenant_id: str) -> None:
    """Every item and every version of every object of an organisation is gone."""
    for item in stage.dynamodb.scan(TableName="palisade")["Items"]:
        kept = item["pk"]["S"].startswith("PLATFORM#BACKUPKEYS")
        if not kept and (f"#{tenant_id}" in item["pk"]["S"] or item.get("tenant_id", {}).get("S") == tenant_id):
            stage.dynamodb.delete_item(TableName="palisade", Key={"pk": item["pk"], "sk": item["sk"]})
    listed = stage.s3.list_object_versions(Bucket="palisade-facts", Prefix=f"tenants/{tenant_id}/")
    for each in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())):
        stage.s3.delete_object(Bucket="palisade-facts", Key=each["Key"], VersionId=each["VersionId"])


def everything(stage: Cloud, tenant_id: str) -> tuple[Any, Any]:
    """Items and objects of an organisation, whole."""
    scope = Scope(tenant_id)
    bodies = {
        key: (body := stage.s3.get_object(Bucket="palisade-facts", Key=key))["Body"].read()
        + body["ContentType"].encode()
        for key in objects_of(stage, scope)
    }
    return items_of(stage, scope), bodies


def backed_up(stage: Cloud, tenant_id: str) -> str:
    scope = Scope(tenant_id)
    taken = taking.take(Vault(stage, scope), scope, sources.present(stage, scope), lambda _line: None)
    return str(taken["backup_id"])


def command(stage: Cloud, *words: str) -> int:
    return run(stage, parser().parse_args(words))


def test_a_destroyed_organisation_comes_back_byte_for_byte_and_its_neighbour_is_untouched(
    stage: Cloud, who: Actor, neighbour: str
) -> None:
    before, beside = everything(stage, who.tenant_id), everything(stage, neighbour)
    assert (len(before[0]), len(before[1])) == (7, 3)
    backup_id = backed_up(stage, who.tenant_id)
    destroy(stage, who.tenant_id)
    assert everything(stage, who.tenant_id) == ({}, {})
    assert command(stage, "restore", who.tenant_id, "--from", backup_id) == 0
    assert everything(stage, who.tenant_id) == before
    assert everything(stage, neighbour) == beside
    person = Table().get_platform(Person, user_id=who.user_id)
    assert person is not None
    assert person.organizations == (who.tenant_id,)


def test_what_was_told_is_not_told_again_and_nobody_is_logged_in_again(stage: Cloud, who: Actor) -> None:
    backup_id = backed_up(stage, who.tenant_id)
    destroy(stage, who.tenant_id)
    assert command(stage, "restore", who.tenant_id, "--from", backup_id) == 0
    left = {item["pk"]["S"] for item in stage.dynamodb.scan(TableName="palisade")["Items"]}
    assert not [pk for pk in left if who.tenant_id in pk and "#OUTBOX#" in pk]
    assert f"PLATFORM#SESSIONS#{who.user_id}" not in left


def test_changes_since_are_undone_only_when_it_is_wanted(
    stage: Cloud, who: Actor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything(stage, who.tenant_id)
    backup_id = backed_up(stage, who.tenant_id)
    user = Table().require(who, User, user_id=who.user_id)
    user.name = "Eve"
    Table().write(put(user))
    Facts().put(who, f"tenants/{who.tenant_id}/scans/scan_1/index.bin", b"other")
    Facts().put(who, f"tenants/{who.tenant_id}/scans/scan_9/index.bin", b"new")
    Facts().delete(who, f"tenants/{who.tenant_id}/scans/scan_0/")
    after = everything(stage, who.tenant_id)
    assert command(stage, "restore", who.tenant_id, "--from", backup_id, "--dry-run") == 0
    assert "1 missing, 1 changed, 1 to remove" in capsys.readouterr().out
    monkeypatch.setattr("builtins.input", lambda _question: "yes")
    assert command(stage, "restore", who.tenant_id, "--from", backup_id) == 1
    assert everything(stage, who.tenant_id) == after
    monkeypatch.setattr("builtins.input", lambda _question: who.tenant_id)
    assert command(stage, "restore", who.tenant_id, "--from", backup_id) == 0
    assert everything(stage, who.tenant_id) == before


def test_the_audit_trail_and_a_revocation_are_never_taken_back(stage: Cloud, who: Actor) -> None:
    backup_id = backed_up(stage, who.tenant_id)
    key = f"key_{who.user_id[5:]}"
    record = Table().get_platform(ApiKeyRecord, key_id=key)
    assert record is not None
    record.revoked_at = "2026-02-01T00:00:00.000Z"
    Table().transact(who, [put(record)])
    later = {"pk": {"S": TRAIL.format(who.tenant_id)}, "sk": {"S": "ENTRY#evt_2"}, "tenant_id": {"S": who.tenant_id}}
    stage.dynamodb.put_item(TableName="palisade", Item=later)
    assert command(stage, "restore", who.tenant_id, "--from", backup_id, "--yes", who.tenant_id) == 0
    kept = Table().get_platform(ApiKeyRecord, key_id=key)
    assert kept is not None
    assert kept.revoked_at
    assert "Item" in stage.dynamodb.get_item(TableName="palisade", Key={"pk": later["pk"], "sk": later["sk"]})


def test_who_was_erased_since_is_named(stage: Cloud, who: Actor, capsys: pytest.CaptureFixture[str]) -> None:
    backup_id = backed_up(stage, who.tenant_id)
    at = "2999-01-01T00:00:00.000Z"
    facts = {"erasure_id": "era_1", "user_id": "user_gone", "begins_at": at, "created_by": "x", "created_at": at}
    Table().write(create(Erasure(tenant_id=who.tenant_id, status=ErasureStatus.DONE, finished_at=at, **facts)))
    assert command(stage, "restore", who.tenant_id, "--from", backup_id) == 0
    assert "user_gone was erased since" in capsys.readouterr().out
    assert Table().get(who, Erasure, erasure_id="era_1") is not None


def test_a_restore_that_was_cut_short_goes_on(stage: Cloud, who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(stage, who.tenant_id)
    backup_id = backed_up(stage, who.tenant_id)
    destroy(stage, who.tenant_id)
    done = 0

    def cut(*_keywords: Any, **_more: Any) -> None:
        nonlocal done
        done += 1
        if done > 4:
            raise ConnectionError("cut")

    client = stage.dynamodb
    client.meta.events.register("before-call.dynamodb.PutItem", cut)
    with pytest.raises(ConnectionError):
        command(stage, "restore", who.tenant_id, "--from", backup_id)
    client.meta.events.unregister("before-call.dynamodb.PutItem", cut)
    assert 0 < len(everything(stage, who.tenant_id)[0]) < len(before[0])
    assert command(stage, "restore", who.tenant_id, "--from", backup_id) == 0
    assert everything(stage, who.tenant_id) == before


def test_a_backup_that_was_cut_short_does_not_read_its_objects_again(stage: Cloud, who: Actor) -> None:
    scope = Scope(who.tenant_id)
    told: list[str] = []
    taken = taking.take(Vault(stage, scope), scope, sources.present(stage, scope), told.append, "first")
    assert sum("5000 bytes" in line for line in told) == 3
    told.clear()
    again = taking.take(Vault(stage, scope), scope, sources.present(stage, scope), told.append, "first")
    assert not [line for line in told if "5000 bytes" in line]
    assert again["objects"] == taken["objects"]
    assert command(stage, "backups", who.tenant_id) == 0


def test_the_past_is_a_table_that_goes_again_and_the_versions_of_that_time(stage: Cloud, who: Actor) -> None:
    """moto copies the table as it is, whatever the moment; versions of objects it knows."""
    before = everything(stage, who.tenant_id)
    stage.dynamodb.update_continuous_backups(
        TableName="palisade", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    time.sleep(1.1)  # versions have whole seconds
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    Facts().put(who, f"tenants/{who.tenant_id}/scans/scan_1/index.bin", b"other")
    Facts().delete(who, f"tenants/{who.tenant_id}/scans/scan_0/")
    assert command(stage, "restore", who.tenant_id, "--at", then, "--yes", who.tenant_id) == 0
    assert everything(stage, who.tenant_id) == before
    assert stage.dynamodb.list_tables()["TableNames"] == ["palisade"]


def test_another_table_takes_the_items_for_looking_at(stage: Cloud, who: Actor) -> None:
    backup_id = backed_up(stage, who.tenant_id)
    before = everything(stage, who.tenant_id)
    assert command(stage, "restore", who.tenant_id, "--from", backup_id, "--into", "seen") == 0
    assert items_of(stage, Scope(who.tenant_id), "seen") == before[0]
    assert everything(stage, who.tenant_id) == before
    with pytest.raises(CloudError, match="not empty"):
        command(stage, "restore", who.tenant_id, "--from", backup_id, "--into", "seen")


def test_a_changed_part_or_another_organisations_is_refused(stage: Cloud, who: Actor, neighbour: str) -> None:
    backup_id = backed_up(stage, who.tenant_id)
    keys = [entry["Key"] for entry in stage.s3.list_objects_v2(Bucket="backups")["Contents"]]
    for key in keys:
        stage.s3.copy_object(
            Bucket="backups", Key=key.replace(who.tenant_id, neighbour), CopySource={"Bucket": "backups", "Key": key}
        )
    with pytest.raises(Tampered):
        command(stage, "restore", neighbour, "--from", backup_id)
    items = next(key for key in keys if "items-" in key)
    body = bytearray(stage.s3.get_object(Bucket="backups", Key=items)["Body"].read())
    assert b"Ann" not in body
    assert b"scan_" not in body
    body[-1] ^= 1
    stage.s3.put_object(Bucket="backups", Key=items, Body=bytes(body))
    before = everything(stage, who.tenant_id)
    with pytest.raises(Tampered):
        command(stage, "restore", who.tenant_id, "--from", backup_id)
    assert everything(stage, who.tenant_id) == before


def test_without_its_key_a_backup_is_unreadable(stage: Cloud, who: Actor) -> None:
    backup_id = backed_up(stage, who.tenant_id)
    place = {"pk": {"S": f"PLATFORM#BACKUPKEYS#{who.tenant_id}"}, "sk": {"S": "KEY"}}
    stage.dynamodb.delete_item(TableName="palisade", Key=place)
    with pytest.raises(Tampered):
        command(stage, "restore", who.tenant_id, "--from", backup_id)
    erased = {"pk": {"S": "PLATFORM#ERASURES"}, "sk": {"S": f"TENANT#{who.tenant_id}"}}
    stage.dynamodb.put_item(TableName="palisade", Item=erased)
    with pytest.raises(CloudError, match="was erased"):
        command(stage, "restore", who.tenant_id, "--from", backup_id)


def test_an_item_of_somebody_else_is_never_written(stage: Cloud, who: Actor, neighbour: str) -> None:
    scope = Scope(who.tenant_id)
    foreign = next(iter(items_of(stage, Scope(neighbour)).values()))
    key = (foreign["pk"]["S"], foreign["sk"]["S"])
    smuggled = replace_state(sources.present(stage, scope), foreign)
    plan = restoring.Plan(missing=[key])
    with pytest.raises(ScopeError):
        restoring.apply(stage, scope, smuggled, plan, lambda _line: None)
    taken = {**foreign, "pk": {"S": f"PLATFORM#APIKEYS#key_{neighbour}"}, "tenant_id": {"S": who.tenant_id}}
    there = {**taken, "tenant_id": {"S": neighbour}}
    stage.dynamodb.put_item(TableName="palisade", Item=there)
    plan = restoring.Plan(missing=[(taken["pk"]["S"], taken["sk"]["S"])])
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        restoring.apply(stage, scope, replace_state(smuggled, taken), plan, lambda _line: None)


def replace_state(source: sources.Versions, item: Any) -> sources.Versions:
    """The same, with one item more."""
    source.state = State({**source.state.items, (item["pk"]["S"], item["sk"]["S"]): item}, source.state.objects)
    return source


def test_an_organisation_that_moves_is_not_backed_up(stage: Cloud, who: Actor) -> None:
    busy = replace(stage, dynamodb=Restless(stage.dynamodb, who))
    with pytest.raises(sources.Moving):
        sources.present(busy, Scope(who.tenant_id))


class Restless:
    """A table in which something happens whenever it is read."""

    def __init__(self, client: Any, who: Actor) -> None:
        self._client, self._who, self._number = client, who, 0

    def scan(self, **request: Any) -> Any:
        self._number += 1
        item = {"pk": {"S": f"TENANT#{self._who.tenant_id}#SCANS"}, "sk": {"S": f"X#{self._number}"}}
        self._client.put_item(TableName="palisade", Item=item)
        return self._client.scan(**request)


@pytest.mark.parametrize("text", ["yesterday", "2026-01-31", "2026-01-31T12:00:00"])
def test_a_time_without_its_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|isoformat"):
        moment(text)


@pytest.mark.parametrize("text", ["", "org_1", "*", "org_01J9ZQ0000000000000000000*"])
def test_what_is_no_organisation_is_refused(text: str) -> None:
    with pytest.raises(ScopeError):
        Scope(text)
