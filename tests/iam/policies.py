"""What every door may do, as the stacks synthesise it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cdk.packaging import ROOT

ACCOUNT, REGION = "000000000000", "us-east-1"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/palisade"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/data"
SIGNING_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/signing"
MADE = ROOT / "build" / "iam"
INPUTS = ("cdk.json", "infra/cdk", "layers/kernel/python/contracts", "state_machines")
Policy = dict[str, Any]


@dataclass(frozen=True)
class Door:
    """A Lambda function: what its own role may do, and its data role when that was assumed for a tenant."""

    handler: str
    own: tuple[Policy, ...]
    data: tuple[Policy, ...]

    @property
    def room(self) -> str:
        """The room that it belongs to."""
        return self.handler.split(".")[1]


def doors() -> dict[str, Door]:
    """Every door of the platform by its handler, such as `functions.scans.steps.gate`."""
    templates = [json.loads(text) for text in _templates()]
    found = [door for template in templates for door in _doors(template)]
    return {door.handler: door for door in found}


def facts_bucket() -> str:
    """The facts bucket as the policies name it."""
    return f"palisade-local-facts-{ACCOUNT}-{REGION}"


def anchors_bucket() -> str:
    """The bucket of the audit trail's anchors as the policies name it."""
    return f"palisade-local-anchors-{ACCOUNT}-{REGION}"


def _templates() -> list[str]:
    """The local stage's templates; synthesised once for each state of what policies come from."""
    target = MADE / _digest()
    MADE.mkdir(parents=True, exist_ok=True)
    with (MADE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / "manifest.json").exists():
            command = [sys.executable, "-m", "infra.cdk.app", "--stage", "local", "--output", str(target)]
            environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=environment)
    return [file.read_text() for file in sorted(target.glob("*.template.json"))]


def _digest() -> str:
    sum_ = hashlib.sha256()
    for name in INPUTS:
        path = ROOT / name
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                sum_.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    for room in sorted(Path(ROOT, "functions").glob("*/*.py")):
        sum_.update(f"{room.relative_to(ROOT)}\0".encode())
    return sum_.hexdigest()[:24]


def _doors(template: dict[str, Any]) -> list[Door]:
    resources = template["Resources"]
    functions = {name: each for name, each in resources.items() if each["Type"] == "AWS::Lambda::Function"}
    return [
        Door(
            handler=each["Properties"]["Handler"],
            own=_policies_of(resources, each["Properties"]["Role"]),
            data=_policies_of(resources, _variables(each).get("DATA_ROLE_ARN")),
        )
        for each in functions.values()
        if str(each["Properties"].get("Handler", "")).startswith("functions.")
    ]


def _variables(function: dict[str, Any]) -> dict[str, Any]:
    variables: dict[str, Any] = function["Properties"].get("Environment", {}).get("Variables", {})
    return variables


def _policies_of(resources: dict[str, Any], role: Any) -> tuple[Policy, ...]:
    if role is None:
        return ()
    wanted = role["Fn::GetAtt"][0]
    return tuple(
        _resolved(each["Properties"]["PolicyDocument"])
        for each in resources.values()
        if each["Type"] == "AWS::IAM::Policy" and {"Ref": wanted} in each["Properties"]["Roles"]
    )


def _resolved(value: Any) -> Any:
    """A template's value without CloudFormation's functions, with fixed names for what another stack makes."""
    if isinstance(value, list):
        return [_resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return separator.join(str(_resolved(part)) for part in parts)
    if "Ref" in value:
        return {"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::Region": REGION}.get(
            value["Ref"], _named(value["Ref"])
        )
    if "Fn::ImportValue" in value:
        return _named(value["Fn::ImportValue"])
    if "Fn::GetAtt" in value:
        return _named(".".join(value["Fn::GetAtt"]))
    return {name: _resolved(each) for name, each in value.items()}


def _named(reference: str) -> str:
    if "DataTable" in reference:
        return TABLE
    if "DataKey" in reference:
        return KEY
    if "SigningKey" in reference:
        return SIGNING_KEY
    return f"arn:aws:other:{REGION}:{ACCOUNT}:{reference.replace(':', '-')}"
