"""Fixtures for every room: a mocked AWS with the platform's table, bus and bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator

import boto3
import pytest
from kernel import aws, cursors
from kernel.table import Table
from moto import mock_aws

from tests.kit import REGION, create_table

SETTINGS = {
    "TABLE_NAME": "palisade",
    "BUS_NAME": "palisade",
    "FACTS_BUCKET": "palisade-facts",
    "CURSOR_SECRET_ARN": "palisade/cursors",
    "SCAN_REALMS": "loopback,private",
    "OWN_PORTS": "8080,4566",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test ever sees real credentials or a real region."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        monkeypatch.delenv(name)
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    for name, value in {**credentials, **SETTINGS}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def cloud() -> Iterator[None]:
    """AWS as moto plays it, empty but for what every room shares."""
    with mock_aws():
        _forget_clients()
        create_table(boto3.client("dynamodb", REGION), SETTINGS["TABLE_NAME"])
        boto3.client("events", REGION).create_event_bus(Name=SETTINGS["BUS_NAME"])
        boto3.client("s3", REGION).create_bucket(Bucket=SETTINGS["FACTS_BUCKET"])
        boto3.client("secretsmanager", REGION).create_secret(
            Name=SETTINGS["CURSOR_SECRET_ARN"], SecretString="only-for-tests"
        )
        yield
        _forget_clients()


@pytest.fixture
def table(cloud: None) -> Table:
    """The platform's table."""
    return Table()


def _forget_clients() -> None:
    aws.client.cache_clear()
    aws.session.cache_clear()
    cursors._signing_key.cache_clear()
