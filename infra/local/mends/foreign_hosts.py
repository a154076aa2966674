"""The emulator answers any web page: a script of a foreign site may post to `/_ministack/reset`.

A request is served only if its Host names this machine (a name that a foreign DNS server points at 127.0.0.1
does not), and so do its Origin and its Referer, where a browser sent them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from infra.local.mends import part

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

SENT_BACK = ("/oauth2/idpresponse", "/saml2/idpresponse")
"""Where identity providers send people back to, from pages of their own; what they send names a log-in that began."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
FOREIGN = json.dumps({"message": "This address serves only requests made to and from this machine."}).encode()


def apply() -> None:
    """Put the guard before the emulator's application."""
    application = part("app")
    serve = application.app

    async def guarded(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and _is_foreign(scope):
            await _refuse(scope["type"], receive, send)
        else:
            await serve(scope, receive, send)

    application.app = guarded


def is_loopback(host: str) -> bool:
    """Whether a host name, with or without a port, can only mean this machine."""
    name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    return name in LOOPBACK or name.endswith(".localhost")


def _is_foreign(scope: Message) -> bool:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope.get("headers", [])}
    if not is_loopback(headers.get(b"host", "")):
        return True
    if scope["type"] == "http" and scope.get("path") in SENT_BACK:
        return False
    origin, referer = headers.get(b"origin"), headers.get(b"referer")
    if origin is not None or referer is not None:
        return not all(is_loopback(urlsplit(page).netloc) for page in (origin, referer) if page is not None)
    # A foreign page that hides its address can still include an image or a script of this machine.
    return headers.get(b"sec-fetch-site") == "cross-site" and headers.get(b"sec-fetch-mode") != "navigate"


async def _refuse(kind: str, receive: Receive, send: Send) -> None:
    if kind == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(FOREIGN)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": FOREIGN})
