"""The settings of an AWS account: what is open, unencrypted, unwatched, or too powerful."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.aws import identity, network, records, storage
from functions.collection.aws.account import (
    ROLE_PREFIX,
    Account,
    Finding,
    Issue,
    Resource,
    TrustsAnybody,
    account_number,
    external_id,
    known_regions,
    open_account,
)
from functions.collection.aws.checks import CHECKS
from functions.collection.module import Config, Context, Found, Module

GLOBAL = (*identity.AUDITS, *storage.GLOBAL_AUDITS, *records.GLOBAL_AUDITS)
REGIONAL = (*storage.AUDITS, *network.AUDITS, *records.AUDITS)
MAX_REGIONS = 40
Audit = Callable[[Account, str], Iterator[Finding]]


class AwsPostureConfig(Config):
    """How the account is read."""

    role: Annotated[
        str,
        Field(pattern=rf"^{ROLE_PREFIX}[\w+=,.@-]{{0,40}}$", description="The role that the account has for Palisade."),
    ] = ROLE_PREFIX
    regions: Annotated[
        tuple[str, ...], Field(min_length=1, max_length=MAX_REGIONS, description="Regions that are looked at.")
    ] = ("us-east-1", "eu-central-1", "eu-west-1")
    partition: Annotated[str, Field(pattern=r"^aws(-us-gov|-cn)?$", description="The partition of the account.")] = (
        "aws"
    )


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of an account."""

    findings: tuple[Finding, ...] = ()


class AwsPosture(Module[Read]):
    """Takes a role in the account that may only read, and asks what its settings are. Nothing is changed."""

    face = ModuleFace(
        name="aws_posture",
        version="1.0.0",
        summary="Reads the settings of an AWS account by an assumed role and judges 35 of them",
        consumes=(ObservationType.CLOUD_RESOURCE,),
        produces=(ObservationType.CLOUD_RESOURCE, ObservationType.MISCONFIGURATION),
        matching=r"^aws:\d{12}$",
        invasiveness=Invasiveness.PASSIVE,
        cost_class=CostClass.HEAVY,
        rate_group="aws",
        rate_per_second=10.0,
        batch_size=1,
        concurrency=1,
        data_source="the tenant's own AWS account",
    )
    config = AwsPostureConfig

    async def get(self, observation: Observation, context: Context) -> Read:
        """What the account shows. An audit that the role may not make is named in the log."""
        config: AwsPostureConfig = context.config
        unknown = sorted(set(config.regions) - await asyncio.to_thread(known_regions, config.partition))
        if unknown:
            context.log.warning("these are no regions of %s: %s", config.partition, ", ".join(unknown))
        account = await _account(observation, context)
        if account is None:
            return Read()
        findings: list[Finding] = []
        regions = [region for region in config.regions if region not in unknown]
        audits: list[tuple[Audit, str]] = [(audit, region) for audit in GLOBAL for region in regions[:1]]
        audits += [(audit, region) for region in regions for audit in REGIONAL]
        for audit, region in audits:
            if context.is_over:
                context.log.warning(
                    "the deadline came first: nothing was read from %s in %s on", audit.__name__, region
                )
                break
            findings += await _audited(audit, account, region, context)
        return Read(tuple(findings))

    def transform(self, observation: Observation, raw: Read) -> Iterable[Found]:
        """The account's resources, and what is wrong with them."""
        for finding in raw.findings:
            yield _weakness(finding) if isinstance(finding, Issue) else _resource(finding)


async def _account(observation: Observation, context: Context) -> Account | None:
    from botocore.exceptions import BotoCoreError, ClientError

    number = account_number(observation.value)
    tenant = context.session.tenant_id
    try:
        return await asyncio.to_thread(open_account, number, context.config.partition, context.config.role, tenant)
    except (ClientError, BotoCoreError, TrustsAnybody) as error:
        context.log.warning(
            "the role %s in %s cannot be taken (its trust policy must ask for the external id %s): %s",
            context.config.role, number, external_id(tenant), _reason(error),
        )  # fmt: skip
        return None


async def _audited(audit: Audit, account: Account, region: str, context: Context) -> list[Finding]:
    from botocore.exceptions import BotoCoreError, ClientError

    found: list[Finding] = []

    def collect() -> None:
        found.extend(audit(account, region))

    try:
        await asyncio.to_thread(collect)
    except (ClientError, BotoCoreError) as error:
        context.log.warning("%s in %s could not be read: %s", audit.__name__.replace("_", " "), region, _reason(error))
    return found


def _reason(error: Exception) -> str:
    """An error's code: its message may name what is not the log's business. Our own says what is wrong."""
    if isinstance(error, TrustsAnybody):
        return str(error)
    code = getattr(error, "response", {}).get("Error", {}).get("Code")
    return str(code or type(error).__name__)


def _resource(resource: Resource) -> Found:
    attributes = {"provider": "aws", "kind": resource.kind, "region": resource.region, **resource.attributes}
    return Found(ObservationType.CLOUD_RESOURCE, resource.arn, attributes)


def _weakness(issue: Issue) -> Found:
    found = CHECKS[issue.check].at(issue.resource.arn, {"kind": issue.resource.kind, **issue.seen})
    return Found(found.type, found.value, found.attributes, found.confidence, parent=_resource(issue.resource))
