"""The deployer: order, change detection, assets, failures, and a real CDK assembly."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.local import assembly, clients
from infra.local.deploy import DeployError, Progress, deploy
from infra.local.emulator import Handle

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {}}


class Cloud:
    """A hand-written cloud assembly, deployed to the running emulator."""

    def __init__(self, directory: Path, endpoint: str) -> None:
        self.directory, self.endpoint = directory, endpoint
        self.memory = directory / "memory.json"
        self.prefix = f"t{uuid.uuid4().hex[:6]}"
        self.artifacts: dict[str, Any] = {}
        self.assets: dict[str, Any] = {}

    def name(self, stack: str) -> str:
        return f"{self.prefix}-{stack}"

    def stack(self, name: str, template: dict[str, Any], needs: tuple[str, ...] = ()) -> None:
        (self.directory / f"{name}.json").write_text(json.dumps(template))
        properties = {"templateFile": f"{name}.json", "stackName": self.name(name)}
        needed = [*needs, "assets"]
        self.artifacts[name] = {"type": assembly.STACK, "properties": properties, "dependencies": needed}

    def drop(self, name: str) -> None:
        del self.artifacts[name]

    def folder(self, name: str, files: dict[str, str]) -> str:
        for path, text in files.items():
            target = self.directory / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        place = {"bucketName": "cdk-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": f"{name}.zip"}
        source = {"path": name, "packaging": "zip"}
        self.assets[name] = {"source": source, "destinations": {"here": place}}
        return f"{name}.zip"

    def deploy(self, report: Callable[[Progress], None] = lambda _p: None) -> Any:
        (self.directory / "all.assets.json").write_text(json.dumps({"files": self.assets}))
        listed = {"assets": {"type": assembly.ASSETS, "properties": {"file": "all.assets.json"}}}
        (self.directory / "manifest.json").write_text(json.dumps({"artifacts": listed | self.artifacts}))
        return deploy(self.directory, self.endpoint, self.memory, report)


@pytest.fixture
def cloud(tmp_path: Path, handle: Handle) -> Cloud:
    return Cloud(tmp_path, handle.endpoint)


def parameter(value: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}}


@pytest.mark.emulator
def test_stacks_are_deployed_in_the_order_of_their_dependencies(cloud: Cloud) -> None:
    export = f"{cloud.prefix}-value"
    cloud.stack("reader", {"Resources": {"P": parameter({"Fn::ImportValue": export})}}, needs=("writer",))
    cloud.stack(
        "writer",
        {"Resources": {"Q": QUEUE}, "Outputs": {"Url": {"Value": {"Ref": "Q"}, "Export": {"Name": export}}}},
    )
    steps: list[Progress] = []
    result = cloud.deploy(steps.append)
    assert result.created == [cloud.name("writer"), cloud.name("reader")]
    assert [(step.verb, step.subject) for step in steps] == [("create", name) for name in result.created]
    assert result.outputs[cloud.name("writer")]["Url"].startswith("http")


@pytest.mark.emulator
def test_only_what_changed_is_deployed_again(cloud: Cloud) -> None:
    cloud.stack("a", {"Resources": {"Q": QUEUE}})
    cloud.stack("b", {"Resources": {"P": parameter("one")}})
    cloud.deploy()
    assert cloud.deploy().unchanged == [cloud.name("a"), cloud.name("b")]
    cloud.stack("b", {"Resources": {"P": parameter("two")}})
    again = cloud.deploy()
    assert (again.updated, again.unchanged) == ([cloud.name("b")], [cloud.name("a")])


@pytest.mark.emulator
def test_a_stack_that_left_the_assembly_is_deleted(cloud: Cloud, aws: Callable[[str], Any]) -> None:
    cloud.stack("stays", {"Resources": {"Q": QUEUE}})
    cloud.stack("goes", {"Resources": {"Q": QUEUE}})
    cloud.deploy()
    cloud.drop("goes")
    assert cloud.deploy().deleted == [cloud.name("goes")]
    remaining = {stack["StackName"] for stack in aws("cloudformation").describe_stacks()["Stacks"]}
    assert cloud.name("goes") not in remaining
    assert cloud.name("stays") in remaining


@pytest.mark.emulator
def test_a_failure_names_the_resource_and_its_reason_and_is_mended_by_the_next_deploy(cloud: Cloud) -> None:
    broken = {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "no-prefix", "TargetKeyId": "x"}}
    cloud.stack("ok", {"Resources": {"Q": QUEUE}})
    cloud.stack("bad", {"Resources": {"Q": QUEUE, "Alias": broken}}, needs=("ok",))
    with pytest.raises(DeployError, match=r"AWS::KMS::Alias Alias: .*alias/"):
        cloud.deploy()
    cloud.stack("bad", {"Resources": {"Q": QUEUE}}, needs=("ok",))
    mended = cloud.deploy()
    assert (mended.created, mended.unchanged) == ([cloud.name("bad")], [cloud.name("ok")])


@pytest.mark.emulator
def test_a_failed_update_is_tried_again_though_the_template_is_the_same(cloud: Cloud) -> None:
    cloud.stack("a", {"Resources": {"P": parameter("one")}})
    cloud.deploy()
    broken = {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "no-prefix", "TargetKeyId": "x"}}
    cloud.stack("a", {"Resources": {"P": parameter("two"), "Alias": broken}})
    for _ in range(2):
        with pytest.raises(DeployError, match="could not be updated"):
            cloud.deploy()
    cloud.stack("a", {"Resources": {"P": parameter("one")}})
    assert cloud.deploy().updated == [cloud.name("a")]


@pytest.mark.emulator
def test_a_folder_becomes_a_function_and_a_change_of_it_is_uploaded(cloud: Cloud, aws: Callable[[str], Any]) -> None:
    for version in ("1", "2"):
        key = cloud.folder(f"room{version}", {"room.py": f"def handler(e, c): return {version}"})
        code = {"S3Bucket": "cdk-assets-000000000000-us-east-1", "S3Key": key}
        properties = {
            "FunctionName": cloud.name("f"),
            "Code": code,
            "Handler": "room.handler",
            "Runtime": "python3.13",
            "Role": "arn:aws:iam::000000000000:role/r",
        }
        cloud.stack("f", {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}})
        assert cloud.deploy().uploaded == 1
        with aws("lambda").invoke(FunctionName=cloud.name("f"))["Payload"] as answer:
            assert answer.read() == version.encode()


@pytest.mark.emulator
def test_a_template_larger_than_a_request_may_be_is_deployed(cloud: Cloud) -> None:
    cloud.stack("big", {"Resources": {f"P{n}": parameter("x" * 1000) for n in range(80)}})
    assert cloud.deploy().created == [cloud.name("big")]


@pytest.mark.emulator
def test_what_is_remembered_counts_only_where_the_cloud_agrees(cloud: Cloud, handle: Handle) -> None:
    cloud.stack("a", {"Resources": {"Q": QUEUE}})
    cloud.deploy()
    client = clients.client("cloudformation", handle.endpoint)
    client.delete_stack(StackName=cloud.name("a"))
    client.close()
    assert cloud.deploy().created == [cloud.name("a")]


def test_a_zip_depends_on_the_files_alone(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / "a.py").write_text("a")
        (tmp_path / folder / "b.py").write_text("b")
    first, second = assembly.zip_of(tmp_path / "one"), assembly.zip_of(tmp_path / "two")
    assert first == second
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["b.py", "sub/a.py"]


def test_a_directory_that_is_no_assembly_is_refused(tmp_path: Path) -> None:
    with pytest.raises(assembly.AssemblyError, match="is not a cloud assembly"):
        assembly.read(tmp_path)


def test_nested_assemblies_of_stages_are_read(tmp_path: Path) -> None:
    nested = tmp_path / "assembly-dev"
    nested.mkdir()
    stack = {"type": assembly.STACK, "properties": {"templateFile": "t.json"}, "displayName": "dev-one"}
    (nested / "t.json").write_text("{}")
    (nested / "manifest.json").write_text(json.dumps({"artifacts": {"one": stack}}))
    stage = {"type": assembly.NESTED, "properties": {"directoryName": "assembly-dev"}}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"dev": stage}}))
    assert [each.name for each in assembly.read(tmp_path).stacks] == ["dev-one"]
