"""What the stacks promise, read off the synthesised templates. No snapshots: each test says what matters."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contracts import all_events
from infra.cdk.contexts import identity
from infra.cdk.packaging import ROOT
from infra.costs import usage
from infra.costs.month import OTHER_QUEUES, SECRETS
from tests.infra.cdk.conftest import Templates

pytestmark = pytest.mark.slow

MAX_RESOURCES = 500
AWS_HELPER = "CustomCDKBucketDeployment"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_each_stack_leaves_room_to_grow(production: Templates) -> None:
    sizes = {name: len(template["Resources"]) for name, template in production.stacks.items()}
    assert max(sizes.values()) < MAX_RESOURCES / 2, sizes


def test_the_table_is_encrypted_recoverable_streamed_and_forgets_by_ttl(production: Templates) -> None:
    (table,) = production.of_type("AWS::DynamoDB::GlobalTable").values()
    (replica,) = table["Replicas"]
    assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert replica["DeletionProtectionEnabled"] is True
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"gsi1", "gsi2"}


def test_every_bucket_is_private_encrypted_and_speaks_tls_only(production: Templates) -> None:
    buckets = production.of_type("AWS::S3::Bucket")
    policies = production.of_type("AWS::S3::BucketPolicy")
    for place, bucket in buckets.items():
        assert bucket["BucketEncryption"], place
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}, place
    guarded = {
        f"{place.partition('/')[0]}/{policy['Bucket']['Ref']}"
        for place, policy in policies.items()
        if any(
            statement["Effect"] == "Deny"
            and statement.get("Condition", {}).get("Bool") == {"aws:SecureTransport": "false"}
            for statement in policy["PolicyDocument"]["Statement"]
        )
    }
    assert guarded == set(buckets)


def test_data_outlives_its_stack_in_production(production: Templates) -> None:
    kept = {"AWS::DynamoDB::GlobalTable", "AWS::KMS::Key", "AWS::Cognito::UserPool", "AWS::S3::Bucket"}
    for name, template in production.stacks.items():
        for logical, resource in template["Resources"].items():
            if resource["Type"] in kept:
                assert resource["DeletionPolicy"] == "Retain", f"{name}/{logical}"


def test_every_function_is_python_on_arm_traced_and_logs_json(production: Templates) -> None:
    functions = production.of_type("AWS::Lambda::Function")
    ours = {place: each for place, each in functions.items() if AWS_HELPER not in place}
    assert len(ours) > 30
    for place, function in ours.items():
        assert function["Runtime"] == "python3.13", place
        assert function["Architectures"] == ["arm64"], place
        assert function["TracingConfig"] == {"Mode": "Active"}, place
        assert function["LoggingConfig"]["LogFormat"] == "JSON", place
        assert function["Layers"], place


def test_every_api_starts_from_a_snapshot_behind_its_live_alias(production: Templates) -> None:
    functions = production.of_type("AWS::Lambda::Function")
    doors = {place: each for place, each in functions.items() if str(each.get("FunctionName", "")).endswith("-api")}
    assert len(doors) >= 12
    assert all(door["SnapStart"] == {"ApplyOn": "PublishedVersions"} for door in doors.values())
    aliases = production.of_type("AWS::Lambda::Alias").values()
    assert {alias["Name"] for alias in aliases} == {"live"}


def test_every_door_has_a_role_of_its_own(production: Templates) -> None:
    functions = production.of_type("AWS::Lambda::Function")
    roles = [json.dumps(each["Role"], sort_keys=True) + place.partition("/")[0] for place, each in functions.items()]
    assert len(set(roles)) == len(roles)


ERASERS = ("Privacy/SweepDoor", "Privacy/EraseTenantDoor")
"""They take a person, or all there is, out of one tenant's items, whatever their kind (docs/decisions/0013)."""


def test_no_door_may_touch_the_table_without_naming_its_partitions(production: Templates) -> None:
    checked = 0
    for place, statement in production.statements():
        actions = [action for action in listed(statement["Action"]) if action.startswith("dynamodb:")]
        keyed = {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"}
        if not keyed.intersection(actions) or statement["Effect"] == "Deny":
            continue
        checked += 1
        assert not {"dynamodb:*", "dynamodb:Scan", "dynamodb:PartiQLSelect"}.intersection(actions), place
        condition = statement["Condition"]
        assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}, place
        keys = listed(condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
        assert all(key.startswith(("TENANT#${aws:PrincipalTag/tenant}#", "PLATFORM#")) for key in keys), place
        assert "PLATFORM#*" not in keys, place
        assert "TENANT#${aws:PrincipalTag/tenant}#*" not in keys or place.startswith(ERASERS), place
    assert checked > 20


@pytest.mark.parametrize("wrong", ["TENANT#*#*", "TENANT#*", "TENANT#*#SCANS", "PLATFORM#*", "*"])
def test_the_check_of_partitions_sees_a_wrong_policy(production: Templates, wrong: str) -> None:
    _, statement = next(
        (place, each) for place, each in production.statements() if "dynamodb:Query" in listed(each["Action"])
    )
    statement = json.loads(json.dumps(statement))
    statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] = [wrong]
    mutant = Templates(
        {
            "Mutant": {
                "Resources": {
                    "P": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Statement": [statement]}}}
                }
            }
        }
    )
    with pytest.raises(AssertionError):
        test_no_door_may_touch_the_table_without_naming_its_partitions(mutant)


def test_only_tracing_and_log_delivery_are_allowed_on_everything(production: Templates) -> None:
    allowed = ("xray:", "logs:")
    for place, statement in production.statements():
        if AWS_HELPER in place or "*" not in listed(statement["Resource"]):
            continue
        assert all(action.startswith(allowed) for action in listed(statement["Action"])), place


def test_every_route_is_guarded_but_the_open_ones(production: Templates) -> None:
    routes = production.of_type("AWS::ApiGatewayV2::Route")
    unguarded = {
        route["RouteKey"].removeprefix("ANY /api/v1")
        for route in routes.values()
        if route.get("AuthorizationType") == "NONE" and not route["RouteKey"].startswith("$")
    }
    assert unguarded == {
        *(f"/auth/{path}" for path in identity.BEFORE_LOG_IN),
        *("/health", "/ready", "/openapi.json", "/docs"),
    }
    connect = next(route for route in routes.values() if route["RouteKey"] == "$connect")
    assert connect["AuthorizationType"] == "CUSTOM"


def test_every_subscription_ends_in_a_queue_with_a_dead_letter_queue(production: Templates) -> None:
    for place, rule in production.of_type("AWS::Events::Rule").items():
        (target,) = rule["Targets"]
        assert "DeadLetterConfig" in target, place
    consumers = [each for each in production.of_type("AWS::SQS::Queue").values() if "RedrivePolicy" in each]
    assert len(consumers) >= 7
    mappings = production.of_type("AWS::Lambda::EventSourceMapping").values()
    assert all(each["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for each in mappings)


@pytest.mark.parametrize("waits", ["scan", "report", "import"])
def test_what_waits_for_an_execution_hears_when_it_breaks_off(production: Templates, waits: str) -> None:
    rules = production.of_type("AWS::Events::Rule").values()
    (rule,) = (each for each in rules if f":stateMachine:palisade-prod-{waits}" in json.dumps(each["EventPattern"]))
    assert "EventBusName" not in rule, "Step Functions tells the account's own bus"
    assert rule["EventPattern"]["source"] == ["aws.states"]
    assert set(rule["EventPattern"]["detail"]["status"]) == {"ABORTED", "FAILED", "TIMED_OUT"}


def test_every_door_has_an_alarm(production: Templates) -> None:
    alarms = json.dumps(production.of_type("AWS::CloudWatch::Alarm"))
    for function in production.of_type("AWS::Lambda::Function").values():
        name = str(function.get("FunctionName", ""))
        if name.startswith("palisade-prod-"):
            assert f"The door {name.removeprefix('palisade-prod-')} fails" in alarms


def test_tokens_are_short_lived_and_errors_do_not_tell_who_exists(production: Templates) -> None:
    (client,) = production.of_type("AWS::Cognito::UserPoolClient").values()
    assert client["AccessTokenValidity"] == 15
    assert client["RefreshTokenValidity"] == 7 * 24 * 60
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    (pool,) = production.of_type("AWS::Cognito::UserPool").values()
    assert client["RefreshTokenRotation"] == {"Feature": "ENABLED", "RetryGracePeriodSeconds": 30}
    assert "ALLOW_REFRESH_TOKEN_AUTH" not in client["ExplicitAuthFlows"]
    assert pool["AutoVerifiedAttributes"] == ["email"]
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12


def test_the_edge_has_a_firewall_and_strict_headers(production: Templates) -> None:
    (firewall,) = production.of_type("AWS::WAFv2::WebACL").values()
    names = {rule["Name"] for rule in firewall["Rules"]}
    assert {"RatePerAddress", "AWSManagedRulesCommonRuleSet"} <= names
    (distribution,) = production.of_type("AWS::CloudFront::Distribution").values()
    settings = distribution["DistributionConfig"]
    assert settings["WebACLId"]
    assert {each["PathPattern"] for each in settings["CacheBehaviors"]} == {"/api/*", "/scim/*", "/ws"}
    behaviours = [settings["DefaultCacheBehavior"], *settings["CacheBehaviors"]]
    assert {each["ViewerProtocolPolicy"] for each in behaviours} == {"redirect-to-https"}


def test_the_edge_says_who_asks_and_proves_that_it_is_the_edge(production: Templates) -> None:
    (distribution,) = production.of_type("AWS::CloudFront::Distribution").values()
    settings = distribution["DistributionConfig"]
    origins = {each["Id"]: each.get("CustomOriginConfig") and each for each in settings["Origins"]}
    (viewer,) = production.of_type("AWS::CloudFront::Function")
    for behaviour in settings["CacheBehaviors"]:
        (association,) = behaviour["FunctionAssociations"]
        assert association["EventType"] == "viewer-request"
        assert viewer.rpartition("/")[2] in str(association["FunctionARN"])
        (header,) = origins[behaviour["TargetOriginId"]]["OriginCustomHeaders"]
        assert header["HeaderName"] == "palisade-edge"
        assert "resolve:secretsmanager:palisade-prod-edge:" in str(header["HeaderValue"])
    assert "FunctionAssociations" not in settings["DefaultCacheBehavior"]
    kind = "AWS::ApiGatewayV2::Authorizer"
    (authorizer,) = (each for each in production.of_type(kind).values() if "AuthorizerPayloadFormatVersion" in each)
    sources = set(authorizer["IdentitySource"])
    assert {"$request.header.palisade-viewer", "$request.header.palisade-edge"} <= sources, "else one viewer's answer"


def test_what_a_viewer_says_of_his_address_is_replaced_at_the_edge() -> None:
    script = (ROOT / "infra" / "cdk" / "platform" / "viewer.js").read_text()
    event = {"viewer": {"ip": "203.0.113.9"}, "request": {"headers": {"palisade-viewer": {"value": "10.0.0.1"}}}}
    said = f"{script}; console.log(JSON.stringify(handler({json.dumps(event)})))"
    done = subprocess.run(["node", "-e", said], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"headers": {"palisade-viewer": {"value": "203.0.113.9"}}}


def test_every_event_has_its_schema_in_the_registry(production: Templates) -> None:
    schemas = production.of_type("AWS::EventSchemas::Schema").values()
    assert {schema["SchemaName"].rpartition("@")[2] for schema in schemas} == set(all_events())
    assert all(json.loads(schema["Content"])["properties"]["data"]["type"] == "object" for schema in schemas)


def test_what_an_idle_deployment_pays_for_is_counted(production: Templates) -> None:
    mappings = production.of_type("AWS::Lambda::EventSourceMapping").values()
    queues = [each for each in mappings if "StartingPosition" not in each]
    listeners = {room for rooms in usage.read().consumers.values() for room in rooms}
    assert len(queues) == len(listeners) + OTHER_QUEUES
    assert len(production.of_type("AWS::SecretsManager::Secret")) == SECRETS


def test_machines_are_traced_and_logged(production: Templates) -> None:
    machines = production.of_type("AWS::StepFunctions::StateMachine")
    assert len(machines) == len(list((ROOT / "state_machines").rglob("*.asl.json")))
    for place, machine in machines.items():
        assert machine["TracingConfiguration"] == {"Enabled": True}, place
        assert machine["LoggingConfiguration"]["Level"] == "ALL", place


@pytest.mark.parametrize("stage", ["dev", "staging"])
def test_the_other_stages_pass_the_same_rules(stage: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra.cdk.app", "--stage", stage, "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
