"""`kill -9` of the emulator: what was acknowledged is there afterwards, and what ran goes on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from infra.local import clients, emulator
from tests.infra.local.cloud_kit import ROLE, create_function, until

pytestmark = pytest.mark.emulator


class Cloud:
    """An emulator that can be killed and started again on the same state."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._port = emulator.free_port()
        self._clients: list[Any] = []
        self.handle = emulator.start(state, self._port)
        self.handle.wait_ready()

    def __call__(self, service: str) -> Any:
        self._clients.append(clients.client(service, self.handle.endpoint))
        return self._clients[-1]

    def snapshot(self) -> None:
        """Have it save what is there, so that what follows is the journal's to keep."""
        self.handle.snapshot()

    def crash(self) -> None:
        """Kill it with SIGKILL and start it again, on the same port as the supervisor does."""
        self.handle.kill()
        self.handle = emulator.start(self._state, self._port)
        self.handle.wait_ready()

    def close(self) -> None:
        for each in self._clients:
            each.close()
        self.handle.stop()


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    if not emulator.interpreter().exists():
        pytest.skip("the emulator's environment is absent: `make up` makes it")
    with contextlib.closing(Cloud(tmp_path)) as running:
        yield running


def item(**values: Any) -> dict[str, Any]:
    return {key: TypeSerializer().serialize(value) for key, value in values.items()}


def make_table(cloud: Cloud) -> str:
    table = cloud("dynamodb").create_table(
        TableName="main",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "gsi")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-gsi",
                "KeySchema": [{"AttributeName": "gsi", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    cloud.snapshot()
    return str(table["TableDescription"]["LatestStreamArn"])


def test_what_dynamodb_acknowledged_is_there_after_a_kill(cloud: Cloud) -> None:
    make_table(cloud)
    dynamodb = cloud("dynamodb")
    dynamodb.put_item(TableName="main", Item=item(pk="a", sk="1", gsi="g", data=b"\x00\xff", tags={"x", "y"}))
    dynamodb.put_item(TableName="main", Item=item(pk="a", sk="2", n=1))
    dynamodb.update_item(
        TableName="main",
        Key=item(pk="a", sk="2"),
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues=item(**{":one": 41}),
    )
    dynamodb.put_item(TableName="main", Item=item(pk="a", sk="3"))
    dynamodb.delete_item(TableName="main", Key=item(pk="a", sk="3"))
    dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": "main", "Item": item(pk="t", sk=str(n))}} for n in range(20)]
    )
    before = _everything(dynamodb)
    cloud.crash()
    assert _everything(dynamodb) == before
    cloud.crash()  # and once more: the recovery itself survives a kill
    assert _everything(dynamodb) == before
    found = dynamodb.query(
        TableName="main",
        IndexName="by-gsi",
        KeyConditionExpression="gsi = :g",
        ExpressionAttributeValues=item(**{":g": "g"}),
    )
    assert [each["sk"]["S"] for each in found["Items"]] == ["1"]


def _everything(dynamodb: Any) -> str:
    return json.dumps(dynamodb.scan(TableName="main")["Items"], sort_keys=True, default=repr)


def test_kms_secrets_users_schedules_objects_and_messages_survive(cloud: Cloud) -> None:
    key = cloud("kms").create_key()["KeyMetadata"]["KeyId"]
    context = {"tenant": "t1"}
    sealed = cloud("kms").encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=context)["CiphertextBlob"]
    pool = cloud("cognito-idp").create_user_pool(PoolName="p")["UserPool"]["Id"]
    cloud("cognito-idp").admin_create_user(UserPoolId=pool, Username="ann")
    cloud("scheduler").create_schedule(
        Name="nightly",
        ScheduleExpression="cron(0 3 * * ? *)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": ROLE},
    )
    cloud("s3").create_bucket(Bucket="facts")
    cloud("s3").put_object(Bucket="facts", Key="tenants/t1/a", Body=b"segment")
    queue = cloud("sqs").create_queue(QueueName="q")["QueueUrl"]
    cloud.snapshot()
    cloud("sqs").send_message(QueueUrl=queue, MessageBody="after the snapshot")
    cloud.crash()
    opened = cloud("kms").decrypt(CiphertextBlob=sealed, EncryptionContext=context)
    assert opened["Plaintext"] == b"secret"
    assert cloud("cognito-idp").admin_get_user(UserPoolId=pool, Username="ann")["Enabled"]
    assert cloud("scheduler").get_schedule(Name="nightly")["ScheduleExpression"] == "cron(0 3 * * ? *)"
    with cloud("s3").get_object(Bucket="facts", Key="tenants/t1/a")["Body"] as body:
        assert body.read() == b"segment"
    messages = cloud("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert [message["Body"] for message in messages] == ["after the snapshot"]


def test_a_message_in_flight_at_the_kill_is_delivered_again_at_once(cloud: Cloud) -> None:
    queue = cloud("sqs").create_queue(QueueName="q", Attributes={"VisibilityTimeout": "900"})["QueueUrl"]
    cloud("sqs").send_message(QueueUrl=queue, MessageBody="work")
    assert cloud("sqs").receive_message(QueueUrl=queue)["Messages"]
    cloud.snapshot()
    cloud.crash()
    assert cloud("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "work"


def test_a_stream_delivers_every_record_across_a_kill(cloud: Cloud, tmp_path: Path) -> None:
    stream = make_table(cloud)
    seen = tmp_path / "seen"
    source = (
        "def handler(event, context):\n"
        f"  with open({str(seen)!r}, 'a') as out:\n"
        "    for record in event['Records']: out.write(record['dynamodb']['Keys']['sk']['S'] + '\\n')\n"
    )
    relay = create_function(cloud("lambda"), source)
    cloud("lambda").create_event_source_mapping(
        EventSourceArn=stream, FunctionName=relay.name, StartingPosition="TRIM_HORIZON"
    )
    dynamodb = cloud("dynamodb")
    for number in range(30):
        dynamodb.put_item(TableName="main", Item=item(pk="p", sk=f"{number:02}"))
    _wait_for(seen, {f"{number:02}" for number in range(30)})
    cloud.snapshot()  # the positions of the readers are now beyond what a fresh stream would hold
    dynamodb.put_item(TableName="main", Item=item(pk="p", sk="last words"))
    cloud.crash()
    dynamodb.put_item(TableName="main", Item=item(pk="p", sk="first words"))
    _wait_for(seen, {"last words", "first words"})


def _wait_for(seen: Path, wanted: set[str]) -> None:
    until(lambda: seen.exists() and wanted <= set(seen.read_text().split("\n")), f"records {wanted}")


MACHINE = {
    "StartAt": "Note",
    "States": {
        "Note": {"Type": "Task", "Resource": "FUNCTION", "ResultPath": None, "Next": "Rest"},
        "Rest": {"Type": "Wait", "Seconds": 2, "Next": "Done"},
        "Done": {"Type": "Succeed"},
    },
}


def _machine(cloud: Cloud, function: str, definition: dict[str, Any]) -> str:
    text = json.dumps(definition).replace("FUNCTION", function)
    made = cloud("stepfunctions").create_state_machine(name="m", definition=text, roleArn=ROLE)
    cloud.snapshot()
    return str(made["stateMachineArn"])


def _noting(cloud: Cloud, tmp_path: Path) -> tuple[str, Path]:
    notes = tmp_path / "notes"
    source = (
        "import json\n"
        "def handler(event, context):\n"
        f"  with open({str(notes)!r}, 'a') as out: out.write(json.dumps(event) + '\\n')\n"
        "  if event.get('fail'): raise ValueError('no')\n"
    )
    return create_function(cloud("lambda"), source).arn, notes


def _status(cloud: Cloud, arn: str) -> str:
    return str(cloud("stepfunctions").describe_execution(executionArn=arn)["status"])


def test_an_interrupted_execution_runs_again_under_its_own_name(cloud: Cloud, tmp_path: Path) -> None:
    function, notes = _noting(cloud, tmp_path)
    machine = _machine(cloud, function, MACHINE)
    started = cloud("stepfunctions").start_execution(stateMachineArn=machine, name="scan-1", input='{"scan": 1}')
    until(notes.exists, "the first state")
    cloud.crash()
    assert _status(cloud, started["executionArn"]) == "RUNNING"
    until(lambda: _status(cloud, started["executionArn"]) == "SUCCEEDED", "the execution")
    assert [json.loads(line) for line in notes.read_text().splitlines()] == [{"scan": 1}, {"scan": 1}]


def test_an_execution_that_had_ended_does_not_run_again(cloud: Cloud, tmp_path: Path) -> None:
    function, notes = _noting(cloud, tmp_path)
    short = {"StartAt": "Note", "States": {"Note": {"Type": "Task", "Resource": "FUNCTION", "End": True}}}
    machine = _machine(cloud, function, short)
    arn = cloud("stepfunctions").start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    until(lambda: _status(cloud, arn) == "SUCCEEDED", "the execution")
    cloud.crash()
    assert _status(cloud, arn) == "SUCCEEDED"
    assert len(notes.read_text().splitlines()) == 1


PARKING = {
    "StartAt": "Before",
    "States": {
        "Before": {"Type": "Pass", "Next": "Park"},
        "Park": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "FUNCTION", "Payload": {"token.$": "$$.Task.Token", "fail.$": "$.fail"}},
            "End": True,
        },
    },
}


def _park(cloud: Cloud, tmp_path: Path, fail: bool = False) -> tuple[str, str]:
    function, notes = _noting(cloud, tmp_path)
    machine = _machine(cloud, function, PARKING)
    started = cloud("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps({"fail": fail}))
    until(notes.exists, "the token")
    until(lambda: notes.read_text().endswith("\n"), "the token")
    return started["executionArn"], json.loads(notes.read_text())["token"]


def test_a_parked_execution_keeps_its_token_and_is_not_called_again(cloud: Cloud, tmp_path: Path) -> None:
    arn, token = _park(cloud, tmp_path)
    for _ in range(2):
        cloud.crash()
        assert _status(cloud, arn) == "RUNNING"
    cloud("stepfunctions").send_task_success(taskToken=token, output='{"resumed": true}')
    until(lambda: _status(cloud, arn) == "SUCCEEDED", "the execution")
    described = cloud("stepfunctions").describe_execution(executionArn=arn)
    assert json.loads(described["output"]) == {"resumed": True}
    assert len((tmp_path / "notes").read_text().splitlines()) == 1


def test_an_answered_token_is_answered_after_a_kill(cloud: Cloud, tmp_path: Path) -> None:
    arn, token = _park(cloud, tmp_path)
    cloud("stepfunctions").send_task_failure(taskToken=token, error="Stopped", cause="by hand")
    cloud.crash()
    until(lambda: _status(cloud, arn) == "FAILED", "the execution")
    assert cloud("stepfunctions").describe_execution(executionArn=arn)["error"] == "Stopped"


def test_a_task_that_cannot_take_its_token_fails(cloud: Cloud, tmp_path: Path) -> None:
    arn, _ = _park(cloud, tmp_path, fail=True)
    until(lambda: _status(cloud, arn) == "FAILED", "the execution")
    assert cloud("stepfunctions").describe_execution(executionArn=arn)["error"] == "ValueError"


def test_a_graceful_stop_keeps_everything_too(cloud: Cloud) -> None:
    cloud("s3").create_bucket(Bucket="kept")
    cloud("s3").put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    cloud.handle.stop()
    cloud.crash()
    assert cloud("s3").get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
