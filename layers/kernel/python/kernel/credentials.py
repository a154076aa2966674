"""Credentials of one tenant: the door's data role, assumed with the tenant as session tag.

The role's policies hold `${aws:PrincipalTag/tenant}` in every key, prefix and encryption context that they allow, so
what is signed with them reaches one tenant's data, whatever our own code asks for.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from kernel import aws

if TYPE_CHECKING:
    from botocore.credentials import Credentials

SECONDS = 3600
"""The longest that a role lasts which was assumed by a role."""
RENEWED_BEFORE_SECONDS = 1200
"""A link that is signed with them must outlive its 15 minutes."""
KEPT = 1000
"""Tenants whose credentials a process holds."""


class _Lease(NamedTuple):
    credentials: Credentials
    renew_at: float


_leases: OrderedDict[tuple[str, str], _Lease] = OrderedDict()
_lock = threading.Lock()


def credentials(tenant_id: str) -> Credentials:
    """The tenant's credentials; assumed once, and again shortly before they end."""
    key = (aws.setting("DATA_ROLE_ARN"), tenant_id)
    with _lock:
        lease = _leases.pop(key, None)
        if lease is None or lease.renew_at < time.time():
            lease = _assume(*key)
        _leases[key] = lease
        if len(_leases) > KEPT:
            _leases.popitem(last=False)
    return lease.credentials


def forget() -> None:
    """Drop all that is held: the next call assumes its role again."""
    _leases.clear()


def _assume(role: str, tenant_id: str) -> _Lease:
    from botocore.credentials import Credentials

    with aws.acting_for(None):
        answer = aws.client("sts").assume_role(
            RoleArn=role,
            RoleSessionName=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "palisade")[-64:],
            DurationSeconds=SECONDS,
            Tags=[{"Key": "tenant", "Value": tenant_id}],
        )["Credentials"]
    made = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
    return _Lease(made, time.time() + SECONDS - RENEWED_BEFORE_SECONDS)
