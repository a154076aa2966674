"""Deploys a synthesised cloud assembly to the local cloud: what `cdk deploy --all` does in AWS, without Node.

Assets go to the bootstrap bucket, then each stack is created or updated in the order of its dependencies, but only
when its template or parameters have changed since it was last deployed here; stacks that have left the assembly are
deleted. What is deployed is remembered in one small file, and believed only where the cloud agrees.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.local import assembly, clients
from infra.local.assembly import Assembly, Asset, Stack

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = "30"
STACK_WITHIN = 300.0
LOOK_EVERY = 0.03
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_AS_WANTED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_BEYOND_REPAIR = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS")


class DeployError(Exception):
    """A stack could not be deployed; the message names it, the resource that failed and the reason."""


@dataclass(frozen=True)
class Progress:
    """One step of a deployment that has begun: what it does to what, and how far the whole is."""

    verb: str
    subject: str
    done: int
    total: int


@dataclass
class Deployed:
    """What a deployment did, by stack name, and every stack's outputs."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    uploaded: int = 0
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)


Report = Callable[[Progress], None]


def deploy(directory: Path, endpoint: str, memory: Path, report: Report = lambda _progress: None) -> Deployed:
    """Deploy the assembly in `directory` to the emulator at `endpoint`.

    `memory` is the file that remembers what was deployed. Raises `DeployError` or `assembly.AssemblyError`; what
    was deployed before the failure stays, and the next call goes on from there.
    """
    return _Deployment(assembly.read(directory), endpoint, memory, report).run()


class _Deployment:
    def __init__(self, wanted: Assembly, endpoint: str, memory: Path, report: Report) -> None:
        self._wanted = wanted
        self._endpoint = endpoint
        self._memory = memory
        self._known: dict[str, str] = json.loads(memory.read_text()) if memory.exists() else {}
        self._cloudformation = clients.client("cloudformation", endpoint)
        self._report = report
        self._result = Deployed()

    def run(self) -> Deployed:
        try:
            self._bootstrap()
            for number, stack in enumerate(self._wanted.stacks):
                self._deploy(stack, number)
            self._delete_vanished()
            return self._result
        finally:
            self._cloudformation.close()

    def _bootstrap(self) -> None:
        """What `cdk bootstrap` provides: the version parameter and the bucket with the assets."""
        parameters, storage = clients.client("ssm", self._endpoint), clients.client("s3", self._endpoint)
        try:
            parameters.put_parameter(Name=BOOTSTRAP_PARAMETER, Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True)
            for bucket in {asset.bucket for asset in self._wanted.assets}:
                present = _keys(storage, bucket)
                missing = [a for a in self._wanted.assets if a.bucket == bucket and a.key not in present]
                self._upload(storage, missing)
        finally:
            parameters.close()
            storage.close()

    def _upload(self, storage: Any, assets: list[Asset]) -> None:
        for number, asset in enumerate(assets):
            self._report(Progress("upload", asset.source.name, number, len(assets)))
            storage.put_object(Bucket=asset.bucket, Key=asset.key, Body=asset.content())
        self._result.uploaded += len(assets)

    def _deploy(self, stack: Stack, number: int) -> None:
        fingerprint = stack.fingerprint
        present = self._describe(stack.name)
        if present and present["StackStatus"] in _BEYOND_REPAIR:
            self._delete(stack.name)
            present = None
        if present and present["StackStatus"] in _AS_WANTED and self._known.get(stack.name) == fingerprint:
            self._result.unchanged.append(stack.name)
        else:
            verb = "update" if present else "create"
            self._report(Progress(verb, stack.name, number, len(self._wanted.stacks)))
            self._forget(stack.name)
            present = self._apply(verb, stack)
            self._remember(stack.name, fingerprint)
            (self._result.updated if verb == "update" else self._result.created).append(stack.name)
        outputs = present.get("Outputs", []) if present else []
        self._result.outputs[stack.name] = {each["OutputKey"]: each["OutputValue"] for each in outputs}

    def _apply(self, verb: str, stack: Stack) -> dict[str, Any]:
        request = {
            "StackName": stack.name,
            "TemplateURL": self._template_url(stack),
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in stack.parameters.items()],
            "Capabilities": CAPABILITIES,
        }
        try:
            (self._cloudformation.update_stack if verb == "update" else self._cloudformation.create_stack)(**request)
        except ClientError as problem:
            if "No updates are to be performed" not in str(problem):
                raise DeployError(f"Stack {stack.name}: {problem.response['Error']['Message']}") from problem
            return self._describe(stack.name) or {}
        return self._await(stack.name, verb)

    def _template_url(self, stack: Stack) -> str:
        """Where the template lies in S3: it has more than the 51,200 bytes that a request may carry."""
        bucket = next((asset.bucket for asset in self._wanted.assets), "cdk-templates")
        key = f"templates/{stack.fingerprint}.json"
        storage = clients.client("s3", self._endpoint)
        try:
            _keys(storage, bucket)
            storage.put_object(Bucket=bucket, Key=key, Body=stack.template.read_bytes())
        finally:
            storage.close()
        return f"{self._endpoint}/{bucket}/{key}"

    def _await(self, name: str, verb: str) -> dict[str, Any]:
        deadline = time.monotonic() + STACK_WITHIN
        while time.monotonic() < deadline:
            stack = self._describe(name)
            status = stack["StackStatus"] if stack else "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                if stack and status == f"{verb.upper()}_COMPLETE":
                    return stack
                raise DeployError(f"Stack {name} could not be {verb}d. {self._reason(name)}")
            time.sleep(LOOK_EVERY)
        raise DeployError(f"Stack {name} was not {verb}d within {STACK_WITHIN:.0f} s.")

    def _reason(self, name: str) -> str:
        """The first failure since the last operation began, in words."""
        failures = []
        for event in self._cloudformation.describe_stack_events(StackName=name)["StackEvents"]:
            reason = event.get("ResourceStatusReason", "")
            if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason.lower():
                failures.append(f"{event['ResourceType']} {event['LogicalResourceId']}: {reason}")
            if event["LogicalResourceId"] == name and event["ResourceStatus"] in (
                "CREATE_IN_PROGRESS",
                "UPDATE_IN_PROGRESS",
            ):
                break
        return failures[-1] if failures else "The emulator gives no reason; see its log."

    def _delete_vanished(self) -> None:
        wanted = {stack.name for stack in self._wanted.stacks}
        for name in reversed([name for name in self._known if name not in wanted]):
            self._report(Progress("delete", name, 0, 1))
            self._delete(name)
            self._forget(name)
            self._result.deleted.append(name)

    def _delete(self, name: str) -> None:
        self._cloudformation.delete_stack(StackName=name)
        deadline = time.monotonic() + STACK_WITHIN
        while (stack := self._describe(name)) and stack["StackStatus"].endswith("_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise DeployError(f"Stack {name} was not deleted within {STACK_WITHIN:.0f} s.")
            time.sleep(LOOK_EVERY)
        if stack and stack["StackStatus"] == "DELETE_FAILED":
            raise DeployError(f"Stack {name} could not be deleted. {self._reason(name)}")

    def _describe(self, name: str) -> dict[str, Any] | None:
        try:
            stack: dict[str, Any] = self._cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError:
            return None
        return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack

    def _remember(self, name: str, fingerprint: str) -> None:
        self._known[name] = fingerprint
        self._write_memory()

    def _forget(self, name: str) -> None:
        if self._known.pop(name, None):
            self._write_memory()

    def _write_memory(self) -> None:
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._memory.with_suffix(".new")
        fresh.write_text(json.dumps(self._known, indent=1))
        os.replace(fresh, self._memory)


def _keys(storage: Any, bucket: str) -> set[str]:
    """The keys of a bucket, which is made if there is none."""
    try:
        pages = storage.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}
    except ClientError:
        storage.create_bucket(Bucket=bucket)
        return set()
