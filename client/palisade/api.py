"""The public API: log-in, resources, lists and files. An access token that has ended is refreshed on the way."""

from __future__ import annotations

import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote, urljoin, urlsplit

import httpx

from palisade import sso, transport
from palisade.errors import ApiProblem, CannotWrite, NotLoggedIn, Unreachable
from palisade.session import Session

Resource = dict[str, Any]
STDOUT = Path("-")
CHUNK = 65_536
PAGE = 200
"""The most that the API puts on a page."""
SESSION_OVER = "The session is over: `palisade login` starts a new one."


class Api:
    """A session's view of the API. `renewed` is told when the session's tokens change.

    Every method raises ApiProblem, NotLoggedIn or Unreachable.
    """

    def __init__(self, session: Session, renewed: Callable[[Session], None] = lambda _session: None) -> None:
        self.session = session
        self._renewed = renewed
        self._client = transport.open_client(session.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._client.close()

    def get(self, path: str, **parameters: Any) -> Resource:
        """One resource."""
        return transport.resource(self._send("GET", path, params=_given(parameters)))

    def post(self, path: str, body: Resource | None = None) -> Resource:
        """A command's answer. It carries a key of its own, so that repeating it has no second effect."""
        return transport.resource(self._send("POST", path, json=body, headers={transport.KEY: uuid.uuid4().hex}))

    def put(self, path: str, body: Resource) -> Resource:
        """A resource replaced."""
        return transport.resource(self._send("PUT", path, json=body))

    def delete(self, path: str) -> None:
        """A resource removed."""
        self._send("DELETE", path)

    def listed(self, path: str, limit: int | None, **parameters: Any) -> Resource:
        """As many items of a list as are wanted (None: all), as a page: with the cursor of what is left."""
        items: list[Resource] = []
        cursor: str | None = None
        while True:
            wanted = PAGE if limit is None else min(PAGE, limit - len(items))
            page = self.get(path, limit=wanted, cursor=cursor, **parameters)
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None or (limit is not None and len(items) >= limit):
                return {"items": items, "next_cursor": cursor}

    def save(self, address: str, output: Path, drawn: Callable[[bytes], bytes] | None = None, **parameters: Any) -> int:
        """Write what lies at an address to a file (`-`: stdout), whole or not at all; its size in bytes.

        `address` is a path of the API, or a link that the API gave: a link is followed without the session's token.
        `drawn` makes the file's content of what was fetched. Raises CannotWrite too.
        """
        with tempfile.TemporaryFile() as kept:
            self._fetch(address, kept, parameters)
            if drawn:
                kept.seek(0)
                content = drawn(kept.read())
                kept.seek(0)
                kept.truncate()
                kept.write(content)
            size = kept.tell()
            kept.seek(0)
            _write(kept, output)
        return size

    def socket_url(self) -> str:
        """The address of the WebSocket, with the token that opens it."""
        parts = urlsplit(self.session.url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return f"{scheme}://{parts.netloc}/ws?token={quote(self.session.access_token)}"

    def _fetch(self, address: str, kept: IO[bytes], parameters: dict[str, Any]) -> None:
        if not address.startswith(("http://", "https://")):
            response = self._authorised("GET", address, {"params": _given(parameters)})
            if not response.is_redirect:
                kept.write(transport.accepted(response).content)
                return
            address = urljoin(str(response.url), response.headers["Location"])
        _download(address, kept)

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        return transport.accepted(self._authorised(method, path, content))

    def _authorised(self, method: str, path: str, content: dict[str, Any]) -> httpx.Response:
        """The answer to a request of the session, which is refreshed when its access token has ended."""
        response = self._exchange(method, path, content)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._refresh()
            response = self._exchange(method, path, content)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise NotLoggedIn(SESSION_OVER)
        return response

    def _exchange(self, method: str, path: str, content: dict[str, Any]) -> httpx.Response:
        request = self._client.build_request(method, path, **content)
        request.headers["Authorization"] = f"Bearer {self.session.access_token}"
        return transport.exchange(self._client, request)

    def _refresh(self) -> None:
        request = self._client.build_request(
            "POST", "/auth/refresh", json={"refresh_token": self.session.refresh_token}
        )
        response = transport.exchange(self._client, request)
        if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.UNPROCESSABLE_ENTITY):
            raise NotLoggedIn(SESSION_OVER)
        tokens = transport.resource(transport.accepted(response))
        self.session = self.session.renewed(tokens["access_token"], tokens.get("refresh_token"))
        self._renewed(self.session)


def log_in(
    url: str, email: str, password: str, answer: Callable[[Resource], Resource], recovery_code: str | None = None
) -> tuple[Session, Resource]:
    """Start a session; `answer` is asked for whatever the platform wants beyond the password. The session, and what
    came with its tokens. Raises ApiProblem when the credentials are wrong, Unreachable or WrongUsage."""
    body = {"email": email, "password": password, **({"recovery_code": recovery_code} if recovery_code else {})}
    with transport.open_client(url) as client:
        said = _ask(client, "/auth/login", body)
        while "challenge" in said:
            said = _ask(client, "/auth/challenge", {"session": said["session"], **answer(said)})
    return Session(url.rstrip("/"), email, said["access_token"], said["refresh_token"]), said


def log_in_by_sso(
    url: str, who: dict[str, str], redirect: str, proof: sso.Proof, come_back: Callable[[Resource], str]
) -> Session:
    """Start a session by an identity provider; `come_back` sends the person there, and gives the code that came back.
    Raises ApiProblem, Unreachable, WrongUsage, or what `come_back` raises."""
    with transport.open_client(url) as client:
        begun = _ask(client, "/auth/sso", {**who, "redirect_uri": redirect, "code_challenge": proof.challenge})
        code = come_back(begun)
        shown = {"state": begun["state"], "code": code, "code_verifier": proof.verifier, "redirect_uri": redirect}
        tokens = _ask(client, "/auth/sso/token", shown)
    session = Session(url.rstrip("/"), who.get("email", ""), tokens["access_token"], tokens["refresh_token"])
    with Api(session) as known:
        return replace(session, email=known.get("/users/me")["email"] or session.email)


def switch(session: Session, organization_id: str) -> Session:
    """Go on in another organisation. Raises ApiProblem or Unreachable."""
    body = {"refresh_token": session.refresh_token, "organization_id": organization_id}
    with transport.open_client(session.url) as client:
        tokens = _ask(client, "/auth/switch", body)
    return session.renewed(tokens["access_token"], tokens["refresh_token"])


def log_out(session: Session) -> None:
    """End a session on the platform's side too. Raises ApiProblem or Unreachable."""
    with transport.open_client(session.url) as client:
        request = client.build_request("POST", "/auth/logout", json={"refresh_token": session.refresh_token})
        transport.accepted(transport.exchange(client, request))


def _ask(client: httpx.Client, path: str, body: Resource) -> Resource:
    request = client.build_request("POST", path, json=body)
    return transport.resource(transport.accepted(transport.exchange(client, request)))


def _given(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters without those that are left out: None, or an empty list."""
    return {name: value for name, value in parameters.items() if value is not None and value != []}


def _download(link: str, kept: IO[bytes]) -> None:
    """Fetch a link that carries its own permission."""
    try:
        with (
            httpx.Client(timeout=transport.TIMEOUT, trust_env=not transport.is_loopback(link)) as client,
            client.stream("GET", link) as response,
        ):
            if not response.is_success:
                title = "The link to the file is no longer good"
                raise ApiProblem({"type": "about:blank", "title": title, "status": response.status_code})
            for chunk in response.iter_bytes(CHUNK):
                kept.write(chunk)
    except httpx.TransportError as failure:
        raise Unreachable(f"The file could not be fetched ({failure or type(failure).__name__}).") from failure


def _write(kept: IO[bytes], output: Path) -> None:
    if output == STDOUT:
        shutil.copyfileobj(kept, sys.stdout.buffer)
        return
    partial = output.with_name(f".{output.name}.part")
    try:
        with partial.open("wb") as file:
            shutil.copyfileobj(kept, file)
        partial.replace(output)
    except OSError as problem:
        partial.unlink(missing_ok=True)
        raise CannotWrite(f"{output} cannot be written: {problem.strerror}.") from problem
