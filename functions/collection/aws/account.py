"""A tenant's AWS account, read with a role that the tenant made for it.

These calls do not pass the egress client: no part of their destination is a tenant's to choose. Hosts are those that
the SDK knows for a service and a region, regions are checked against the SDK's list, and the role's ARN is put
together from a twelve-digit account and a name with a fixed beginning. See docs/decisions/0017.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kernel import aws

ROLE_PREFIX = "palisade-posture"
SESSION_SECONDS = 900
NOBODY = "palisade-nobody"
"""An external id of no tenant."""
MAX_ITEMS = 20_000
_ACCOUNT = re.compile(r"aws:(\d{12})")


class TrustsAnybody(Exception):
    """A role whose trust policy does not ask for the external id: its owner has not shown for whom it is."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something in the account: its ARN and kind."""

    arn: str
    kind: str
    region: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Issue:
    """A resource that shows a weakness; `check` is the weakness' id, `seen` what shows it."""

    check: str
    resource: Resource
    seen: dict[str, Any]


Finding = Resource | Issue


class Account:
    """An account under credentials that end after a quarter of an hour. Blocking; use it on a thread."""

    def __init__(self, number: str, partition: str, credentials: dict[str, str]) -> None:
        self.number = number
        self.partition = partition
        self._credentials = credentials
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def resource(self) -> Resource:
        """The account itself."""
        return Resource(self.arn("iam", "", "root"), "account")

    def client(self, service: str, region: str) -> Any:
        """The client of a service in a region."""
        if (service, region) not in self._clients:
            self._clients[service, region] = aws.session().create_client(
                service,
                region_name=region,
                aws_access_key_id=self._credentials["AccessKeyId"],
                aws_secret_access_key=self._credentials["SecretAccessKey"],
                aws_session_token=self._credentials["SessionToken"],
                config=_config(),
            )
        return self._clients[service, region]

    def arn(self, service: str, region: str, resource: str) -> str:
        """The ARN of something in this account."""
        return f"arn:{self.partition}:{service}:{region}:{self.number}:{resource}"

    def pages(self, client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        """The items of all pages of an answer, at most `MAX_ITEMS`."""
        count = 0
        for page in client.get_paginator(operation).paginate(**arguments):
            for item in page.get(key) or ():
                yield item
                count += 1
                if count >= MAX_ITEMS:
                    return


def account_number(value: str) -> str:
    """The account that a `cloud_resource` fact (`aws:123456789012`) names. Raises ValueError."""
    match = _ACCOUNT.fullmatch(value)
    if match is None:
        raise ValueError(f"{value!r} names no AWS account")
    return match.group(1)


def open_account(number: str, partition: str, role: str, tenant_id: str) -> Account:
    """Take the role in an account. The external id names the tenant for whom it is taken, so that no tenant can have
    another's account read; a role that does not ask for it is not used, since any tenant could. Raises `ClientError`
    when the role is not there or does not trust us, `TrustsAnybody`."""
    arn = f"arn:{partition}:iam::{number}:role/{role}"
    with aws.acting_for(None):
        if _is_taken_as(arn, NOBODY):
            raise TrustsAnybody("it is given whatever the external id, and so to any tenant")
        return Account(number, partition, _taken(arn, external_id(tenant_id)))


def _is_taken_as(arn: str, external: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        _taken(arn, external)
    except ClientError:
        return False
    return True


def _taken(arn: str, external: str) -> dict[str, str]:
    answer = aws.client("sts").assume_role(
        RoleArn=arn, RoleSessionName=ROLE_PREFIX, ExternalId=external, DurationSeconds=SESSION_SECONDS
    )
    credentials: dict[str, str] = answer["Credentials"]
    return credentials


def external_id(tenant_id: str) -> str:
    """What a tenant's role must ask for in its trust policy (`sts:ExternalId`)."""
    return f"palisade-{tenant_id}"


def known_regions(partition: str) -> frozenset[str]:
    """The regions that the SDK knows in a partition."""
    return frozenset(aws.session().get_available_regions("ec2", partition_name=partition))


def _config() -> Any:
    from botocore.config import Config

    return Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 3})
