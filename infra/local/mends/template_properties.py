"""CloudFormation drops what the services themselves can do: the CORS of an HTTP API, TTL and PITR of a table, the lock
of a bucket.

The template's `CorsConfiguration` is stored with its capitals, where `apigateway` reads `allowOrigins`;
`_ddb_create` never looks at `TimeToLiveSpecification` and `PointInTimeRecoverySpecification`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.mends import part

Properties = dict[str, Any]


def apply() -> None:
    """Hand the dropped properties on to the services."""
    handlers = part("services.cloudformation.provisioners")._RESOURCE_HANDLERS
    _with_cors(handlers["AWS::ApiGatewayV2::Api"])
    _with_table_settings(handlers["AWS::DynamoDB::Table"])
    _with_object_lock(handlers["AWS::S3::Bucket"])


def _with_cors(handler: dict[str, Callable[..., Any]]) -> None:
    create, update = handler["create"], handler["update"]

    def create_with_cors(logical_id: str, properties: Properties, stack: str) -> Any:
        return create(logical_id, _lower_cors(properties), stack)

    def update_with_cors(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
        return update(physical_id, _lower_cors(old), _lower_cors(new), *rest)

    handler |= {"create": create_with_cors, "update": update_with_cors}


def _lower_cors(properties: Properties) -> Properties:
    cors = properties.get("CorsConfiguration")
    if not cors:
        return properties
    return properties | {"CorsConfiguration": {key[:1].lower() + key[1:]: value for key, value in cors.items()}}


def _with_table_settings(handler: dict[str, Callable[..., Any]]) -> None:
    create, update = handler["create"], handler["update"]

    def create_with_settings(logical_id: str, properties: Properties, stack: str) -> Any:
        name, attributes = create(logical_id, properties, stack)
        _apply_settings(name, properties)
        return name, attributes

    def update_with_settings(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Any:
        name, attributes = update(physical_id, old, new, *rest)
        _apply_settings(name, new)
        return name, attributes

    handler |= {"create": create_with_settings, "update": update_with_settings}


def _apply_settings(table: str, properties: Properties) -> None:
    dynamodb = part("services.dynamodb")
    ttl = properties.get("TimeToLiveSpecification")
    if ttl and ttl.get("AttributeName"):
        enabled = str(ttl.get("Enabled", False)).lower() == "true"
        dynamodb._update_ttl({"TableName": table, "TimeToLiveSpecification": ttl | {"Enabled": enabled}})
    recovery = properties.get("PointInTimeRecoverySpecification") or {}
    enabled = str(recovery.get("PointInTimeRecoveryEnabled", False)).lower() == "true"
    specification = {"PointInTimeRecoveryEnabled": enabled}
    dynamodb._update_continuous_backups({"TableName": table, "PointInTimeRecoverySpecification": specification})


def _with_object_lock(handler: dict[str, Callable[..., Any]]) -> None:
    create = handler["create"]

    def create_with_lock(logical_id: str, properties: Properties, stack: str) -> Any:
        name, attributes = create(logical_id, properties, stack)
        if str(properties.get("ObjectLockEnabled", False)).lower() == "true":
            rule = properties.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention")
            part("services.s3")._bucket_object_lock[name] = {"enabled": True, "default_retention": rule}
        return name, attributes

    handler["create"] = create_with_lock
