"""The production stacks, synthesised once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from infra.cdk.packaging import ROOT

Resource = dict[str, Any]


class Templates:
    """The templates of a stage, by stack."""

    def __init__(self, stacks: dict[str, dict[str, Any]]) -> None:
        self.stacks = stacks

    def of_type(self, kind: str, stack: str | None = None) -> dict[str, Resource]:
        """The properties of every resource of a type, by `Stack/LogicalId`."""
        return {
            f"{name}/{logical}": resource.get("Properties", {})
            for name, template in self.stacks.items()
            if stack is None or name == stack
            for logical, resource in template["Resources"].items()
            if resource["Type"] == kind
        }

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every statement of every identity policy, with the policy's place."""
        for place, policy in self.of_type("AWS::IAM::Policy").items():
            for statement in policy["PolicyDocument"]["Statement"]:
                yield place, statement


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The stage `prod`, without an account."""
    output = tmp_path_factory.mktemp("prod")
    command = [sys.executable, "-m", "infra.cdk.app", "--stage", "prod", "--output", str(output)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    files = output.glob("*.template.json")
    return Templates({file.name.partition(".")[0]: json.loads(file.read_text()) for file in files})
