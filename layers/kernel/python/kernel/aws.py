"""AWS clients: made once per process, when first used, because making one costs more than all else.

They are botocore's own: boto3 adds another fifth to a door's first call, and nothing that a room uses. What is called
within `acting_for` a tenant is signed with that tenant's credentials; everything else with the door's own.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.session import Session

_tenant: ContextVar[str | None] = ContextVar("tenant", default=None)


@contextmanager
def acting_for(tenant_id: str | None) -> Iterator[None]:
    """AWS calls within are made with the tenant's credentials, which reach nothing of another tenant's; with None,
    with the door's own."""
    token = _tenant.set(tenant_id)
    try:
        yield
    finally:
        _tenant.reset(token)


@cache
def session() -> Session:
    """The process's one session."""
    from botocore.session import Session

    made = Session()
    made.register_component("data_loader", _models())
    made.register("before-sign", _sign_for_tenant)
    return made


def _sign_for_tenant(**signing: Any) -> None:
    tenant_id = _tenant.get()
    if tenant_id is not None and "DATA_ROLE_ARN" in os.environ:
        from kernel.credentials import credentials

        signing["request"].context.setdefault("signing", {})["request_credentials"] = credentials(tenant_id)


@cache
def client(service: str, **options: Any) -> Any:
    """The client of a service, with short time-outs: a Lambda that waits is a Lambda that costs."""
    from botocore.config import Config

    config = Config(
        connect_timeout=3,
        read_timeout=20,
        retries={"mode": "standard", "max_attempts": 4},
        user_agent="palisade",  # botocore's own is put together anew for every call, which is a quarter of its work
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "path"} if os.environ.get("AWS_ENDPOINT_URL") else {},
    )
    return session().create_client(service, config=config, **options)


def setting(name: str) -> str:
    """A setting that the stack gives this function. Raises KeyError that names it."""
    try:
        return os.environ[name]
    except KeyError:
        raise KeyError(f"the environment variable {name} is not set for this function") from None


def _models() -> Loader:
    """Reads botocore's descriptions of services: with a quick parser, and without looking into the folders of the
    four hundred that nobody asked for."""
    from botocore.loaders import JSONFileLoader, Loader
    from msgspec import json

    class QuickFiles(JSONFileLoader):
        def load_file(self, file_path: str) -> Any:
            for suffix, opened in ((".json", open), (".json.gz", gzip.open)):
                if os.path.isfile(file_path + suffix):
                    with opened(file_path + suffix, "rb") as file:
                        return json.decode(file.read())
            return None

    class QuickLoader(Loader):
        def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - a folder has all types
            return [name for path in self.search_paths if os.path.isdir(path) for name in os.listdir(path)]

    return QuickLoader(file_loader=QuickFiles())
