"""Logging in by single sign-on: the person's browser goes to the identity provider and comes back to a page of ours, on
this machine. The code that comes with it is good only with a secret that never leaves this process (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from palisade.errors import PalisadeError, WrongUsage

PORT = 18976
REDIRECT = f"http://localhost:{PORT}/callback"
"""Where the platform lets people come back to; see `sso_redirects` in its stage."""
PATIENCE = 600
PAGE = b"<!doctype html><title>Palisade</title><p>You can close this page, and go on in the terminal.</p>"


class NotBack(PalisadeError):
    """Nobody came back, or not from the log-in that began here."""

    slug, title = "sso-not-back", "The single sign-on did not come back"


class Proof:
    """The secret of a log-in, and what is shown of it at first."""

    def __init__(self) -> None:
        self.verifier = secrets.token_urlsafe(64)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Page:
    """The page that waits for the person. Entering it takes the port; raises WrongUsage when somebody else has it."""

    def __init__(self) -> None:
        self._asked: dict[str, list[str]] = {}

    def __enter__(self) -> Page:
        page = self

        class Callback(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                found = parts.path == "/callback"
                if found:
                    page._asked = parse_qs(parts.query)
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(PAGE if found else b"")

            def log_message(self, *_arguments: Any) -> None:
                """The address holds a code: it is written nowhere."""

        try:
            self._server = HTTPServer(("127.0.0.1", PORT), Callback)
        except OSError:
            raise WrongUsage(f"Another program uses port {PORT} of this machine, which the log-in needs.") from None
        return self

    def __exit__(self, *_raised: object) -> None:
        self._server.server_close()

    def code(self, state: str, patience: float = PATIENCE) -> str:
        """The code that comes back with the state of this log-in. Raises NotBack."""
        self._server.timeout = patience
        for _ in range(10):  # a browser asks for its icon too
            self._server.handle_request()
            if self._asked or not self._server.timeout:
                break
        said = {name: values[0] for name, values in self._asked.items()}
        if not said:
            raise NotBack("Nobody came back from the identity provider.")
        if not hmac.compare_digest(said.get("state", "").encode(), state.encode()):
            raise NotBack("Somebody came back from a log-in that did not begin here.")
        if "code" not in said:
            raise NotBack(f"The identity provider let nobody in: {said.get('error', 'it said nothing')}.")
        return said["code"]


def who(email: str | None, domain: str | None) -> dict[str, str]:
    """By what the provider is found. Raises WrongUsage unless it is one of them."""
    if (email is None) == (domain is None):
        raise WrongUsage("Name your e-mail address, or the domain: one of them.")
    return {"email": email} if email else {"domain": domain or ""}
