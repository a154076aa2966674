"""The state of a local cloud on another port than it was saved on: nothing that was there is deaf."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from infra.local import clients, emulator
from tests.infra.local.cloud_kit import create_function, until

ROOM = """
import os, pathlib
def handler(event, context):
    with open(os.environ["SEEN"], "a") as seen:
        seen.writelines(record["body"] + "\\n" for record in event["Records"])
"""


@pytest.mark.emulator
def test_a_queue_and_its_consumer_move_along(tmp_path: Path) -> None:
    if not emulator.interpreter().exists():
        pytest.skip("the emulator's environment is absent: `make up` makes it")
    seen = tmp_path / "seen.txt"
    for number in range(3):
        handle = emulator.start(tmp_path / "state", emulator.free_port())
        handle.wait_ready()
        queues, functions = clients.client("sqs", handle.endpoint), clients.client("lambda", handle.endpoint)
        try:
            if number == 0:
                queue = queues.create_queue(QueueName="q")["QueueUrl"]
                arn = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
                reader = create_function(functions, ROOM, Environment={"Variables": {"SEEN": str(seen)}})
                functions.create_event_source_mapping(EventSourceArn=arn, FunctionName=reader.name)
            queue = queues.get_queue_url(QueueName="q")["QueueUrl"]
            assert f":{handle.port}/" in queue, "callers see the port that they called"
            queues.send_message(QueueUrl=queue, MessageBody=f"message {number}")
            until(functools.partial(_has, seen, f"message {number}"), f"message {number}")
        finally:
            queues.close()
            functions.close()
            (handle.kill if number else handle.stop)()


def _has(file: Path, line: str) -> bool:
    return file.exists() and f"{line}\n" in file.read_text()
