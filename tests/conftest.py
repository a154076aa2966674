"""Fixtures for every room: a mocked AWS with the platform's table, bus and bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from moto import mock_aws

from kernel import aws
from kernel.table import Table
from tests import faults, mocked_aws  # noqa: F401 - faults listen to every client
from tests.iam.gate import Gate
from tests.iam.simulator import is_installed
from tests.kit import REGION, create_table, forget_rooms

settings.register_profile("palisade", deadline=None)
settings.load_profile("palisade")

SETTINGS = {
    "TABLE_NAME": "palisade",
    "BUS_NAME": "palisade",
    "FACTS_BUCKET": "palisade-facts",
    "MAP_CONCURRENCY": "40",
    "CURSOR_SECRET_ARN": "palisade/cursors",
    "SCAN_REALMS": "loopback,private",
    "OWN_PORTS": "8080,4566",
}


@pytest.fixture(scope="session", autouse=True)
def tuned_moto() -> Iterator[None]:
    """Moto is safe for threads, and quick."""
    with mocked_aws.tuned():
        yield


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test ever sees real credentials or a real region."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_CA_BUNDLE"]:
        monkeypatch.delenv(name)
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    for name, value in {**credentials, **SETTINGS}.items():
        monkeypatch.setenv(name, value)
    kept = aws.session()
    yield
    assert aws.session() is kept, "the session stays: who listens to AWS calls in other tests listens to this one"
    if "AWS_ENDPOINT_URL" in os.environ:
        aws.client.cache_clear()  # a client keeps its address


@pytest.fixture(scope="session")
def gate() -> Iterator[Gate | None]:
    """What IAM would say to the rooms' calls; None where its simulator is not installed."""
    if not is_installed():
        yield None
        return
    listening = Gate()
    aws.session().register("before-parameter-build", listening.told)
    yield listening
    aws.session().unregister("before-parameter-build", listening.told)
    listening.close()


@pytest.fixture(autouse=True)
def allowed_by_iam(gate: Gate | None) -> Iterator[None]:
    """No room makes a call that its door's synthesised policies do not allow."""
    yield
    if gate is not None and gate.refused:
        refused, gate.refused = gate.refused, []
        pytest.fail("IAM would have refused:\n" + "\n".join(dict.fromkeys(refused)))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS as moto plays it, empty but for what every room shares."""
    with mock_aws():
        forget_rooms()
        create_table(aws.client("dynamodb"), SETTINGS["TABLE_NAME"])
        aws.client("events").create_event_bus(Name=SETTINGS["BUS_NAME"])
        aws.client("s3").create_bucket(Bucket=SETTINGS["FACTS_BUCKET"])
        aws.client("secretsmanager").create_secret(Name=SETTINGS["CURSOR_SECRET_ARN"], SecretString="only-for-tests")
        monkeypatch.setenv("DATA_KEY_ID", aws.client("kms").create_key()["KeyMetadata"]["KeyId"])
        yield
        forget_rooms()


@pytest.fixture
def table(cloud: None) -> Table:
    """The platform's table."""
    return Table()
