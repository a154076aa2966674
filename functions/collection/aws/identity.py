"""Users, keys, policies and roles of an account."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from functions.collection.aws.account import Account, Finding, Issue, Resource
from functions.collection.aws.policies import allows_anybody, allows_everything
from kernel.clock import now

MAX_AGE_DAYS = 90
MIN_LENGTH, MIN_REMEMBERED = 14, 24
ADMINISTRATOR = "policy/AdministratorAccess"


def root_user(account: Account, region: str) -> Iterator[Finding]:
    """The root user's second factor and keys."""
    summary = account.client("iam", region).get_account_summary()["SummaryMap"]
    yield account.resource
    if not summary.get("AccountMFAEnabled"):
        yield Issue("aws-root-mfa-off", account.resource, {"AccountMFAEnabled": 0})
    if summary.get("AccountAccessKeysPresent"):
        yield Issue("aws-root-access-key", account.resource, {"keys": summary["AccountAccessKeysPresent"]})


def password_policy(account: Account, region: str) -> Iterator[Finding]:
    """What passwords must be like."""
    client = account.client("iam", region)
    try:
        policy = client.get_account_password_policy()["PasswordPolicy"]
    except client.exceptions.NoSuchEntityException:
        policy = {}
    length, remembered = policy.get("MinimumPasswordLength", 0), policy.get("PasswordReusePrevention", 0)
    if length < MIN_LENGTH or remembered < MIN_REMEMBERED:
        seen = {"MinimumPasswordLength": length, "PasswordReusePrevention": remembered}
        yield Issue("aws-password-policy-weak", account.resource, seen)


def users(account: Account, region: str) -> Iterator[Finding]:
    """Users: second factors, keys, and rights of their own."""
    client = account.client("iam", region)
    for user in account.pages(client, "list_users", "Users"):
        resource = Resource(user["Arn"], "iam user", "", {"name": user["UserName"]})
        yield resource
        yield from _user(account, client, user, resource)


def _user(account: Account, client: Any, user: dict[str, Any], resource: Resource) -> Iterator[Finding]:
    name = user["UserName"]
    if _has_password(client, name) and not client.list_mfa_devices(UserName=name)["MFADevices"]:
        yield Issue("aws-user-without-mfa", resource, {"user": name})
    for key in account.pages(client, "list_access_keys", "AccessKeyMetadata", UserName=name):
        if key["Status"] == "Active":
            yield from _key(client, key, resource)
    attached = account.pages(client, "list_attached_user_policies", "AttachedPolicies", UserName=name)
    if any(policy["PolicyArn"].endswith(ADMINISTRATOR) for policy in attached):
        yield Issue("aws-user-is-administrator", resource, {"user": name})


def _key(client: Any, key: dict[str, Any], resource: Resource) -> Iterator[Finding]:
    """A key by its last four characters: more of it is nobody's business."""
    seen = {"key": f"…{key['AccessKeyId'][-4:]}", "created": key["CreateDate"].date().isoformat()}
    if _days_since(key["CreateDate"]) <= MAX_AGE_DAYS:
        return
    yield Issue("aws-access-key-old", resource, seen)
    used = client.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"].get("LastUsedDate")
    if used is None or _days_since(used) > MAX_AGE_DAYS:
        yield Issue("aws-access-key-unused", resource, seen | {"used": used.date().isoformat() if used else "never"})


def policies(account: Account, region: str) -> Iterator[Finding]:
    """Policies that the account has written itself."""
    client = account.client("iam", region)
    for policy in account.pages(client, "list_policies", "Policies", Scope="Local"):
        version = client.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
        if allows_everything(version["PolicyVersion"]["Document"]):
            yield Issue("aws-policy-allows-everything", Resource(policy["Arn"], "iam policy"), {})


def roles(account: Account, region: str) -> Iterator[Finding]:
    """Who may take the account's roles."""
    client = account.client("iam", region)
    for role in account.pages(client, "list_roles", "Roles"):
        resource = Resource(role["Arn"], "iam role", "", {"name": role["RoleName"]})
        yield resource
        if allows_anybody(role.get("AssumeRolePolicyDocument")):
            yield Issue("aws-role-trusts-everybody", resource, {})


def _has_password(client: Any, name: str) -> bool:
    try:
        client.get_login_profile(UserName=name)
    except client.exceptions.NoSuchEntityException:
        return False
    return True


def _days_since(moment: datetime.datetime) -> int:
    return (now() - moment).days


AUDITS = (root_user, password_policy, users, policies, roles)
