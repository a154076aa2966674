"""What the platform's state machines rely on, as the emulator does it with its mends."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.mends import state_language
from kernel import executions
from kernel.ids import new_id
from tests.infra.local.cloud_kit import ROLE, Function, until

pytestmark = pytest.mark.emulator
Aws = Callable[[str], Any]
Make = Callable[..., Function]


def run(aws: Aws, definition: dict[str, Any], given: Any) -> dict[str, Any]:
    """Run a machine to its end and return how it ended."""
    machines = aws("stepfunctions")
    name = f"m{uuid.uuid4().hex[:6]}"
    arn = machines.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    started = machines.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]

    def ended() -> Any:
        described = machines.describe_execution(executionArn=started)
        return described if described["status"] != "RUNNING" else None

    return until(ended, "the execution")  # type: ignore[no-any-return]


def distributed_map(function: Function, **fields: Any) -> dict[str, Any]:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function.arn, "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "Lost"}],
        "End": True,
    }
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "Batch",
        "States": {"Batch": task, "Lost": {"Type": "Pass", "End": True}},
    }
    state = {"Type": "Map", "Label": "Batches", "ItemProcessor": processor, "End": True} | fields
    return {"QueryLanguage": "JSONata", "StartAt": "Batches", "States": {"Batches": state}}


def test_a_distributed_map_reads_its_items_from_s3_and_evaluates_jsonata(aws: Aws, function: Make) -> None:
    bucket = f"b{uuid.uuid4().hex[:8]}"
    aws("s3").create_bucket(Bucket=bucket)
    aws("s3").put_object(Bucket=bucket, Key="plan.json", Body=json.dumps([{"n": n} for n in range(5)]))
    batch = function("def handler(e, c):\n  if e['n'] == 3: raise ValueError('no')\n  return e['n'] * 10")
    definition = distributed_map(
        batch,
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Arguments": {"Bucket": "{% $states.input.bucket %}", "Key": "{% $states.input.key %}"},
        },
        MaxConcurrency="{% $number('2') %}",
        ToleratedFailurePercentage=100,
        Output={"scan": "{% $states.input.scan %}", "results": "{% $states.result %}"},
    )
    ended = run(aws, definition, {"bucket": bucket, "key": "plan.json", "scan": "s1"})
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == {"scan": "s1", "results": [0, 10, 20, "ValueError", 40]}


def test_a_distributed_map_evaluates_its_items_and_its_selector(aws: Aws, function: Make) -> None:
    echo = function("def handler(e, c): return e")
    definition = distributed_map(
        echo,
        Items="{% $states.input.values %}",
        ItemSelector={"value": "{% $states.context.Map.Item.Value %}", "of": "{% $states.input.of %}"},
    )
    ended = run(aws, definition, {"values": [1, 2], "of": "all"})
    assert json.loads(ended["output"]) == [{"value": 1, "of": "all"}, {"value": 2, "of": "all"}]


def test_a_retry_matches_the_class_of_the_error_and_a_catch_takes_the_rest(aws: Aws, function: Make) -> None:
    moody = function(
        "seen = []\nclass Busy(Exception): pass\nclass Broken(Exception): pass\n"
        "def handler(e, c):\n  seen.append(1)\n"
        "  if len(seen) < 3: raise Busy('later')\n  raise Broken(str(len(seen)))\n"
    )
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": moody.arn, "Payload": {}},
        "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxDelaySeconds": 1, "JitterStrategy": "FULL"}],
        "Catch": [{"ErrorEquals": ["Broken"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}],
        "End": True,
    }
    states = {"Try": task, "Caught": {"Type": "Succeed"}}
    ended = run(aws, {"QueryLanguage": "JSONata", "StartAt": "Try", "States": states}, {})
    output = json.loads(ended["output"])
    assert output["Error"] == "Broken"
    assert json.loads(output["Cause"])["errorMessage"] == "3"


def test_a_parked_task_gets_its_token_by_jsonata_and_goes_on_when_answered(aws: Aws, function: Make) -> None:
    park = function(
        "import boto3, json\ndef handler(e, c):\n"
        "  boto3.client('stepfunctions').send_task_success(taskToken=e['token'], output=json.dumps({'by': e['who']}))"
    )
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "TimeoutSeconds": 60,
        "Arguments": {
            "FunctionName": park.arn,
            "Payload": {"token": "{% $states.context.Task.Token %}", "who": "{% $states.input.who %}"},
        },
        "Output": "{% $states.result %}",
        "End": True,
    }
    ended = run(aws, {"QueryLanguage": "JSONata", "StartAt": "Park", "States": {"Park": task}}, {"who": "ann"})
    assert json.loads(ended["output"]) == {"by": "ann"}


def test_a_token_is_used_once(aws: Aws, function: Make) -> None:
    machines = aws("stepfunctions")
    with pytest.raises(machines.exceptions.TaskDoesNotExist):
        machines.send_task_success(taskToken="none-such", output="{}")


def test_delays_between_retries_are_bounded_and_jittered() -> None:
    retrier = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxDelaySeconds": 5}
    delays = [state_language._spaced(retrier, 0, {0: count})[0]["IntervalSeconds"] for count in range(5)]  # type: ignore[index]
    assert delays == [1, 2, 4, 5, 5]
    jittered = [state_language._spaced(retrier | {"JitterStrategy": "FULL"}, 0, {0: 4})[0] for _ in range(50)]
    assert all(each is not None and 0 <= each["IntervalSeconds"] <= 5 for each in jittered)
    assert len({str(each) for each in jittered}) > 1
    assert state_language._spaced(None, -1, {}) == (None, -1)


def watched(aws: Aws, definition: dict[str, Any]) -> tuple[str, Callable[[], list[dict[str, Any]]]]:
    """A machine, and what the account's bus was told of the bad ends of its executions."""
    name = f"m{uuid.uuid4().hex[:6]}"
    arn = aws("stepfunctions").create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
    queue = aws("sqs").create_queue(QueueName=name)["QueueUrl"]
    attributes = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    ends = {"stateMachineArn": [arn["stateMachineArn"]], "status": ["ABORTED", "FAILED", "TIMED_OUT"]}
    pattern = {"source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"], "detail": ends}
    aws("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    aws("events").put_targets(Rule=name, Targets=[{"Id": "1", "Arn": attributes["QueueArn"]}])

    def told() -> list[dict[str, Any]]:
        found = aws("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(each["Body"]) for each in found]

    return arn["stateMachineArn"], told


WAITS = {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 60, "End": True}}}
BREAKS = {"StartAt": "Break", "States": {"Break": {"Type": "Fail", "Error": "Broken", "Cause": "Test"}}}


@pytest.mark.parametrize(("definition", "status"), [(WAITS, "ABORTED"), (BREAKS, "FAILED")])
def test_an_execution_that_breaks_off_is_told_on_the_accounts_bus(
    aws: Aws, definition: dict[str, Any], status: str
) -> None:
    machine, told = watched(aws, definition)
    machines, work = aws("stepfunctions"), {"tenant_id": new_id("org"), "scan_id": "scan_1"}
    started = machines.start_execution(stateMachineArn=machine, name="scan_1", input=json.dumps(work))
    if status == "ABORTED":
        machines.stop_execution(executionArn=started["executionArn"], cause="Test")
    (event,) = until(told, "the event")
    broken = executions.read(event, machine)
    assert broken is not None
    assert (broken.name, broken.status, broken.work) == ("scan_1", status, work)
    assert broken.error == ("Broken" if status == "FAILED" else "")
