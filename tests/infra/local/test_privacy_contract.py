"""Privacy's state machines and the operator's backups, as the emulator plays AWS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.backup import restoring, sources, taking
from infra.backup.cloud import Cloud, items_of, objects_of
from infra.backup.scope import Scope
from infra.backup.vault import Vault
from infra.cdk.packaging import ROOT
from kernel.ids import new_id
from tests.infra.local.cloud_kit import Function
from tests.infra.local.test_machine_contract import run
from tests.kit import create_table

pytestmark = pytest.mark.emulator
Aws = Callable[[str], Any]
Make = Callable[..., Function]
DONE = "def handler(event, context):\n    return {'room': 'x', 'wish': event.get('wish')}\n"
DIES = "def handler(event, context):\n    raise ValueError('no')\n"
GOES = "def handler(event, context):\n    return True\n"
STAYS = "def handler(event, context):\n    return False\n"
LOOPS = """
def handler(event, context):
    changed = (event.get('{name}') or {{'changed': 0}})['changed'] + 1
    return {{'resume': 'on' if changed < 3 else None, 'changed': changed}}
"""
TELLS = "import json\ndef handler(event, context):\n    raise ValueError('FINISH ' + json.dumps(event))\n"
ENDS = """
def handler(event, context):
    assert event['people'] == 2
    n = event['removed'] + 1
    return {'done': n == 3, 'resume': None, 'removed': n}
"""
PEOPLE = "def handler(event, context):\n    return 2\n"
ROOMS = ("Identity", "Organizations", "Access", "Developers", "Notifications", "Scans", "Intelligence", "Audit")


def machine(name: str, **functions: Function) -> dict[str, Any]:
    """A definition with its holes filled, and retries that do not wait."""
    text = (ROOT / "state_machines" / "privacy" / f"{name}.asl.json").read_text()
    text = text.replace('"${SettleSeconds}"', "1").replace('"MaxAttempts": 6', '"MaxAttempts": 0')
    for hole, function in functions.items():
        text = text.replace(f"${{{hole}}}", function.arn)
    assert "${" not in text
    made: dict[str, Any] = json.loads(text)
    return made


WORK = {"tenant_id": "org_1", "job_id": "job_1"}


def test_an_export_asks_every_room_and_goes_on_without_one(aws: Aws, function: Make) -> None:
    done, dies = function(DONE), function(DIES)
    rooms = {room: dies if room == "Access" else done for room in ROOMS}
    ended = run(aws, machine("export", **rooms, Finish=done), {**WORK, "wish": "export"})
    assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"))
    told = run(aws, machine("export", **rooms, Finish=function(TELLS)), {**WORK, "wish": "export"})
    assert told["status"] == "FAILED"


def test_an_erasure_waits_erases_loops_and_ends(aws: Aws, function: Make) -> None:
    done = function(DONE)
    rooms = {room: done for room in ROOMS if room not in ("Scans", "Intelligence", "Audit")}
    rest = {"Audit": function(LOOPS.format(name="audit")), "Sweep": function(LOOPS.format(name="sweep"))}
    at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    given = {**WORK, "wish": "erase", "at": at}
    rooms["Access"] = function(DIES)
    ended = run(aws, machine("erasure", **rooms, **rest, Begin=function(GOES), Finish=done), given)
    assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"))
    assert datetime.now(UTC).isoformat() > at
    spared = run(aws, machine("erasure", **rooms, **rest, Begin=function(STAYS), Finish=function(DIES)), given)
    assert spared["status"] == "SUCCEEDED", spared


def test_a_tenants_end_goes_on_until_nothing_is_found(aws: Aws, function: Make) -> None:
    given = {"tenant_id": "org_1", "resume": None, "removed": 0}
    ended = run(aws, machine("tenant", People=function(PEOPLE), Erase=function(ENDS)), given)
    assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"))


@pytest.fixture
def stage(aws: Aws) -> Iterator[Cloud]:
    """A table, two buckets and a key on the emulator."""
    name = uuid.uuid4().hex[:8]
    create_table(aws("dynamodb"), f"t-{name}")
    for bucket in (f"facts-{name}", f"backups-{name}"):
        aws("s3").create_bucket(Bucket=bucket)
    aws("s3").put_bucket_versioning(Bucket=f"facts-{name}", VersioningConfiguration={"Status": "Enabled"})
    key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    clients = (aws("dynamodb"), aws("s3"), aws("kms"))
    yield Cloud(*clients, f"t-{name}", f"facts-{name}", f"backups-{name}", key)
    aws("dynamodb").delete_table(TableName=f"t-{name}")


def furnish(stage: Cloud, tenant_id: str) -> None:
    for number in range(30):
        item = {
            "pk": {"S": f"TENANT#{tenant_id}#SCANS"},
            "sk": {"S": f"SCAN#{number:03}"},
            "tenant_id": {"S": tenant_id},
            "n": {"N": "1.50"},
            "l": {"L": [{"NULL": True}, {"M": {"ä": {"BOOL": False}}}]},
        }
        stage.dynamodb.put_item(TableName=stage.table, Item=item)
    for number in range(5):
        stage.s3.put_object(Bucket=stage.facts, Key=f"tenants/{tenant_id}/scans/{number}", Body=bytes([number]) * 9000)


def state(stage: Cloud, tenant_id: str) -> Any:
    scope = Scope(tenant_id)
    keys = objects_of(stage, scope)
    bodies = {key: stage.s3.get_object(Bucket=stage.facts, Key=key)["Body"].read() for key in keys}
    return items_of(stage, scope), bodies


def test_a_destroyed_organisation_comes_back_and_its_neighbour_is_untouched(stage: Cloud) -> None:
    mine, other = new_id("org"), new_id("org")
    for each in (mine, other):
        furnish(stage, each)
    scope = Scope(mine)
    before, beside = state(stage, mine), state(stage, other)
    taken = taking.take(Vault(stage, scope), scope, sources.present(stage, scope), lambda _line: None)
    for pk, sk in before[0]:
        stage.dynamodb.delete_item(TableName=stage.table, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    for each in stage.s3.list_object_versions(Bucket=stage.facts, Prefix=scope.prefix)["Versions"]:
        stage.s3.delete_object(Bucket=stage.facts, Key=each["Key"], VersionId=each["VersionId"])
    assert state(stage, mine) == ({}, {})
    backup = sources.Backup(stage, scope, taken["backup_id"])
    plan = restoring.compare(scope, backup.state, restoring.present_state(stage, scope))
    assert (len(plan.missing), len(plan.objects_missing)) == (30, 5)
    restoring.apply(stage, scope, backup, plan, lambda _line: None)
    assert state(stage, mine) == before
    assert state(stage, other) == beside


def test_a_point_in_time_is_a_table_that_goes_again(stage: Cloud) -> None:
    """The emulator makes the table as it is now, whatever the moment."""
    mine = new_id("org")
    furnish(stage, mine)
    stage.dynamodb.update_continuous_backups(
        TableName=stage.table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    before = state(stage, mine)
    with sources.past(stage, Scope(mine), datetime.now(UTC)) as past:
        assert past.state.items == before[0]
        tables = stage.dynamodb.list_tables()["TableNames"]
        assert any(name.startswith(f"{stage.table}-") for name in tables)
    assert not any(name.startswith(f"{stage.table}-") for name in stage.dynamodb.list_tables()["TableNames"])
