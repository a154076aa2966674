"""Reads a block of HTTP requests: paths or raw requests, payloads, redirects."""

from __future__ import annotations

import re

from functions.collection.templates.judging import read_judging
from functions.collection.templates.model import HttpBlock, Payloads, RawRequest, Text
from functions.collection.templates.values import Place

MAX_REQUESTS = 5_000
"""What one block may ask for, all payloads combined."""
MAX_PAYLOADS = 5_000
MAX_REDIRECTS = 10
_KEYS = frozenset(
    {
        "method", "path", "raw", "headers", "body", "payloads", "attack", "matchers", "matchers-condition",
        "extractors", "redirects", "host-redirects", "max-redirects", "cookie-reuse", "disable-cookie",
        "stop-at-first-match", "req-condition", "threads", "max-size", "skip-variables-check", "read-all", "id", "name",
        "pipeline-requests-per-connection", "pipeline-concurrent-connections", "disable-path-automerge",
    }
)  # fmt: skip
_REFUSED = {
    "unsafe": "requests are sent as HTTP allows",
    "race": "requests are sent one after another",
    "race_count": "requests are sent one after another",
    "pipeline": "requests are sent one after another",
    "fuzzing": "requests of others are not changed",
    "analyzer": "requests of others are not changed",
    "pre-condition": "requests of others are not changed",
    "iterate-all": "the first value that was taken out is used",
    "signature": "requests are not signed",
    **dict.fromkeys(("digest-username", "digest-password"), "nobody is logged in by digest"),
    "global-matchers": "a template judges its own answers",
    "self-contained": "a template is always run against a target of the scan",
}
_METHOD = re.compile(r"[A-Z]{2,20}")
_REQUEST_LINE = re.compile(r"(?P<method>[A-Za-z]+)[ \t]+(?P<path>.*?)(?:[ \t]+HTTP/[\d.]+)?[ \t]*")
_OWN = frozenset({"content-length", "connection", "accept-encoding"})
"""Headers that belong to the client: it knows the length, and what it can decompress."""


def read_http(place: Place) -> HttpBlock:
    """A block. Raises `TemplateError`."""
    place.mapping(_KEYS, refused=_REFUSED)
    payloads = read_payloads(place)
    requests = tuple(_raw(item) for item in place.at("raw").items(100)) if place.has("raw") else _simple(place)
    if not requests:
        raise place.fault("a block needs 'path' or 'raw'")
    follows = place.at("redirects").boolean() or place.at("host-redirects").boolean()
    block = HttpBlock(
        requests,
        read_judging(place),
        payloads,
        redirects=place.at("max-redirects").number(MAX_REDIRECTS, 0, 100) if follows else 0,
        same_host=place.at("host-redirects").boolean(),
        stop_at_first_match=place.at("stop-at-first-match").boolean(),
        keeps_cookies=not place.at("disable-cookie").boolean(),
    )
    if block.size > MAX_REQUESTS:
        raise place.fault(f"the payloads combine to {block.size} requests, at most {MAX_REQUESTS}")
    return block


def _simple(place: Place) -> tuple[RawRequest, ...]:
    method = place.at("method", "GET").string(20).strip().upper()
    if not _METHOD.fullmatch(method):
        raise place.at("method").fault(f"{method!r} is not a method")
    headers: tuple[tuple[str, Text], ...] = ()
    if place.has("headers"):
        found = place.at("headers").mapping()
        headers = tuple((name, found.at(name).text()) for name in found.value if name.lower() not in _OWN)
    body = place.at("body").text() if place.has("body") else None
    paths = [item.text() for item in place.at("path").items(200)]
    return tuple(RawRequest(method, path, _checked(place.at("headers"), headers), body) for path in paths)


def _raw(place: Place) -> RawRequest:
    """A request written out. Lines that begin with `@` before it are settings of the format."""
    lines = place.string().replace("\r\n", "\n").split("\n")
    while lines and (not lines[0].strip() or lines[0].startswith("@")):
        setting = lines.pop(0).strip().lower()
        if setting.startswith(("@host", "@tls-sni")):
            raise place.unsupported(setting.partition(":")[0], "requests go to the target alone")
    match = _REQUEST_LINE.fullmatch(lines[0].strip()) if lines else None
    if match is None or not _METHOD.fullmatch(match["method"].upper()):
        raise place.fault("a raw request begins with a method and a path")
    end = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    headers = []
    for line in lines[1:end]:
        name, colon, value = line.partition(":")
        if not colon:
            raise place.fault(f"{line[:60]!r} is no header")
        if name.strip().lower() not in _OWN:
            headers.append((name.strip(), _part(place, value.strip())))
    body = "\n".join(lines[end + 1 :]).rstrip("\n")
    return RawRequest(
        match["method"].upper(),
        _part(place, match["path"]),
        _checked(place, tuple(headers)),
        _part(place, body) if body else None,
    )


def _checked(place: Place, headers: tuple[tuple[str, Text], ...]) -> tuple[tuple[str, Text], ...]:
    for name, _ in headers:
        if name.lower() == "transfer-encoding":
            raise place.unsupported("transfer-encoding", "requests are sent as HTTP allows")
    return headers


def _part(place: Place, text: str) -> Text:
    return Place(place.document, text, place.pointer).text()


def read_payloads(place: Place) -> Payloads:
    """The payloads of a block, none when it has none. Raises `TemplateError`."""
    attack = place.at("attack").choice(("batteringram", "pitchfork", "clusterbomb", "sniper"), "batteringram")
    if not place.has("payloads"):
        return Payloads("batteringram", {})
    found = place.at("payloads").mapping()
    values = {name: _list(found.at(name)) for name in found.value}
    return Payloads("batteringram" if attack == "sniper" else attack, values)


def _list(place: Place) -> tuple[str, ...]:
    if isinstance(place.value, dict):
        raise place.unsupported("payload-source", "payloads stand in the template itself")
    if isinstance(place.value, str) and "\n" not in place.value.strip():
        raise place.unsupported("payload-file", "payloads stand in the template itself")
    if isinstance(place.value, str):
        return tuple(line for line in place.value.splitlines() if line)[:MAX_PAYLOADS]
    found = tuple(item.string(16_384) for item in place.items(MAX_PAYLOADS))
    if not found:
        raise place.fault("a list of payloads is empty")
    return found
