"""One exchange with the API: what may be repeated is repeated, and a refusal becomes a problem."""

from __future__ import annotations

import ipaddress
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from palisade import __version__
from palisade.errors import ApiProblem, Unreachable, WrongUsage

PREFIX = "/api/v1"
TIMEOUT = httpx.Timeout(35.0, connect=5.0)
BUSY = frozenset({429, 502, 503, 504})
"""Answers that say: not now."""
PAUSES = (0.3, 0.9)
"""Seconds before each further try."""
LONGEST_WAIT = 30.0
KEY = "Idempotency-Key"


def open_client(url: str) -> httpx.Client:
    """A client of the API at `url`. Raises WrongUsage for an address that is none, or that would carry a password
    over the network in the clear."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WrongUsage(f"{url} is not an address: it begins with https:// and names a host.")
    if parts.scheme == "http" and not is_loopback(url):
        raise WrongUsage(f"{url} would carry passwords unencrypted: use https.")
    return httpx.Client(
        base_url=url.rstrip("/") + PREFIX,
        timeout=TIMEOUT,
        headers={"User-Agent": f"palisade/{__version__}"},
        trust_env=not is_loopback(url),
    )


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def exchange(client: httpx.Client, request: httpx.Request) -> httpx.Response:
    """The answer to a request, whatever its status. A request that can be repeated safely is tried again while the
    platform does not answer or says that it is busy. Raises Unreachable."""
    for pause in PAUSES if _is_repeatable(request) else ():
        try:
            response = client.send(request)
        except httpx.TransportError:
            time.sleep(pause)
            continue
        if response.status_code not in BUSY or (wait := _wait(response, pause)) > LONGEST_WAIT:
            return response
        time.sleep(wait)
    try:
        return client.send(request)
    except httpx.TransportError as failure:
        raise Unreachable(_unreachable(request, failure)) from failure


def accepted(response: httpx.Response) -> httpx.Response:
    """The response, if it is a success. Raises ApiProblem."""
    if response.is_success:
        return response
    raise ApiProblem(_document(response))


def resource(response: httpx.Response) -> dict[str, Any]:
    """The JSON object that an answer carries; an empty one when it carries nothing. Raises Unreachable for another
    kind of answer: then something else than the API listens there."""
    try:
        said = response.json() if response.content else {}
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Unreachable(f"{response.url.copy_with(path='/', query=None)} does not speak Palisade's API.")
    return said


def _is_repeatable(request: httpx.Request) -> bool:
    return request.method == "GET" or KEY in request.headers


def _wait(response: httpx.Response, pause: float) -> float:
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else pause


def _unreachable(request: httpx.Request, failure: httpx.TransportError) -> str:
    origin = f"{request.url.scheme}://{request.url.netloc.decode()}"
    why = "in time" if isinstance(failure, httpx.TimeoutException) else f"({str(failure) or type(failure).__name__})"
    return f"{origin} does not answer {why}."


def _document(response: httpx.Response) -> dict[str, Any]:
    """The problem that a response states, or one made of its status when it states none."""
    try:
        said = response.json()
    except ValueError:
        said = None
    if isinstance(said, dict) and "title" in said:
        return said | {"status": response.status_code}
    title = response.reason_phrase or f"The answer was {response.status_code}"
    words = [str(said[key]) for key in ("message", "errorMessage") if key in said] if isinstance(said, dict) else []
    document = {"type": "about:blank", "title": title, "status": response.status_code, "detail": (words or [title])[0]}
    return document | {"trace_id": response.headers.get("X-Request-Id", "")}
