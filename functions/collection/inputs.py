"""Where a web application takes values: parameters of addresses and fields of forms, and requests that fill them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from contracts.observations import Observation, ObservationType
from kernel.egress import Request

MAX_FIELDS = 30
PLAIN_VALUE = "1"
SECRETIVE = ("csrf", "token", "nonce", "captcha", "__viewstate", "authenticity")
"""Fields that an application makes up itself: another value there is refused before anything else is looked at."""
_UNTOUCHED = frozenset({"password", "file", "submit", "button", "image", "reset", "checkbox", "radio"})
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class InputPoint:
    """One value that an application takes: `name` among the fields of a request."""

    method: str
    url: str
    fields: Pairs
    name: str

    @property
    def value(self) -> str:
        """What stands there without us."""
        return dict(self.fields).get(self.name) or PLAIN_VALUE

    @property
    def asset(self) -> str:
        """Where the weakness lies, as a finding names it: the address without its query, and the field."""
        return f"{self.url}?{self.name}"

    def request(self, value: str) -> Request:
        """The request that puts a value there."""
        pairs = [(name, value if name == self.name else (kept or PLAIN_VALUE)) for name, kept in self.fields]
        body = urlencode(pairs, errors="replace")
        if self.method == "post":
            headers = (("Content-Type", "application/x-www-form-urlencoded"),)
            return Request("POST", self.url, headers, body.encode(), verify=False)
        return Request("GET", f"{self.url}?{body}", verify=False)


def input_points(observation: Observation, *, posts: bool) -> list[InputPoint]:
    """The points of a parameter or a form; those of forms that are sent by POST only with `posts`."""
    if observation.type == ObservationType.WEB_PARAM:
        return list(_of_parameter(observation))
    return [point for point in _of_form(observation) if posts or point.method == "get"]


def _of_parameter(observation: Observation) -> Iterator[InputPoint]:
    url = str(observation.attributes.get("url") or "")
    name = str(observation.attributes.get("name") or observation.value.rpartition("?")[2])
    pairs = tuple(parse_qsl(urlsplit(url).query, keep_blank_values=True))[:MAX_FIELDS]
    if name not in dict(pairs):
        pairs = (*pairs, (name, PLAIN_VALUE))
    if not _is_secretive(name):
        yield InputPoint("get", observation.value.rpartition("?")[0], pairs, name)


def _of_form(observation: Observation) -> Iterator[InputPoint]:
    attributes = observation.attributes
    fields = [f for f in attributes.get("fields", []) if isinstance(f, dict) and f.get("name")][:MAX_FIELDS]
    parts = urlsplit(str(attributes.get("action") or attributes.get("page") or ""))
    method = "post" if attributes.get("method") == "post" else "get"
    point = InputPoint(
        method,
        urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")),
        tuple((str(field["name"]), "") for field in fields),
        "",
    )
    for field in fields:
        if field.get("type") not in _UNTOUCHED and not _is_secretive(str(field["name"])):
            yield replace(point, name=str(field["name"]))


def _is_secretive(name: str) -> bool:
    return any(word in name.lower() for word in SECRETIVE)
