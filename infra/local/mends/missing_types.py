"""A resource type that the emulator does not know makes it reject the whole template.

Types that only matter in AWS (guards, schemas, alarms, scaling) are accepted and do nothing here. Types that
the emulator's services do have, but not its CloudFormation, are created through the service.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from infra.local.mends import part

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]

ACCEPTED_AND_IGNORED = (
    "AWS::ApiGatewayV2::IntegrationResponse",
    "AWS::ApiGatewayV2::Model",
    "AWS::ApiGatewayV2::RouteResponse",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::Budgets::Budget",
    "AWS::CE::AnomalyMonitor",
    "AWS::CE::AnomalySubscription",
    "AWS::CloudFront::MonitoringSubscription",
    "AWS::CloudFront::PublicKey",
    "AWS::CloudFront::KeyGroup",
    "AWS::CloudTrail::Trail",
    "AWS::CloudWatch::AnomalyDetector",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::InsightRule",
    "AWS::Cognito::LogDeliveryConfiguration",
    "AWS::Cognito::ManagedLoginBranding",
    "AWS::Cognito::UserPoolRiskConfigurationAttachment",
    "AWS::Cognito::UserPoolUICustomizationAttachment",
    "AWS::EventSchemas::Discoverer",
    "AWS::EventSchemas::Registry",
    "AWS::EventSchemas::RegistryPolicy",
    "AWS::EventSchemas::Schema",
    "AWS::Events::ApiDestination",
    "AWS::Events::Archive",
    "AWS::Events::Connection",
    "AWS::Events::EventBusPolicy",
    "AWS::IAM::AccessKey",
    "AWS::Lambda::CodeSigningConfig",
    "AWS::Logs::Delivery",
    "AWS::Logs::DeliveryDestination",
    "AWS::Logs::DeliverySource",
    "AWS::Logs::QueryDefinition",
    "AWS::ResourceGroups::Group",
    "AWS::S3::StorageLens",
    "AWS::SSM::Document",
    "AWS::SES::ReceiptRule",
    "AWS::SES::ReceiptRuleSet",
    "AWS::SES::Template",
    "AWS::SNS::TopicInlinePolicy",
    "AWS::SQS::QueueInlinePolicy",
    "AWS::WAFv2::IPSet",
    "AWS::WAFv2::LoggingConfiguration",
    "AWS::WAFv2::RegexPatternSet",
    "AWS::WAFv2::RuleGroup",
    "AWS::WAFv2::WebACLAssociation",
    "AWS::XRay::Group",
    "AWS::XRay::SamplingRule",
)


def apply() -> None:
    """Register a handler for every type of ours that has none."""
    handlers = part("services.cloudformation.provisioners")._RESOURCE_HANDLERS
    for resource_type in ACCEPTED_AND_IGNORED:
        handlers.setdefault(resource_type, _ignored(resource_type))
    for resource_type, create, delete in _CREATED_BY_THE_SERVICE:
        handlers.setdefault(resource_type, {"create": create, "update": _replace(create), "delete": delete})


def _ignored(resource_type: str) -> dict[str, Callable[..., Any]]:
    service = resource_type.split("::")[1].lower()

    def create(logical_id: str, properties: Properties, stack: str) -> Provisioned:
        name = str(properties.get("Name") or f"{stack}-{logical_id}")
        return name, _likely_attributes(service, name)

    def update(physical_id: str, _old: Properties, _new: Properties, _stack: str) -> Provisioned:
        return physical_id, _likely_attributes(service, physical_id)

    return {"create": create, "update": update, "delete": _nothing}


def _likely_attributes(service: str, name: str) -> dict[str, str]:
    arn = f"arn:aws:{service}:{part('core.responses').get_region()}:000000000000:{name}"
    return dict.fromkeys(("Arn", "SchemaArn", "RegistryArn", "ArchiveArn"), arn) | {
        "Id": name,
        "Name": name,
        "ArchiveName": name,
    }


def _nothing(_physical_id: str, _properties: Properties) -> None:
    return


def _replace(create: Callable[..., Provisioned]) -> Callable[..., Provisioned]:
    def update(physical_id: str, _old: Properties, new: Properties, stack: str) -> Provisioned:
        return create(physical_id, new, stack)

    return update


def _answer(response: tuple[int, Any, Any]) -> dict[str, Any]:
    status, _headers, body = response
    decoded: dict[str, Any] = json.loads(body) if body else {}
    if status >= 400:
        raise ValueError(str(decoded.get("message") or decoded.get("Message") or decoded))
    return decoded


def _machine_version(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
    request = {
        "stateMachineArn": properties["StateMachineArn"],
        "description": properties.get("Description", ""),
    }
    arn = _answer(part("services.stepfunctions")._publish_state_machine_version(request))["stateMachineVersionArn"]
    return arn, {"Arn": arn}


def _delete_machine_version(physical_id: str, _properties: Properties) -> None:
    part("services.stepfunctions")._delete_state_machine_version({"stateMachineVersionArn": physical_id})


def _machine_alias(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
    machines = part("services.stepfunctions")
    routing = properties.get("RoutingConfiguration") or [_all_to(properties["DeploymentPreference"])]
    request = {
        "name": properties.get("Name", "live"),
        "routingConfiguration": [
            {"stateMachineVersionArn": route["StateMachineVersionArn"], "weight": int(route["Weight"])}
            for route in routing
        ],
    }
    arn = f"{request['routingConfiguration'][0]['stateMachineVersionArn'].rpartition(':')[0]}:{request['name']}"
    if arn in machines._state_machine_aliases:
        _answer(machines._update_state_machine_alias(request | {"stateMachineAliasArn": arn}))
    else:
        _answer(machines._create_state_machine_alias(request))
    return arn, {"Arn": arn}


def _all_to(preference: dict[str, Any]) -> dict[str, Any]:
    return {"StateMachineVersionArn": preference["StateMachineVersionArn"], "Weight": 100}


def _delete_machine_alias(physical_id: str, _properties: Properties) -> None:
    part("services.stepfunctions")._delete_state_machine_alias({"stateMachineAliasArn": physical_id})


def _identity_provider(_logical_id: str, properties: Properties, _stack: str) -> Provisioned:
    cognito = part("services.cognito")
    name = properties["ProviderName"]
    request = {key: value for key, value in properties.items() if key != "Tags"}
    pool = cognito._user_pools.get(properties["UserPoolId"]) or {}
    known = name in pool.get("_identity_providers", {})
    _answer(cognito._update_identity_provider(request) if known else cognito._create_identity_provider(request))
    return name, {}


def _delete_identity_provider(physical_id: str, properties: Properties) -> None:
    request = {"UserPoolId": properties["UserPoolId"], "ProviderName": physical_id}
    part("services.cognito")._delete_identity_provider(request)


_CREATED_BY_THE_SERVICE: tuple[tuple[str, Callable[..., Provisioned], Callable[..., None]], ...] = (
    ("AWS::StepFunctions::StateMachineVersion", _machine_version, _delete_machine_version),
    ("AWS::StepFunctions::StateMachineAlias", _machine_alias, _delete_machine_alias),
    ("AWS::Cognito::UserPoolIdentityProvider", _identity_provider, _delete_identity_provider),
)
