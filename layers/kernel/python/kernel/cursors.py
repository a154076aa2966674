"""Cursors of lists: opaque, signed, and bound to the query (and so to the tenant) that gave them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from functools import cache

from kernel import aws
from kernel.errors import BadRequest

SIGNATURE_BYTES = 16
MAX_CURSOR = 2048


class Cursors:
    """Writes and reads the cursors of one query. `query` is whatever makes two lists different."""

    def __init__(self, query: str) -> None:
        self.query = query

    def write(self, position: dict[str, object]) -> str:
        """A position in the list as text."""
        body = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(body) + body).decode().rstrip("=")

    def read(self, cursor: str) -> dict[str, object]:
        """The position that `write` was given. Raises BadRequest for a forged, foreign or damaged cursor."""
        try:
            if len(cursor) > MAX_CURSOR:
                raise ValueError
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            signature, body = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
            if not hmac.compare_digest(signature, self._sign(body)):
                raise ValueError
            position: dict[str, object] = json.loads(body)
        except (ValueError, binascii.Error):
            raise BadRequest("The cursor does not belong to this list. Start again without it.") from None
        return position

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(_signing_key(), self.query.encode() + b"\x00" + body, hashlib.sha256)[:SIGNATURE_BYTES]


@cache
def _signing_key() -> bytes:
    """The stage's cursor key; read once per process, and only when a list has a second page."""
    answer = aws.client("secretsmanager").get_secret_value(SecretId=aws.setting("CURSOR_SECRET_ARN"))
    return str(answer["SecretString"]).encode()
