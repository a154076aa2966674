"""Reading a URL so that what is checked is what is dialled: one spelling of each host, or a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from kernel.egress.addresses import parse_address
from kernel.egress.errors import EgressDenied

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL = 8192
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_DOTTED_QUAD = re.compile(r"(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads: a host in its one spelling (no brackets), and what is asked of it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what decides whether credentials may follow a redirect."""
        return self.scheme, self.host, self.port

    @property
    def url(self) -> str:
        """The URL that is requested."""
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_url(url: str) -> Target:
    """A URL as a target. Raises `EgressDenied` for all that is not plain http or https to a plainly spelled host."""
    if len(url) > MAX_URL:
        raise EgressDenied(f"the URL is longer than {MAX_URL} characters")
    if _CONTROL.search(url):
        raise EgressDenied("the URL holds a space, a control character or a backslash")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EgressDenied(f"the URL cannot be read: {error}") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise EgressDenied(f"scheme {parts.scheme or 'none'!r} is refused: only http and https are sent")
    if "@" in parts.netloc:
        raise EgressDenied("a URL with user information is refused")
    host = parse_host(_bare_host(parts.netloc))
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, _port(port, parts.scheme), _ascii(parts.path or "/") + _ascii(query))


def parse_host(host: str) -> str:
    """The one spelling of a host name or address.

    A name is lower-case ASCII (IDNA 2008) without its root dot. A host whose last label is a number must be four
    plain decimal octets, so that no resolver reads `2130706433`, `0x7f.1` or `127.1` as an address.
    Raises `EgressDenied`.
    """
    if ":" in host:
        return str(parse_address(host))
    name = _idna(host).lower().removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        if not _DOTTED_QUAD.fullmatch(name):
            raise EgressDenied(f"host {host!r} is an unusual spelling of an address")
        return str(parse_address(name))
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise EgressDenied(f"{host!r} is not a host name")
    return name


def check_headers(headers: Iterable[tuple[str, str]]) -> None:
    """Raises `EgressDenied` when a header could smuggle another line into the request."""
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise EgressDenied(f"header name {name!r} is refused")
        if not _HEADER_VALUE.fullmatch(value):
            raise EgressDenied(f"header {name} is refused: its value holds a control character")


def _bare_host(netloc: str) -> str:
    if not netloc.startswith("["):
        return netloc.partition(":")[0]
    host, _, rest = netloc[1:].partition("]")
    if ":" not in host or (rest and not rest.startswith(":")):
        raise EgressDenied(f"{netloc!r} is not a host")
    return host


def _port(port: int | None, scheme: str) -> int:
    if port == 0:
        raise EgressDenied("port 0 is refused")
    return DEFAULT_PORTS[scheme] if port is None else port


def _ascii(text: str) -> str:
    return text if text.isascii() else quote(text, safe="/%:@!$&'()*+,;=-._~?[]")


def _idna(host: str) -> str:
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host).decode()
    except idna.IDNAError as error:
        raise EgressDenied(f"{host!r} is not a host name: {error}") from error
