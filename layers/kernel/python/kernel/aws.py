"""AWS clients: made once per process, when first used, because importing boto3 costs more than all else."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boto3.session import Session


@cache
def session() -> Session:
    """The process's one session."""
    from boto3.session import Session

    return Session()


@cache
def client(service: str, **options: Any) -> Any:
    """The client of a service, with short time-outs: a Lambda that waits is a Lambda that costs."""
    from botocore.config import Config

    config = Config(
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "max_attempts": 4},
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "path"} if os.environ.get("AWS_ENDPOINT_URL") else {},
    )
    return session().client(service, config=config, **options)  # type: ignore[call-overload]


def setting(name: str) -> str:
    """A setting that the stack gives this function. Raises KeyError that names it."""
    try:
        return os.environ[name]
    except KeyError:
        raise KeyError(f"the environment variable {name} is not set for this function") from None
