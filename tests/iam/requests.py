"""AWS calls as IAM sees them: which actions on which resources, under which condition keys.

Sources: the service authorization reference of DynamoDB, S3 and KMS; `dynamodb:LeadingKeys` holds the partition keys of
the items of one operation, and TransactWriteItems and BatchGetItem are decided item by item and table by table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.iam.policies import KEY, SIGNING_KEY, TABLE, anchors_bucket, facts_bucket
from tests.iam.simulator import Request

Parameters = dict[str, Any]
TENANT_TAG = "aws:PrincipalTag/tenant"
WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
BUCKET = f"arn:aws:s3:::{facts_bucket()}"


def requests_of(service: str, operation: str, sent: Parameters, tenant: str | None) -> list[Request]:
    """What IAM is asked about a call to the table, to S3 or to KMS; nothing for another service."""
    read = {"dynamodb": _dynamodb, "s3": _s3, "kms": _kms}.get(service)
    if read is None:
        return []
    tag = ((TENANT_TAG, tenant),) if tenant else ()
    return [request._replace(context=(*request.context, *tag)) for request in read(operation, sent)]


def _dynamodb(operation: str, sent: Parameters) -> Iterator[Request]:
    if operation == "TransactWriteItems":
        for item in sent["TransactItems"]:
            ((kind, change),) = item.items()
            yield _keyed(WRITES[kind], [_hash_of(change)])
    elif operation == "BatchGetItem":
        for asked in sent["RequestItems"].values():
            yield _keyed(operation, [key["pk"]["S"] for key in asked["Keys"]])
    elif operation == "Query":
        index = sent.get("IndexName")
        resource = f"{TABLE}/index/{index}" if index else TABLE
        yield _keyed(operation, [sent["ExpressionAttributeValues"][":pk"]["S"]], resource)
    elif operation == "BatchWriteItem":
        for wanted in sent["RequestItems"].values():
            yield _keyed(operation, [_hash_of(each) for request in wanted for each in request.values()])
    elif operation == "Scan":
        named = tuple(sorted({*re.split(r"[ ,]+", sent.get("ProjectionExpression", "")), *_filtered(sent)} - {""}))
        shown = (("dynamodb:Attributes", named), ("dynamodb:Select", sent.get("Select", ""))) if named else ()
        yield Request("dynamodb:Scan", TABLE, shown)
    elif operation == "DescribeTable":
        yield Request(f"dynamodb:{operation}", TABLE)
    else:
        yield _keyed(operation, [_hash_of(sent)])


def _filtered(sent: Parameters) -> set[str]:
    """The attributes that a filter looks at."""
    words = re.findall(r"(?<![:\w])[a-z_]+\b(?!\()", sent.get("FilterExpression", ""))
    return set(words)


def _hash_of(change: Parameters) -> str:
    key: str = (change.get("Item") or change["Key"])["pk"]["S"]
    return key


def _keyed(action: str, keys: list[str], resource: str = TABLE) -> Request:
    return Request(f"dynamodb:{action}", resource, (("dynamodb:LeadingKeys", tuple(keys)),))


S3_OBJECTS = {
    "PutObject": "s3:PutObject",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "DeleteObject": "s3:DeleteObject",
}
S3_LISTS = {"ListObjectsV2": "s3:ListBucket", "ListObjectVersions": "s3:ListBucketVersions"}


def _s3(operation: str, sent: Parameters) -> Iterator[Request]:
    bucket = f"arn:aws:s3:::{sent['Bucket']}" if sent["Bucket"] == anchors_bucket() else BUCKET
    if operation in S3_OBJECTS:
        action = S3_OBJECTS[operation] + ("Version" if "VersionId" in sent else "")
        yield Request(action, f"{bucket}/{sent['Key']}")
        if "ObjectLockMode" in sent:
            yield Request("s3:PutObjectRetention", f"{bucket}/{sent['Key']}")
    elif operation in S3_LISTS:
        yield Request(S3_LISTS[operation], bucket, (("s3:prefix", sent.get("Prefix", "")),))
    elif operation == "DeleteObjects":
        for each in sent["Delete"]["Objects"]:
            yield Request("s3:DeleteObject" + ("Version" if "VersionId" in each else ""), f"{bucket}/{each['Key']}")


def _kms(operation: str, sent: Parameters) -> Iterator[Request]:
    context = sent.get("EncryptionContext", {})
    named = tuple((f"kms:EncryptionContext:{name}", value) for name, value in sorted(context.items()))
    key = SIGNING_KEY if operation in ("Sign", "GetPublicKey") else KEY
    yield Request(f"kms:{operation}", key, named)
