"""What the tests make quicker of moto still answers as moto does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from kernel import aws
from tests.conftest import SETTINGS


def item(place: str, **attributes: Any) -> dict[str, Any]:
    return {"pk": {"S": "P"}, "sk": {"S": place}, **attributes}


def found() -> dict[str, dict[str, Any]]:
    pages = aws.client("dynamodb").query(
        TableName=SETTINGS["TABLE_NAME"],
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "P"}},
    )
    return {each["sk"]["S"]: each for each in pages["Items"]}


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize("is_held", [True, False])
def test_a_transaction_is_whole_or_has_not_been(is_held: bool) -> None:
    client = aws.client("dynamodb")
    for place in ("changed", "gone", "replaced"):
        client.put_item(TableName=SETTINGS["TABLE_NAME"], Item=item(place, n={"N": "1"}, tags={"L": [{"S": "a"}]}))
    before = found()
    name = {"TableName": SETTINGS["TABLE_NAME"]}
    changed = {
        "UpdateExpression": "SET n = :n, tags[0] = :t",
        "ExpressionAttributeValues": {":n": {"N": "2"}, ":t": {"S": "b"}},
    }
    condition = "attribute_not_exists(pk)" if is_held else "attribute_exists(pk)"
    writes = [
        {"Update": {**name, "Key": item("changed"), **changed}},
        {"Delete": {**name, "Key": item("gone")}},
        {"Put": {**name, "Item": item("replaced", n={"N": "3"})}},
        {"Put": {**name, "Item": item("new")}},
        {"ConditionCheck": {**name, "Key": item("absent"), "ConditionExpression": condition}},
    ]
    if is_held:
        client.transact_write_items(TransactItems=writes)
        changed_item = item("changed", n={"N": "2"}, tags={"L": [{"S": "b"}]})
        assert found() == {"changed": changed_item, "new": item("new"), "replaced": item("replaced", n={"N": "3"})}
        return
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        client.transact_write_items(TransactItems=writes)
    assert found() == before


@pytest.mark.usefixtures("cloud")
def test_an_attribute_that_looks_like_a_type_is_read_as_it_was_written() -> None:
    client = aws.client("dynamodb")
    value = {"M": {"S": {"N": "1"}, "M": {"M": {"L": {"L": [{"NULL": True}, {"BOOL": False}]}}}}}
    client.put_item(TableName=SETTINGS["TABLE_NAME"], Item=item("a", S=value, only={"M": {"S": {"S": "x"}}}))
    assert found()["a"] == item("a", S=value, only={"M": {"S": {"S": "x"}}})
