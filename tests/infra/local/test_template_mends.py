"""The mends of CloudFormation: dropped properties, unknown types."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.emulator import Handle
from infra.local.mends.missing_types import ACCEPTED_AND_IGNORED
from tests.infra.local.cloud_kit import deploy, outputs

pytestmark = pytest.mark.emulator
Aws = Callable[[str], Any]

TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    },
}


def test_a_table_keeps_its_time_to_live_and_its_recovery(aws: Aws) -> None:
    stack = deploy(aws("cloudformation"), {"Table": TABLE}, {"Name": {"Value": {"Ref": "Table"}}})
    name = outputs(aws("cloudformation"), stack)["Name"]
    ttl = aws("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    backups = aws("dynamodb").describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


BUCKET = {
    "Type": "AWS::S3::Bucket",
    "Properties": {
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
        },
        "VersioningConfiguration": {"Status": "Enabled"},
    },
}


def test_what_lies_in_a_locked_bucket_stays(aws: Aws) -> None:
    stack = deploy(aws("cloudformation"), {"Bucket": BUCKET}, {"Name": {"Value": {"Ref": "Bucket"}}})
    name, s3 = outputs(aws("cloudformation"), stack)["Name"], aws("s3")
    until = datetime.now(UTC) + timedelta(days=400)
    locked = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    version = s3.put_object(Bucket=name, Key="anchor", Body=b"1", IfNoneMatch="*", **locked)["VersionId"]
    with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=name, Key="anchor", Body=b"2", IfNoneMatch="*", **locked)
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=name, Key="anchor", VersionId=version, BypassGovernanceRetention=True)
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.put_object_retention(Bucket=name, Key="anchor", VersionId=version, Retention=sooner)
    s3.delete_object(Bucket=name, Key="anchor")
    assert [each["VersionId"] for each in s3.list_object_versions(Bucket=name)["Versions"]] == [version]
    plain = s3.put_object(Bucket=name, Key="any", Body=b"1")["VersionId"]
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=name, Key="any", VersionId=plain)


def test_an_http_api_answers_a_preflight_with_its_cors(aws: Aws, handle: Handle) -> None:
    cors = {"AllowOrigins": ["http://localhost:8080"], "AllowMethods": ["GET"], "AllowHeaders": ["authorization"]}
    api = {
        "Type": "AWS::ApiGatewayV2::Api",
        "Properties": {"Name": "a", "ProtocolType": "HTTP", "CorsConfiguration": cors},
    }
    stage = {
        "Type": "AWS::ApiGatewayV2::Stage",
        "Properties": {"ApiId": {"Ref": "Api"}, "StageName": "$default", "AutoDeploy": True},
    }
    stack = deploy(aws("cloudformation"), {"Api": api, "Stage": stage}, {"Id": {"Value": {"Ref": "Api"}}})
    path = f"/_aws/execute-api/{outputs(aws('cloudformation'), stack)['Id']}/$default/any"
    headers = {"Origin": "http://localhost:8080", "Access-Control-Request-Method": "GET"}
    connection = http.client.HTTPConnection("127.0.0.1", handle.port, timeout=10)
    connection.request("OPTIONS", path, headers=headers)
    answer = connection.getresponse()
    allowed = answer.getheader("Access-Control-Allow-Origin")
    connection.close()
    assert allowed == "http://localhost:8080"


def test_types_that_matter_in_aws_only_do_not_reject_a_template(aws: Aws) -> None:
    resources = {f"R{number}": {"Type": kind, "Properties": {}} for number, kind in enumerate(ACCEPTED_AND_IGNORED)}
    deploy(aws("cloudformation"), resources, {"Arn": {"Value": {"Fn::GetAtt": ["R0", "Arn"]}}})


def test_a_state_machine_gets_its_version_and_alias(aws: Aws) -> None:
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "DefinitionString": '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
            "RoleArn": "arn:aws:iam::000000000000:role/any",
        },
    }
    version = {
        "Type": "AWS::StepFunctions::StateMachineVersion",
        "Properties": {"StateMachineArn": {"Ref": "Machine"}},
    }
    route = [{"StateMachineVersionArn": {"Ref": "Version"}, "Weight": 100}]
    alias = {
        "Type": "AWS::StepFunctions::StateMachineAlias",
        "Properties": {"Name": "live", "RoutingConfiguration": route},
    }
    stack = deploy(
        aws("cloudformation"),
        {"Machine": machine, "Version": version, "Alias": alias},
        {"Alias": {"Value": {"Ref": "Alias"}}},
    )
    arn = outputs(aws("cloudformation"), stack)["Alias"]
    assert arn.endswith(":live")
    assert aws("stepfunctions").start_execution(stateMachineArn=arn)["executionArn"]


def test_a_stack_imports_what_another_exports(aws: Aws) -> None:
    cloudformation = aws("cloudformation")
    queue = {"Type": "AWS::SQS::Queue", "Properties": {}}
    export = {"Arn": {"Value": {"Fn::GetAtt": ["Queue", "Arn"]}, "Export": {"Name": "shared-queue"}}}
    first = deploy(cloudformation, {"Queue": queue}, export)
    parameter = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Type": "String", "Value": {"Fn::ImportValue": "shared-queue"}},
    }
    second = deploy(cloudformation, {"P": parameter}, {"Name": {"Value": {"Ref": "P"}}})
    name = outputs(cloudformation, second)["Name"]
    value = aws("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    assert value == outputs(cloudformation, first)["Arn"]
