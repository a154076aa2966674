"""A queue is deaf after the emulator's port changed: it is saved under an address that holds the port.

`sqs` finds queues by their URL, and makes that of `GATEWAY_PORT`; state that was saved on one port is not found on
another. The port in the stored URL says nothing to anybody (callers see the host and port that they called), so that
it is always the same one here.
"""

from __future__ import annotations

from infra.local.mends import MendError, part

PORT = "14566"


def apply() -> None:
    """Store queues under addresses that do not depend on the port."""
    sqs = part("services.sqs")
    if f"{sqs.DEFAULT_HOST}:{sqs.DEFAULT_PORT}" != sqs._CANONICAL_NETLOC:
        raise MendError("sqs makes the address of a queue in another way than its canonical host and port")
    sqs.DEFAULT_PORT = PORT
    sqs._CANONICAL_NETLOC = f"{sqs.DEFAULT_HOST}:{PORT}"
