"""AWS clients for the local cloud: boto3 against the emulator, with credentials that mean nothing elsewhere."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from infra.local.emulator import REGION

OPERATOR = "test"

_SETTINGS = Config(
    retries={"mode": "standard", "max_attempts": 3},
    connect_timeout=5,
    read_timeout=60,
    s3={"addressing_style": "path"},
    signature_version="v4",
    max_pool_connections=20,
)


def client(service: str, endpoint: str) -> Any:
    """A boto3 client of `service` at the emulator's `endpoint`.

    The access key is an operator's, whom no wall between tenants stops (mends/tenant_walls.py); host settings
    (profiles, proxies of the environment, other endpoints) play no part.
    """
    session: Any = boto3.session.Session(  # the stubs know only the services that are installed
        aws_access_key_id=OPERATOR,
        aws_secret_access_key="test",  # noqa: S106 - what the emulator signs with for everybody
        region_name=REGION,
    )
    return session.client(service, endpoint_url=endpoint, config=_SETTINGS)
