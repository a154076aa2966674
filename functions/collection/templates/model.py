"""A template as it is run: everything checked, compiled and bounded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from functions.collection.templates.expressions import Node

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
SEVERITIES = ("info", "low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True)
class Info:
    """What a template says of itself. `severity` is one of `SEVERITIES`."""

    name: str
    severity: str = "info"
    description: str = ""
    remediation: str = ""
    authors: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cve: tuple[str, ...] = ()
    cwe: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A text with expressions in it (`{{…}}`): literal parts and expressions in turn."""

    source: str
    parts: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on an answer. `values` are texts, compiled patterns, numbers, bytes or expressions by kind."""

    kind: str
    values: tuple[Any, ...]
    part: str = "body"
    needs_all: bool = False
    negative: bool = False
    ignore_case: bool = False
    name: str = ""
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Extractor:
    """Values taken from an answer. An internal one feeds later requests under its name and is not reported."""

    kind: str
    values: tuple[Any, ...]
    part: str = "body"
    group: int = 0
    name: str = ""
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Payloads:
    """Lists of values by name, and how they are combined."""

    attack: str
    values: dict[str, tuple[str, ...]]

    @property
    def size(self) -> int:
        """How many combinations there are."""
        lengths = [len(values) for values in self.values.values()]
        if not lengths:
            return 1
        if self.attack == "clusterbomb":
            total = 1
            for length in lengths:
                total *= length
            return total
        return min(lengths) if self.attack == "pitchfork" else sum(lengths)


@dataclass(frozen=True, slots=True)
class RawRequest:
    """A request as it stands in the template: a method, a path or URL, headers and a body, all with expressions."""

    method: str
    path: Text
    headers: tuple[tuple[str, Text], ...] = ()
    body: Text | None = None


@dataclass(frozen=True, slots=True)
class Judging:
    """How answers are judged: the matchers, how they combine, and what is taken out."""

    matchers: tuple[Matcher, ...] = ()
    needs_all: bool = False
    extractors: tuple[Extractor, ...] = ()


@dataclass(frozen=True, slots=True)
class HttpBlock:
    """Requests in sequence, sent for every combination of payloads. `redirects` is how many are followed."""

    requests: tuple[RawRequest, ...]
    judging: Judging
    payloads: Payloads
    redirects: int = 0
    same_host: bool = False
    stop_at_first_match: bool = False
    keeps_cookies: bool = True

    @property
    def size(self) -> int:
        """How many requests it may send."""
        return len(self.requests) * self.payloads.size

    @property
    def is_safe(self) -> bool:
        """Whether it sends only what reads."""
        return all(request.method in SAFE_METHODS for request in self.requests)


@dataclass(frozen=True, slots=True)
class DnsBlock:
    """One question, asked for every combination of payloads."""

    name: Text
    record_type: str
    record_class: str
    recursion: bool
    judging: Judging
    payloads: Payloads = field(default_factory=lambda: Payloads("batteringram", {}))
    stop_at_first_match: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A template. `flow` is a condition over its blocks (`http(1) && http(2)`), or None: then any one will do."""

    id: str
    info: Info
    http: tuple[HttpBlock, ...] = ()
    dns: tuple[DnsBlock, ...] = ()
    variables: tuple[tuple[str, Text], ...] = ()
    flow: Node | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    """`info.metadata` as it stands."""

    @property
    def is_intrusive(self) -> bool:
        """Whether it sends more than what reads, or says of itself that it disturbs."""
        return bool({"intrusive", "dos", "fuzz", "brute-force"} & set(self.info.tags)) or not all(
            block.is_safe for block in self.http
        )
