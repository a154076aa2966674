"""Who may do what to the trail, in the policies that the stack synthesises."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tests.iam.policies import Policy, doors

pytestmark = pytest.mark.slow
TENANT = "TENANT#${aws:PrincipalTag/tenant}#"
WRITES = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}


def writes(policies: tuple[Policy, ...], kind: str) -> set[str]:
    """What the policies let somebody do to the items of one kind of partition of his tenant."""
    found: set[str] = set()
    for policy in policies:
        for statement in policy["Statement"]:
            actions = statement["Action"]
            keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
            if any(fnmatchcase(TENANT + kind + "#x", key.replace("[", "")) for key in keys):
                found |= WRITES & set([actions] if isinstance(actions, str) else actions)
    return found


def of(handler: str, kind: str) -> set[str]:
    return writes(doors()[f"functions.audit.{handler}"].data, kind)


def test_who_keeps_entries_cannot_seal_them_and_who_seals_them_cannot_write_them() -> None:
    for keeper in ("events.handler", "api.handler"):
        assert of(keeper, "AUDIT") == {"dynamodb:PutItem"}
        assert of(keeper, "AUDITLOG") == set()
    assert of("steps.seal", "AUDIT") == set()
    assert of("steps.seal", "AUDITLOG") == {"dynamodb:PutItem"}
    assert of("steps.report", "AUDIT") | of("steps.report", "AUDITLOG") == set()


def test_nothing_of_the_trail_is_ever_deleted_but_marks() -> None:
    for handler, door in doors().items():
        for kind in ("AUDIT", "AUDITLOG"):
            assert writes(door.data, kind) <= {"dynamodb:PutItem"}, handler
            if not handler.startswith("functions.audit."):
                assert writes(door.data, kind) == set(), handler
    assert of("steps.seal", "AUDITLATE") == {"dynamodb:DeleteItem"}


def test_only_the_log_is_signed_and_anchored() -> None:
    for handler, door in doors().items():
        actions = {
            action
            for policy in (*door.own, *door.data)
            for statement in policy["Statement"]
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        assert ("kms:Sign" in actions) == (handler in ("functions.audit.steps.seal", "functions.audit.steps.report"))
        assert ("s3:PutObjectRetention" in actions) == (handler == "functions.audit.steps.seal")
        assert not actions & {
            "s3:BypassGovernanceRetention",
            "s3:DeleteObjectVersion",
            "s3:PutBucketObjectLockConfiguration",
        }
