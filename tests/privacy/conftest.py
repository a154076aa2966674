"""A versioned bucket, a user pool and the machines, as moto and a played pool have them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernel import aws
from tests import edges
from tests.identity.pool import Pool, playing
from tests.privacy.world import World


@pytest.fixture(autouse=True)
def pool(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """What the stacks have."""
    edges.set_up(monkeypatch)
    aws.client("s3").put_bucket_versioning(Bucket="palisade-facts", VersioningConfiguration={"Status": "Enabled"})
    monkeypatch.setenv("USER_POOL_ID", "us-east-1_pool1")
    monkeypatch.setenv("USER_POOL_CLIENT_ID", "client1")
    for name in ("EXPORT", "ERASURE", "TENANT"):
        answer = aws.client("stepfunctions").create_state_machine(
            name=name.lower(), definition=edges.DEFINITION, roleArn=edges.ROLE
        )
        monkeypatch.setenv(f"PRIVACY_{name}_MACHINE_ARN", answer["stateMachineArn"])
    with playing() as played:
        yield played
    edges.tear_down()


@pytest.fixture
def world(pool: Pool) -> World:
    """An organisation with two people."""
    return World()
