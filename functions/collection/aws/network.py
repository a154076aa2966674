"""Security groups, networks, instances and functions of an account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from functions.collection.aws.account import Account, Finding, Issue, Resource
from functions.collection.aws.policies import allows_anybody

ADMINISTRATION = frozenset({22, 3389})
DATABASES = frozenset({1433, 1521, 3306, 5432, 5984, 6379, 9200, 11211, 27017})
ALL_PORTS = 65_535


def security_groups(account: Account, region: str) -> Iterator[Finding]:
    """Which ports every address may reach."""
    client = account.client("ec2", region)
    for group in account.pages(client, "describe_security_groups", "SecurityGroups"):
        arn = account.arn("ec2", region, f"security-group/{group['GroupId']}")
        resource = Resource(arn, "security group", region, {"name": group.get("GroupName", "")})
        rules = [rule for rule in group.get("IpPermissions", ()) if _is_open(rule)]
        yield from _exposures(resource, rules)
        if group.get("GroupName") == "default" and (group.get("IpPermissions") or group.get("IpPermissionsEgress")):
            yield Issue("aws-sg-default-used", resource, {})


def _exposures(resource: Resource, rules: list[dict[str, Any]]) -> Iterator[Finding]:
    for id_, ports in (("aws-sg-admin-open", ADMINISTRATION), ("aws-sg-database-open", DATABASES)):
        reached = sorted({port for rule in rules for port in ports if not _is_all(rule) and _covers(rule, port)})
        if reached:
            yield Issue(id_, resource, {"ports": reached})
    if any(_is_all(rule) for rule in rules):
        yield Issue("aws-sg-all-open", resource, {})


def _is_open(rule: dict[str, Any]) -> bool:
    v4 = any(each.get("CidrIp") == "0.0.0.0/0" for each in rule.get("IpRanges", ()))
    return v4 or any(each.get("CidrIpv6") == "::/0" for each in rule.get("Ipv6Ranges", ()))


def _is_all(rule: dict[str, Any]) -> bool:
    return rule.get("IpProtocol") == "-1" or (rule.get("FromPort", 1) <= 1 and rule.get("ToPort", 0) >= ALL_PORTS)


def _covers(rule: dict[str, Any], port: int) -> bool:
    return rule.get("IpProtocol") in ("tcp", "6") and rule.get("FromPort", 0) <= port <= rule.get("ToPort", 0)


def networks(account: Account, region: str) -> Iterator[Finding]:
    """Networks that keep no flow logs."""
    client = account.client("ec2", region)
    logged = {log["ResourceId"] for log in account.pages(client, "describe_flow_logs", "FlowLogs")}
    for network in account.pages(client, "describe_vpcs", "Vpcs"):
        if network["VpcId"] not in logged:
            arn = account.arn("ec2", region, f"vpc/{network['VpcId']}")
            yield Issue("aws-vpc-flow-logs-off", Resource(arn, "vpc", region), {"cidr": network.get("CidrBlock")})


def instances(account: Account, region: str) -> Iterator[Finding]:
    """Machines: their addresses, and how they hand out credentials."""
    client = account.client("ec2", region)
    for reservation in account.pages(client, "describe_instances", "Reservations"):
        for instance in reservation.get("Instances", ()):
            if instance.get("State", {}).get("Name") in ("terminated", "shutting-down"):
                continue
            arn = account.arn("ec2", region, f"instance/{instance['InstanceId']}")
            attributes = {"public_ip": instance.get("PublicIpAddress", ""), "image": instance.get("ImageId", "")}
            resource = Resource(arn, "ec2 instance", region, attributes)
            yield resource
            options = instance.get("MetadataOptions", {})
            if options.get("HttpEndpoint") != "disabled" and options.get("HttpTokens") != "required":
                yield Issue("aws-ec2-metadata-v1", resource, {"HttpTokens": options.get("HttpTokens", "optional")})


def functions(account: Account, region: str) -> Iterator[Finding]:
    """Functions that anybody may call."""
    client = account.client("lambda", region)
    for function in account.pages(client, "list_functions", "Functions"):
        resource = Resource(
            function["FunctionArn"], "lambda function", region, {"runtime": function.get("Runtime", "")}
        )
        yield resource
        try:
            policy = client.get_policy(FunctionName=function["FunctionName"])["Policy"]
        except client.exceptions.ResourceNotFoundException:
            continue
        if allows_anybody(policy):
            yield Issue("aws-lambda-public", resource, {})


AUDITS = (security_groups, networks, instances, functions)
