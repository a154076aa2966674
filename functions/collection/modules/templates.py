"""Checks written as templates: those that ship with the product, and a tenant's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Config, Context, Found, Module
from functions.collection.secret_patterns import mask, masked
from functions.collection.templates.errors import TemplateError
from functions.collection.templates.model import Template
from functions.collection.templates.parser import parse_template
from functions.collection.templates.runner import Match, Outcome, RunLimits, run
from functions.collection.templates.shipped import shipped_templates
from functions.collection.weakness import Check
from functions.collection.web import Site

MAX_OWN = 20
MAX_OWN_CHARACTERS = 16_000
AT_ONCE = 8
"""Templates under way at a time against one target; its pace is kept below them."""
CWE = "https://cwe.mitre.org/data/definitions/{}.html"
CVE = "https://nvd.nist.gov/vuln/detail/{}"
REMEDY = "Read what the template refers to, and close what it found."
_SECRETS = frozenset({"token", "tokens", "secret", "secrets", "keys", "credential", "credentials"})
_TECHNOLOGY = frozenset({"tech", "panel", "detect", "login"})
_KINDS = (("exposure", ObservationType.EXPOSURE), ("misconfig", ObservationType.MISCONFIGURATION))

OwnTemplate = Annotated[str, Field(max_length=MAX_OWN_CHARACTERS)]


class TemplatesConfig(Config):
    """Which templates run, and how far each may go."""

    own: Annotated[
        tuple[OwnTemplate, ...], Field(max_length=MAX_OWN, description="Templates of your own, as YAML.")
    ] = ()
    shipped: Annotated[bool, Field(description="Also run the templates that ship with the product.")] = True
    intrusive: Annotated[
        bool, Field(description="Also run templates that send more than what reads (POST, PUT, DELETE …).")
    ] = False
    tags: Annotated[tuple[str, ...], Field(max_length=50, description="Only templates with one of these tags.")] = ()
    exclude: Annotated[tuple[str, ...], Field(max_length=500, description="Ids of templates that do not run.")] = ()
    max_requests: Annotated[int, Field(ge=1, le=5_000, description="Requests of one template to one target.")] = 200
    max_seconds: Annotated[float, Field(ge=1, le=100, description="Seconds of one template at one target.")] = 30.0
    target_seconds: Annotated[float, Field(ge=1, le=110, description="Seconds of all templates at one target.")] = 90.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A template that agreed, and where."""

    template: Template
    matches: tuple[Match, ...]


class Templates(Module[list[Hit]]):
    """Runs every chosen template that fits: HTTP blocks against sites, DNS blocks against names."""

    face = ModuleFace(
        name="templates",
        version="1.1.0",
        summary="Runs checks written as templates (the HTTP and DNS subset of the Nuclei format)",
        consumes=(ObservationType.SERVICE, ObservationType.DOMAIN),
        produces=(
            ObservationType.VULNERABILITY,
            ObservationType.MISCONFIGURATION,
            ObservationType.EXPOSURE,
            ObservationType.TECHNOLOGY,
        ),
        matching=r"^(https?://.+|[^/:]+)$",
        invasiveness=Invasiveness.ACTIVE,
        cost_class=CostClass.MEDIUM,
        rate_group="http",
        concurrency=4,
    )
    config = TemplatesConfig

    async def get(self, observation: Observation, context: Context) -> list[Hit]:
        """The templates that agreed. What was left out stands in the scan's log."""
        is_site = "://" in observation.value
        target = Site.of(observation.value).root if is_site else observation.value
        waiting = [t for t in self.chosen(context) if (t.http if is_site else t.dns and not t.http)]
        slots, until = asyncio.Semaphore(AT_ONCE), time.monotonic() + context.config.target_seconds
        outcomes = await asyncio.gather(*(_run(template, target, context, slots, until) for template in waiting))
        if None in outcomes and not context.is_over:
            context.log.warning("%s is slow: %d templates were left out", target, outcomes.count(None))
        return [
            Hit(template, tuple(outcome.matches))
            for template, outcome in zip(waiting, outcomes, strict=True)
            if outcome is not None and outcome.matches
        ]

    def chosen(self, context: Context) -> Iterator[Template]:
        """The templates to run."""
        return chosen(context)

    def transform(self, observation: Observation, raw: list[Hit]) -> Iterable[Found]:
        """A weakness or a technology for each."""
        asset = Site.of(observation.value).origin if "://" in observation.value else observation.value
        for hit in raw:
            yield fact(hit, asset)


def chosen(context: Context) -> Iterator[Template]:
    """The templates that the configuration asks for; one that cannot be read is named in the log."""
    config: TemplatesConfig = context.config
    templates = list(shipped_templates()) if config.shipped else []
    for text in config.own:
        try:
            templates.append(_parsed(text))
        except TemplateError as error:
            context.log.warning("a template of your own was left out: %s", error)
    for template in {template.id: template for template in templates}.values():
        if template.id in config.exclude or (config.tags and not set(config.tags) & set(template.info.tags)):
            continue
        if template.is_intrusive and not config.intrusive:
            context.log.info("the template %s was left out: it is intrusive", template.id)
            continue
        yield template


@lru_cache(maxsize=256)
def _parsed(text: str) -> Template:
    return parse_template(text)


async def _run(
    template: Template, target: str, context: Context, slots: asyncio.Semaphore, until: float
) -> Outcome | None:
    """A run that ends by `until`, or None when there is no time left to begin it."""
    async with slots:
        left = until - time.monotonic()
        if context.is_over or left <= 0:
            return None
        limits = RunLimits(context.config.max_requests, min(context.config.max_seconds, left))
        outcome = await run(template, target, context.session, limits)
    for note in outcome.notes:
        context.log.warning("template %s: %s", template.id, note)
    return outcome


def fact(hit: Hit, asset: str) -> Found:
    """What a template that agreed says about an asset: a technology where it only recognises, else a weakness."""
    info = hit.template.info
    evidence = {
        "template": hit.template.id,
        "matched": [_clean(match.at) for match in hit.matches],
        "matchers": sorted({name for match in hit.matches for name in match.names}),
        "extracted": [_told(text, hit.template)[:300] for match in hit.matches for text in match.extracted][:20],
        "payloads": [[_clean(value)[:300] for _, value in match.payloads] for match in hit.matches if match.payloads],
    }
    if info.severity == "info" and _TECHNOLOGY & set(info.tags):
        return Found(ObservationType.TECHNOLOGY, info.name, {"asset": asset, "version": "", **evidence}, 0.8)
    return check_of(hit.template).at(asset, evidence, confidence=0.9)


def check_of(template: Template) -> Check:
    """The weakness that a template looks for."""
    info = template.info
    kind = next((kind for tag, kind in _KINDS if tag in info.tags), ObservationType.VULNERABILITY)
    if info.severity == "info" and kind is ObservationType.VULNERABILITY:
        kind = ObservationType.MISCONFIGURATION
    references = (
        *(CVE.format(cve.upper()) for cve in info.cve),
        *(CWE.format(cwe.upper().removeprefix("CWE-")) for cwe in info.cwe),
        *info.references,
    )
    return Check(
        f"template-{template.id.lower()}",
        kind,
        Severity(info.severity),
        info.name,
        info.description or info.name,
        info.remediation or REMEDY,
        tuple(dict.fromkeys(references))[:10],
    )


def checks() -> list[Check]:
    """The weaknesses that the shipped templates look for."""
    return [check_of(template) for template in shipped_templates() if template.info.severity != "info"]


def _told(text: str, template: Template) -> str:
    """A value that was taken out, without the secrets in it; of a template that looks for secrets it is one itself."""
    return mask(_clean(text)) if _SECRETS & set(template.info.tags) else masked(_clean(text))


def _clean(text: Any) -> str:
    return str(text).encode("utf-8", "replace").decode()
