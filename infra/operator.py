"""The operator's tool: found an organisation with its first administrator, suspend one, reinstate it.

`python -m infra.operator --stage prod create-organization "Acme" --admin ada@acme.example`
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from contracts.access import Role
from infra.cdk.stage_names import resource
from kernel.ids import new_id


class OperatorError(Exception):
    """A task of the platform failed; the message says which and why."""


class Operator:
    """Calls the task doors that only an operator of the account may call."""

    def __init__(self, lambdas: Any, stage: str) -> None:
        self._lambdas = lambdas
        self._stage = stage

    def create_organization(
        self, name: str, organization_id: str | None = None, plan: str | None = None
    ) -> dict[str, Any]:
        """Found a tenant, on the smallest plan by default; with the id of one that exists, that one is returned."""
        payload = {"tenant_id": organization_id or new_id("org"), "name": name}
        return self._call("organizations-create-organization", payload | ({"plan": plan} if plan else {}))

    def set_status(self, organization_id: str, status: str, reason: str) -> dict[str, Any]:
        """Suspend an organisation (`suspended`), or let it work again (`active`)."""
        payload = {"tenant_id": organization_id, "status": status, "reason": reason}
        return self._call("organizations-set-status", payload)

    def create_user(
        self, organization_id: str, email: str, name: str, role: Role, password: str | None = None
    ) -> dict[str, Any]:
        """Add a person. Without a password, Cognito mails an invitation."""
        user = {"email": email, "name": name, "roles": [role.value], "password": password}
        return self._call("identity-create-user", {"tenant_id": organization_id, "user": user})

    def _call(self, door: str, payload: dict[str, Any]) -> dict[str, Any]:
        answer = self._lambdas.invoke(
            FunctionName=resource(self._stage, door), Qualifier="live", Payload=json.dumps(payload).encode()
        )
        result: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise OperatorError(f"{door}: {result.get('errorMessage', result)}")
        return result


def main() -> None:
    """The command line."""
    import boto3

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stage", default="dev")
    commands = parser.add_subparsers(required=True)
    create = commands.add_parser("create-organization", help="found an organisation with its first administrator")
    create.add_argument("name")
    create.add_argument("--admin", required=True, metavar="EMAIL")
    create.add_argument("--plan", help="free by default")
    create.set_defaults(run=_create)
    for name, status, words in (
        ("suspend", "suspended", "let nobody of an organisation in"),
        ("reinstate", "active", "let an organisation work again"),
    ):
        change = commands.add_parser(name, help=words)
        change.add_argument("organization", metavar="ORGANIZATION_ID")
        change.add_argument("--reason", required=True)
        change.set_defaults(run=_set_status, status=status)
    options = parser.parse_args()
    try:
        print(options.run(Operator(boto3.client("lambda"), options.stage), options))  # noqa: T201
    except OperatorError as error:
        sys.exit(str(error))


def _create(operator: Operator, options: argparse.Namespace) -> str:
    organization = operator.create_organization(options.name, plan=options.plan)
    operator.create_user(organization["organization_id"], options.admin, options.admin, Role.ORGANIZATION_ADMIN)
    return f"{organization['name']} is {organization['organization_id']}; {options.admin} has been invited."


def _set_status(operator: Operator, options: argparse.Namespace) -> str:
    organization = operator.set_status(options.organization, options.status, options.reason)
    return f"{organization['name']} is {organization['status']}."


if __name__ == "__main__":
    main()
