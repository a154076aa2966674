"""Web answers as facts, the same from every module that fetches one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from contracts.observations import BODY, DEFAULT_PORTS, UNCHANGED, VALIDATORS
from functions.collection.module import Blobs
from functions.collection.revalidation import Restored, validators
from kernel.egress import Response

KEPT_HEADERS = frozenset(
    {
        "access-control-allow-credentials", "access-control-allow-origin", "content-security-policy",
        "content-security-policy-report-only", "cross-origin-opener-policy", "location", "permissions-policy",
        "referrer-policy", "server", "strict-transport-security", "via", "www-authenticate", "x-aspnet-version",
        "x-aspnetmvc-version", "x-cache", "x-content-type-options", "x-drupal-cache", "x-frame-options",
        "x-generator", "x-powered-by", "x-runtime", "x-varnish", "x-xss-protection", "cf-ray",
    }
)  # fmt: skip
MAX_HEADER = 2048
MAX_STORED_BODY = 512 * 1024
ROOT_URL = r"^https?://[^/?#]+/$"
_TEXTUAL = ("text/", "json", "xml", "javascript", "yaml")


def is_url(text: str) -> bool:
    """Whether a text can be read as a URL: its host and port are written as they must be."""
    try:
        return urlsplit(text).port != 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Site:
    """Scheme, host and port of a web server."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Site:
        """The site that a URL or a service (`https://host:443`) lies on."""
        parts = urlsplit(url)
        return cls(parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0))

    @property
    def origin(self) -> str:
        """The canonical URL of the site without a path; the scheme's own port is left out."""
        return f"{self.scheme}://{self._host}" + ("" if self._is_default else f":{self.port}")

    @property
    def root(self) -> str:
        """The URL of the site's first page."""
        return self.origin + "/"

    @property
    def service(self) -> str:
        """The site as the value of a `service` fact: the port is always named."""
        return f"{self.scheme}://{self._host}:{self.port}"

    @property
    def endpoint(self) -> str:
        """Host and port, as the value of a `port` fact."""
        return f"{self._host}:{self.port}"

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def _is_default(self) -> bool:
        return DEFAULT_PORTS.get(self.scheme) == self.port


def content_type(response: Response) -> str:
    """The media type of an answer, without parameters, in lower case."""
    return response.header("content-type").partition(";")[0].strip().lower()


def is_textual(media_type: str) -> bool:
    """Whether a body of this type is text that can be read for facts."""
    return not media_type or any(mark in media_type for mark in _TEXTUAL)


def charset(response: Response) -> str | None:
    """The character set that the answer names, if it does."""
    _, _, value = response.header("content-type").lower().partition("charset=")
    return value.strip("\"' ;") or None


def text_of(response: Response) -> str:
    """The body as text; bytes that do not fit their character set are replaced."""
    try:
        return response.body.decode(charset(response) or "utf-8", "replace")
    except LookupError:
        return response.body.decode("utf-8", "replace")


def response_attributes(response: Response, title: str, blobs: Blobs) -> dict[str, Any]:
    """What a `http_response` fact carries. A textual body is kept as a blob, cookies without their values."""
    media_type = content_type(response)
    attributes: dict[str, Any] = {
        "status": response.status,
        "title": title,
        "content_type": media_type,
        "length": len(response.body),
        "truncated": response.truncated,
        "sha256": hashlib.sha256(response.body).hexdigest(),
        "headers": kept_headers(response),
        "cookies": [without_value(cookie) for cookie in response.all_headers("set-cookie")[:20]],
    }
    if known := validators(response):
        attributes[VALIDATORS] = known
    if isinstance(response, Restored):
        attributes[UNCHANGED] = response.since
    if response.body and is_textual(media_type):
        attributes[BODY] = blobs.put(response.body[:MAX_STORED_BODY])
    return attributes


def kept_headers(response: Response) -> dict[str, str]:
    """The headers that tell something about the server, in lower case; repeated ones joined."""
    kept: dict[str, str] = {}
    for name, value in response.headers:
        key = name.lower()
        if key in KEPT_HEADERS:
            kept[key] = f"{kept[key]}, {value}"[:MAX_HEADER] if key in kept else value[:MAX_HEADER]
    return dict(sorted(kept.items()))


def without_value(cookie: str) -> str:
    """A Set-Cookie header whose value is masked: it may be a session of somebody."""
    pair, separator, attributes = cookie.partition(";")
    return f"{pair.partition('=')[0].strip()[:100]}=…{separator}{attributes[:300]}"
