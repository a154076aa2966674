"""Where a request comes from, when the edge stands before the gateway.

The gateway sees the edge's address. The edge tells the viewer's in one header, and shows in another a secret that no
viewer knows; without it the gateway's own word counts, so that nobody can choose an address for himself.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Mapping
from functools import lru_cache

from kernel import aws

VIEWER, PROOF = "palisade-viewer", "palisade-edge"
"""The headers of the viewer's address and of the secret, in lower case."""
KEPT_SECONDS = 300


def viewer_address(headers: Mapping[str, str], seen: str | None) -> str | None:
    """The viewer's address: the edge's word where it proves itself, else what the gateway has `seen`."""
    if "EDGE_SECRET_ARN" not in os.environ:
        return seen
    named = {name.lower(): value for name, value in headers.items() if name.lower() in (VIEWER, PROOF)}
    if VIEWER not in named or not hmac.compare_digest(named.get(PROOF, "").encode(), _secret(_slot())):
        return seen
    return named[VIEWER]


@lru_cache(maxsize=1)
def _secret(_slot: int) -> bytes:
    answer = aws.client("secretsmanager").get_secret_value(SecretId=aws.setting("EDGE_SECRET_ARN"))
    return str(answer["SecretString"]).encode()


def _slot() -> int:
    return int(time.time() // KEPT_SECONDS)
