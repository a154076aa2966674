"""What a site is built with, by the traces that each technology leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Context, Found, Module
from functions.collection.software import software
from functions.collection.web import ROOT_URL, Site

TRACES = Path(__file__).parents[1] / "data" / "technologies.yaml"


@dataclass(frozen=True, slots=True)
class Technology:
    """A technology and its traces."""

    name: str
    headers: dict[str, re.Pattern[str]]
    cookies: tuple[re.Pattern[str], ...]
    body: tuple[re.Pattern[str], ...]
    cpe: str
    implies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is looked at."""

    headers: dict[str, str]
    cookies: list[str]
    body: str


class TechnologyFingerprint(Module[Answer]):
    """Matches headers, cookies and the page against known traces; nothing is fetched but the stored body."""

    face = ModuleFace(
        name="technology",
        version="1.1.0",
        summary="Recognises the web servers, frameworks and products behind a site",
        consumes=(ObservationType.HTTP_RESPONSE,),
        produces=(ObservationType.TECHNOLOGY, ObservationType.SOFTWARE),
        matching=ROOT_URL,
        invasiveness=Invasiveness.PASSIVE,
        batch_size=200,
        oracle="whatweb",
    )

    async def get(self, observation: Observation, context: Context) -> Answer:
        """The stored answer."""
        attributes = observation.attributes
        body = await context.blobs.get(attributes["body"]) if attributes.get("body") else b""
        return Answer(attributes.get("headers", {}), attributes.get("cookies", []), body.decode("utf-8", "replace"))

    def transform(self, observation: Observation, raw: Answer) -> Iterable[Found]:
        """The technologies, and the software where a product is known."""
        asset = Site.of(observation.value).origin
        seen = recognise(raw)
        for name, version in sorted(seen.items()):
            traces = technologies()[name]
            attributes: dict[str, Any] = {"version": version, "asset": asset}
            found = Found(ObservationType.TECHNOLOGY, f"{name} {version}".strip(), attributes, 0.9 if version else 0.7)
            yield found
            if traces.cpe and version:
                vendor, _, product = traces.cpe.partition(":")
                yield software(vendor, product, version, asset, parent=found)
        for name, reason in sorted(implied(seen).items()):
            yield Found(ObservationType.TECHNOLOGY, name, {"version": "", "asset": asset, "implied_by": reason}, 0.7)


def recognise(answer: Answer) -> dict[str, str]:
    """Technologies that show themselves, by name with their version, or an empty one."""
    found: dict[str, str] = {}
    for technology in technologies().values():
        versions = list(_versions(technology, answer))
        if versions:
            found[technology.name] = max(versions, key=len)
    return found


def implied(seen: Iterable[str]) -> dict[str, str]:
    """Technologies that do not show themselves but that others rest on: the name, and the one that says so."""
    known = frozenset(seen)
    found: dict[str, str] = {}
    for name in sorted(known):
        for other in technologies()[name].implies:
            if other not in known:
                found.setdefault(other, name)
    return found


@cache
def technologies() -> dict[str, Technology]:
    """The known technologies by name."""
    import yaml

    entries: dict[str, dict[str, Any]] = yaml.safe_load(TRACES.read_text())
    return {name: _technology(name, entry) for name, entry in entries.items()}


def _technology(name: str, entry: dict[str, Any]) -> Technology:
    return Technology(
        name,
        {header: re.compile(pattern, re.I) for header, pattern in entry.get("headers", {}).items()},
        tuple(re.compile(pattern, re.I) for pattern in entry.get("cookies", [])),
        tuple(re.compile(pattern, re.I) for pattern in entry.get("body", [])),
        entry.get("cpe", ""),
        tuple(entry.get("implies", [])),
    )


def _versions(technology: Technology, answer: Answer) -> Iterator[str]:
    """The version that each matching trace gives; empty for one that gives none."""
    tried = [
        *(
            pattern.search(answer.headers[name])
            for name, pattern in technology.headers.items()
            if name in answer.headers
        ),
        *(pattern.search(cookie) for pattern in technology.cookies for cookie in answer.cookies),
        *(pattern.search(answer.body) for pattern in technology.body),
    ]
    for match in tried:
        if match:
            yield (match.group(1) or "") if match.groups() else ""
