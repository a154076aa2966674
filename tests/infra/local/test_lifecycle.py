"""The local cloud's life: up, down, and everything that may have happened in between."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local import clients, deploy, emulator, lifecycle, processes, supervisor
from infra.local.layout import Layout
from infra.local.lifecycle import LocalCloudError
from tests.infra.local.cloud_kit import until

ROOM = "import json\ndef handler(event, context): return {'statusCode': 200, 'body': json.dumps(event['rawPath'])}\n"


def _template() -> dict[str, Any]:
    code = {"ZipFile": ROOM}
    function = {"Code": code, "Handler": "index.handler", "Runtime": "python3.13", "Role": "arn:aws:iam::0:role/r"}
    uri = {"Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Room.Arn}/invocations"}
    integration = {"ApiId": {"Ref": "Api"}, "IntegrationType": "AWS_PROXY", "IntegrationUri": uri}
    target = {"Fn::Sub": "integrations/${Integration}"}
    return {
        "Resources": {
            "Room": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "api", "ProtocolType": "HTTP"}},
            "Stage": {
                "Type": "AWS::ApiGatewayV2::Stage",
                "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
            },
            "Integration": {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": integration | {"PayloadFormatVersion": "2.0"},
            },
            "Route": {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {"ApiId": {"Ref": "Api"}, "RouteKey": "$default", "Target": target},
            },
            "Web": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "web"}},
            "Facts": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "facts"}},
        },
        "Outputs": {"HttpApiId": {"Value": {"Ref": "Api"}}, "WebBucket": {"Value": {"Ref": "Web"}}},
    }


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    directory = tmp_path / "assembly"
    directory.mkdir()
    (directory / "platform.json").write_text(json.dumps(_template()))
    stack = {"templateFile": "platform.json", "stackName": "platform"}
    artifacts = {"platform": {"type": "aws:cloudformation:stack", "properties": stack}}
    (directory / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    return directory


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    if not emulator.interpreter().exists():
        pytest.skip("the emulator's environment is absent: `make up` makes it")
    made = Layout(tmp_path / "home", emulator.free_port(), emulator.free_port())
    try:
        yield made
    finally:
        lifecycle.down(made)


@pytest.fixture
def up(layout: Layout, assembly: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Brings the cloud up with the assembly of these tests and no seed; returns what was said."""
    monkeypatch.setattr(lifecycle, "SEED", "infra.local.no_such_seed")

    def bring() -> list[str]:
        said: list[str] = []
        lifecycle.up(layout, said.append, lambda _assemblies, _say: assembly)
        return said

    return bring


def get(layout: Layout, path: str) -> Any:
    with urllib.request.urlopen(f"{layout.url}{path}", timeout=30) as answer:
        return json.loads(answer.read())


def pid(layout: Layout, name: str) -> int:
    process = processes.recall(layout.run_file(name))
    assert process is not None
    return process.pid


@pytest.mark.emulator
def test_up_serves_and_down_ends_and_the_state_stays(layout: Layout, up: Callable[[], list[str]]) -> None:
    assert any("Creating platform" in line for line in up())
    assert get(layout, "/api/v1/scans") == "/api/v1/scans"
    storage = clients.client("s3", layout.aws)
    storage.put_object(Bucket="facts", Key="kept.txt", Body=b"kept")
    assert lifecycle.down(layout)
    assert set(lifecycle.running(layout).values()) == {None}
    again = up()
    assert not any("Creating" in line or "Updating" in line for line in again)
    with storage.get_object(Bucket="facts", Key="kept.txt")["Body"] as body:
        assert body.read() == b"kept"
    storage.close()


@pytest.mark.emulator
def test_up_twice_keeps_what_runs(layout: Layout, up: Callable[[], list[str]]) -> None:
    up()
    before = {name: pid(layout, name) for name in lifecycle.running(layout)}
    assert up() == []
    assert {name: pid(layout, name) for name in lifecycle.running(layout)} == before


@pytest.mark.emulator
def test_a_killed_emulator_is_started_again_and_requests_wait_for_it(
    layout: Layout, up: Callable[[], list[str]]
) -> None:
    up()
    before = pid(layout, supervisor.EMULATOR)
    os.kill(before, signal.SIGKILL)
    assert get(layout, "/api/v1/after") == "/api/v1/after"
    assert pid(layout, supervisor.EMULATOR) != before


@pytest.mark.emulator
def test_a_killed_supervisor_and_its_orphans_are_mended_by_the_next_up(
    layout: Layout, up: Callable[[], list[str]]
) -> None:
    up()
    orphans = [pid(layout, name) for name in (supervisor.EMULATOR, supervisor.FRONT_DOOR)]
    killed = processes.recall(layout.run_file(supervisor.NAME))
    assert killed is not None
    os.kill(killed.pid, signal.SIGKILL)
    until(lambda: not killed.is_running, "the end of the supervisor")
    assert all(processes.start_time(orphan) for orphan in orphans)
    up()
    assert get(layout, "/api/v1/x") == "/api/v1/x"
    assert not any(processes.start_time(orphan) for orphan in orphans)


@pytest.mark.emulator
def test_everything_killed_at_once_is_mended_too(layout: Layout, up: Callable[[], list[str]]) -> None:
    up()
    for name in lifecycle.running(layout):
        os.kill(pid(layout, name), signal.SIGKILL)
    up()
    assert get(layout, "/api/v1/x") == "/api/v1/x"


@pytest.mark.emulator
@pytest.mark.parametrize("variable", ["PORT", "AWS_PORT"])
def test_a_port_in_use_gets_one_sentence(layout: Layout, up: Callable[[], list[str]], variable: str) -> None:
    taken = layout.port if variable == "PORT" else layout.aws_port
    with socket.socket() as other:
        other.bind((emulator.HOST, taken))
        other.listen()
        with pytest.raises(LocalCloudError, match=rf"^Port {taken} is in use .* with {variable}=…$"):
            up()
    assert set(lifecycle.running(layout).values()) == {None}


@pytest.mark.emulator
def test_a_failed_deployment_leaves_a_cloud_that_the_next_up_finishes(
    layout: Layout, up: Callable[[], list[str]], assembly: Path
) -> None:
    template = _template()
    bad = {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "bad", "TargetKeyId": "x"}}
    broken = template | {"Resources": template["Resources"] | {"Bad": bad}}
    (assembly / "platform.json").write_text(json.dumps(broken))
    with pytest.raises(deploy.DeployError, match="Bad"):
        up()
    (assembly / "platform.json").write_text(json.dumps(template))
    up()
    assert get(layout, "/api/v1/x") == "/api/v1/x"


def test_a_recycled_process_number_is_not_taken_for_the_process(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        file = tmp_path / "p.json"
        real = processes.remember(file, stranger.pid)
        assert processes.recall(file) == real
        file.write_text(json.dumps({"pid": stranger.pid, "started": "long ago", "about": {}}))
        assert processes.recall(file) is None
        processes.Process(stranger.pid, "long ago", {}).end()
        assert stranger.poll() is None
        real.end()
        assert processes.recall(file) is None
    finally:
        stranger.communicate()


@pytest.mark.skipif(shutil.which("ps") is None, reason="this machine has no ps")
def test_a_machine_without_proc_tells_start_times_by_ps() -> None:
    first = processes._start_time_by_ps(os.getpid())
    assert first
    assert processes._start_time_by_ps(os.getpid()) == first
    assert processes._start_time_by_ps(2**22 + 1) is None


def test_a_torn_run_file_counts_as_nothing_running(tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    for text in ("", "{", "[]", '{"pid": 1}'):
        file.write_text(text)
        assert processes.recall(file) is None
