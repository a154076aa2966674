"""What a door does before and for its first answer, in a process of its own, with AWS faked below botocore:
`main(ROOM, PATH)` prints the processor milliseconds that this process has used by then.

The fake answers every call with nothing found (and STS with credentials), before the network is touched: clients,
signatures and parsing are botocore's own. Nothing but the door is imported before the clock is read.
"""

from __future__ import annotations

import importlib
import os
import sys
import time

TYPE_CHECKING = False  # as mypy knows it, without the typing module, which takes two milliseconds
if TYPE_CHECKING:
    from typing import Any

EMPTY = b'{"Items":[],"Count":0,"ScannedCount":0}'
ASSUMED = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "TABLE_NAME": "palisade",
    "FACTS_BUCKET": "palisade-facts",
    "SCAN_REALMS": "loopback",
    "DATA_ROLE_ARN": "arn:aws:iam::123456789012:role/data",
}
NOT_IN_THE_LAYER = ("email_validator",)
"""What this environment has for other doors, and FastAPI would import: in Lambda only SCIM's door has it."""
TENANT = "org_01J9ZQ0000000000000000000A"


class Nothing:
    """An HTTP answer, as botocore reads one."""

    status_code = 200

    def __init__(self, request: Any) -> None:
        is_sts = "sts" in request.url
        self.headers = {"content-type": "text/xml" if is_sts else "application/x-amz-json-1.0"}
        self.content = ASSUMED if is_sts else EMPTY
        self.text = self.content.decode()


def answer(room: str, path: str) -> Any:
    """Import a room's HTTP door and put a GET through it; the gateway's answer."""
    handler = importlib.import_module(f"functions.{room}.api").handler
    from kernel import aws
    from kernel.actor import Actor
    from kernel.http.app import gateway_event

    aws.session().get_component("event_emitter").register("before-send", lambda request, **_rest: Nothing(request))
    caller = Actor(tenant_id=TENANT, permissions=frozenset({"*"})).model_dump_json()
    return handler(gateway_event("GET", f"/api/v1{path}", authorizer={"actor": caller}), None)


def main(room: str, path: str) -> None:
    """Measure one room."""
    os.environ.update(SETTINGS)
    sys.modules.update(dict.fromkeys(NOT_IN_THE_LAYER))  # type: ignore[arg-type]
    status = answer(room, path)["statusCode"]
    milliseconds = time.process_time() * 1000
    print(status, milliseconds, flush=True)
    os._exit(0)  # what a process does when it ends is not part of its start
