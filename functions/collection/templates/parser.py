"""Reads a template: the HTTP and DNS subset of the Nuclei format. What the subset leaves out is refused by name."""

from __future__ import annotations

import re

from functions.collection.templates.errors import TemplateError
from functions.collection.templates.expressions import Node, parse_expression
from functions.collection.templates.http_blocks import read_http, read_payloads
from functions.collection.templates.judging import read_judging
from functions.collection.templates.model import SEVERITIES, DnsBlock, HttpBlock, Info, Template, Text
from functions.collection.templates.reading import read_document
from functions.collection.templates.values import Place

MAX_BLOCKS = 20
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,127}")
_OTHER_PROTOCOLS = {
    "tcp": "only HTTP and DNS are spoken", "network": "only HTTP and DNS are spoken",
    "ssl": "only HTTP and DNS are spoken", "websocket": "only HTTP and DNS are spoken",
    "whois": "only HTTP and DNS are spoken", "file": "only HTTP and DNS are spoken",
    "headless": "no browser travels with the product", "code": "templates run no programs",
    "javascript": "templates run no programs", "workflows": "templates stand alone",
    "self-contained": "a template is always run against a target of the scan",
    "signature": "requests are not signed",
}  # fmt: skip
_TEMPLATE_KEYS = frozenset(
    {"id", "info", "variables", "constants", "http", "requests", "dns", "flow", "stop-at-first-match"}
)
_DNS_KEYS = frozenset(
    {
        "name", "type", "class", "recursion", "retries", "matchers", "matchers-condition", "extractors", "id",
        "stop-at-first-match", "trace-max-recursion", "payloads", "attack", "threads",
    }
)  # fmt: skip
_DNS_REFUSED = {
    "trace": "the question goes to the deployment's resolvers",
    "resolvers": "the question goes to the deployment's resolvers",
}
_RECORD_TYPES = frozenset(
    (
        "a", "aaaa", "any", "caa", "cds", "cname", "dname", "dnskey", "ds", "hinfo", "https", "loc", "mx", "naptr",
        "ns", "nsec", "ptr", "rp", "soa", "spf", "srv", "sshfp", "svcb", "tlsa", "txt",
    )
)  # fmt: skip
MAX_QUESTIONS = 500


def parse_template(text: str) -> Template:
    """A template from its YAML. Raises `TemplateError` (`Unsupported` for what the subset leaves out) with the JSON
    Pointer and the line of what is wrong."""
    root = Place(read_document(text), None)
    root = Place(root.document, root.document.value)
    root.mapping(_TEMPLATE_KEYS, refused=_OTHER_PROTOCOLS)
    identifier = root.at("id").string(128)
    if not _ID.fullmatch(identifier):
        raise root.at("id").fault("an id has letters, digits, points, dashes and underscores")
    info = _info(root.at("info"))
    http, dns = _http_blocks(root), tuple(_dns(place) for place in root.at("dns").items(MAX_BLOCKS))
    if not http and not dns:
        raise root.fault("the template has neither 'http' nor 'dns'")
    metadata = root.at("info").at("metadata")
    return Template(
        identifier,
        info,
        http,
        dns,
        _variables(root),
        _flow(root, len(http), len(dns)),
        metadata.value if isinstance(metadata.value, dict) else {},
    )


def _info(place: Place) -> Info:
    place.mapping()
    classification = place.at("classification")
    found = classification if isinstance(classification.value, dict) else Place(place.document, {}, place.pointer)
    severity = place.at("severity").choice((*SEVERITIES, "unknown", "none"), "info")
    return Info(
        name=place.at("name").string(300),
        severity=severity if severity in SEVERITIES else "info",
        description=place.at("description", "").string(5000).strip(),
        remediation=place.at("remediation", "").string(5000).strip(),
        authors=_words(place.at("author")),
        references=_words(place.at("reference"), separator=None),
        tags=tuple(word.lower() for word in _words(place.at("tags"))),
        cve=_words(found.at("cve-id")),
        cwe=_words(found.at("cwe-id")),
    )


def _words(place: Place, separator: str | None = ",") -> tuple[str, ...]:
    items = [item.string(2000) for item in place.items(200)]
    parts = [part.strip() for item in items for part in (item.split(separator) if separator else [item])]
    return tuple(dict.fromkeys(part for part in parts if part))


def _variables(root: Place) -> tuple[tuple[str, Text], ...]:
    found: list[tuple[str, Text]] = []
    for key in ("constants", "variables"):
        if root.has(key):
            place = root.at(key).mapping()
            found += [(name, place.at(name).text()) for name in place.value]
    return tuple(found)


def _http_blocks(root: Place) -> tuple[HttpBlock, ...]:
    key = "http" if root.has("http") else "requests"
    return tuple(read_http(place) for place in root.at(key).items(MAX_BLOCKS))


def _dns(place: Place) -> DnsBlock:
    place.mapping(_DNS_KEYS, refused=_DNS_REFUSED)
    record_class = place.at("class").choice(("inet", "in", "chaos", "csnet", "hesiod", "none", "any"), "inet")
    if record_class not in ("inet", "in"):
        raise place.at("class").unsupported("dns-class", "questions are asked in the class of the internet")
    record_type = place.at("type").string(20).lower() if place.has("type") else "a"
    if record_type in ("axfr", "ixfr"):
        raise place.at("type").unsupported(record_type, "zones are asked for by a module of their own")
    block = DnsBlock(
        place.at("name").text(),
        place.at("type").choice(_RECORD_TYPES, "a").upper(),
        "IN",
        place.at("recursion").boolean(True),
        read_judging(place),
        read_payloads(place),
        place.at("stop-at-first-match").boolean(),
    )
    if block.payloads.size > MAX_QUESTIONS:
        raise place.fault(f"the payloads combine to {block.payloads.size} questions, at most {MAX_QUESTIONS}")
    return block


def _flow(root: Place, http: int, dns: int) -> Node | None:
    """A condition over the blocks by number; programs are refused."""
    if not root.has("flow"):
        return None
    place = root.at("flow")
    counts = {"http": http, "dns": dns}
    try:
        node = parse_expression(place.string().strip().rstrip(";"))
    except TemplateError:
        raise place.unsupported("flow", "only conditions such as `http(1) && http(2)` are followed") from None
    for part in node.walk():
        if part.kind == "call":
            numbers = [item.value for item in part.parts]
            if part.value not in counts or not all(item.kind == "literal" for item in part.parts):
                raise place.unsupported("flow", "only conditions such as `http(1) && http(2)` are followed")
            if not all(isinstance(number, int) and 1 <= number <= counts[part.value] for number in numbers):
                raise place.fault(f"there is no block {part.value}({', '.join(map(str, numbers))})")
        elif part.kind not in ("&&", "||", "not", "literal"):
            raise place.unsupported("flow", "only conditions such as `http(1) && http(2)` are followed")
    return node
