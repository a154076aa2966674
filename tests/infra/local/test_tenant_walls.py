"""The local cloud keeps tenants apart as their policies do in AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from infra.local import emulator
from kernel.ids import new_id
from tests.kit import create_table

pytestmark = pytest.mark.emulator
ROLE = "arn:aws:iam::000000000000:role/data"
MINE, OTHERS = new_id("org"), new_id("org")
Clients = Callable[[str, str | None], Any]


@pytest.fixture
def acting(handle: emulator.Handle, aws: Callable[[str], Any]) -> Iterator[Clients]:
    """Clients with a tenant's session, or (None) with a function's own credentials."""
    made: list[Any] = []

    def make(service: str, tenant: str | None) -> Any:
        keys = {"aws_access_key_id": "000000000000", "aws_secret_access_key": "test"}
        if tenant is not None:
            tags = [{"Key": "tenant", "Value": tenant}]
            given = aws("sts").assume_role(RoleArn=ROLE, RoleSessionName="door", Tags=tags)["Credentials"]
            keys = {
                "aws_access_key_id": given["AccessKeyId"],
                "aws_secret_access_key": given["SecretAccessKey"],
                "aws_session_token": given["SessionToken"],
            }
        made.append(Session().create_client(service, region_name="us-east-1", endpoint_url=handle.endpoint, **keys))
        return made[-1]

    yield make
    for each in made:
        each.close()


def item(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "X"}, "name": {"S": f"TENANT#{OTHERS}#"}}


def refused(call: Callable[..., Any], **parameters: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")


def test_the_table(acting: Clients, aws: Callable[[str], Any]) -> None:
    create_table(aws("dynamodb"), "walls")
    mine, itself = acting("dynamodb", MINE), acting("dynamodb", None)
    mine.put_item(TableName="walls", Item=item(f"TENANT#{MINE}#SCANS"))
    mine.put_item(TableName="walls", Item=item("PLATFORM#PEOPLE#1"))
    refused(mine.put_item, TableName="walls", Item=item(f"TENANT#{OTHERS}#SCANS"))
    refused(mine.put_item, TableName="walls", Item=item(f"PLATFORM#TENANTS#{OTHERS}"))
    both = [{"Put": {"TableName": "walls", "Item": item(f"TENANT#{tenant}#SCANS")}} for tenant in (MINE, OTHERS)]
    refused(mine.transact_write_items, TransactItems=both)
    question = {"KeyConditionExpression": "gsi1pk = :pk", "IndexName": "gsi1", "TableName": "walls"}
    refused(mine.query, **question, ExpressionAttributeValues={":pk": {"S": f"TENANT#{OTHERS}#SCANS"}})
    key = {"pk": {"S": f"TENANT#{MINE}#SCANS"}, "sk": {"S": "X"}}
    assert "Item" in mine.get_item(TableName="walls", Key=key)
    refused(itself.get_item, TableName="walls", Key=key)
    itself.put_item(TableName="walls", Item=item(f"PLATFORM#TENANTS#{OTHERS}"))
    assert "Item" in aws("dynamodb").get_item(TableName="walls", Key=key)


def test_a_look_through_the_whole_table_goes_on_wherever_it_stopped(acting: Clients, aws: Callable[[str], Any]) -> None:
    """What sweeps after a person looks at keys alone, as itself; its pages end at anybody's items."""
    create_table(aws("dynamodb"), "looks")
    for tenant in (MINE, OTHERS):
        aws("dynamodb").put_item(TableName="looks", Item=item(f"TENANT#{tenant}#SCANS"))
    itself, mine = acting("dynamodb", None), acting("dynamodb", MINE)
    seen: list[str] = []
    start: dict[str, Any] = {}
    while True:
        page = itself.scan(TableName="looks", ProjectionExpression="pk, sk", Limit=1, **start)
        seen += [each["pk"]["S"] for each in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert sorted(seen) == sorted(f"TENANT#{tenant}#SCANS" for tenant in (MINE, OTHERS))
    start_elsewhere = {"ExclusiveStartKey": {"pk": {"S": f"TENANT#{OTHERS}#SCANS"}, "sk": {"S": "A"}}}
    theirs = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": f"TENANT#{OTHERS}#SCANS"}},
    }
    refused(mine.query, TableName="looks", **theirs, **start_elsewhere)
    own = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": f"TENANT#{MINE}#SCANS"}}}
    with pytest.raises(ClientError, match="starting key"):
        mine.query(TableName="looks", **own, **start_elsewhere)


def test_the_buckets(acting: Clients, aws: Callable[[str], Any]) -> None:
    aws("s3").create_bucket(Bucket="walls")
    mine, itself = acting("s3", MINE), acting("s3", None)
    mine.put_object(Bucket="walls", Key=f"tenants/{MINE}/scans/a", Body=b"a")
    refused(mine.put_object, Bucket="walls", Key=f"tenants/{OTHERS}/scans/a", Body=b"a")
    refused(mine.get_object, Bucket="walls", Key=f"tenants/{OTHERS}/scans/a")
    refused(mine.list_objects_v2, Bucket="walls", Prefix=f"tenants/{OTHERS}/")
    refused(itself.get_object, Bucket="walls", Key=f"tenants/{MINE}/scans/a")
    assert mine.list_objects_v2(Bucket="walls", Prefix=f"tenants/{MINE}/")["KeyCount"] == 1


def test_the_keys(acting: Clients, aws: Callable[[str], Any]) -> None:
    key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    mine = acting("kms", MINE)
    made = mine.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"tenant": MINE})
    assert mine.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"tenant": MINE})["Plaintext"]
    refused(mine.decrypt, CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"tenant": OTHERS})
    refused(mine.generate_data_key, KeyId=key, KeySpec="AES_256", EncryptionContext={"tenant": OTHERS})
