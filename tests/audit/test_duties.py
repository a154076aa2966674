"""Who may do what to the trail, in the policies that the stack synthesises."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tests.iam.policies import Policy, anchors_bucket, doors

pytestmark = pytest.mark.slow
TENANT = "TENANT#${aws:PrincipalTag/tenant}#"
ENDS = "functions.privacy.steps.erase_tenant"
"""The one door that deletes a trail: with all else, when its tenant is no more. No request leads there."""
WRITES = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"}


def writes(policies: tuple[Policy, ...], kind: str) -> set[str]:
    """What the policies let somebody do to the items of one kind of partition of his tenant."""
    found: dict[str, set[str]] = {"Allow": set(), "Deny": set()}
    for policy in policies:
        for statement in policy["Statement"]:
            actions = statement["Action"]
            conditions = statement.get("Condition", {})
            compared = {**conditions.get("ForAllValues:StringLike", {}), **conditions.get("ForAnyValue:StringLike", {})}
            keys = compared.get("dynamodb:LeadingKeys", [])
            keys = [keys] if isinstance(keys, str) else keys
            if any(fnmatchcase(TENANT + kind + "#x", key.replace("[", "")) for key in keys):
                found[statement["Effect"]] |= WRITES & set([actions] if isinstance(actions, str) else actions)
    return found["Allow"] - found["Deny"]


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
        if handler == ENDS:
            continue
        for kind in ("AUDIT", "AUDITLOG"):
            assert writes(door.data, kind) <= {"dynamodb:PutItem"}, handler
            if not handler.startswith("functions.audit."):
                assert writes(door.data, kind) == set(), handler
    assert of("steps.seal", "AUDITLATE") == {"dynamodb:DeleteItem"}


def test_who_forgets_a_person_reaches_no_seal() -> None:
    assert of("steps.person", "AUDIT") == {"dynamodb:PutItem"}
    assert of("steps.person", "AUDITLOG") | of("steps.person", "AUDITLATE") == set()


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
        assert not actions & {"s3:BypassGovernanceRetention", "s3:PutBucketObjectLockConfiguration"}
        for statement in (each for policy in (*door.own, *door.data) for each in policy["Statement"]):
            if "s3:DeleteObjectVersion" in statement["Action"]:
                assert anchors_bucket() not in str(statement["Resource"]), handler
