"""What a door does before and for its first answer, in a process of its own, with AWS faked below botocore:
`main(ROOM, PATH)` prints the processor milliseconds that this process has used by then.

The fake answers every call with nothing found, before the network is touched: clients, signatures and parsing are
botocore's own. Nothing but the door is imported before the clock is read.
"""

from __future__ import annotations

import importlib
import os
import time

TYPE_CHECKING = False  # as mypy knows it, without the typing module, which takes two milliseconds
if TYPE_CHECKING:
    from typing import Any

EMPTY = b'{"Items":[],"Count":0,"ScannedCount":0}'
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "TABLE_NAME": "palisade",
    "FACTS_BUCKET": "palisade-facts",
    "SCAN_REALMS": "loopback",
}
TENANT = "org_01J9ZQ0000000000000000000A"


class Nothing:
    """An HTTP answer, as botocore reads one."""

    status_code = 200
    headers = {"content-type": "application/x-amz-json-1.0"}
    content = EMPTY
    text = EMPTY.decode()


def answer(room: str, path: str) -> Any:
    """Import a room's HTTP door and put a GET through it; the gateway's answer."""
    handler = importlib.import_module(f"functions.{room}.api").handler
    from kernel import aws
    from kernel.actor import Actor
    from kernel.http.app import gateway_event

    aws.session().get_component("event_emitter").register("before-send", lambda **_request: Nothing())
    caller = Actor(tenant_id=TENANT, permissions=frozenset({"*"})).model_dump_json()
    return handler(gateway_event("GET", f"/api/v1{path}", authorizer={"actor": caller}), None)


def main(room: str, path: str) -> None:
    """Measure one room."""
    os.environ.update(SETTINGS)
    status = answer(room, path)["statusCode"]
    milliseconds = time.process_time() * 1000
    print(status, milliseconds, flush=True)
    os._exit(0)  # what a process does when it ends is not part of its start
