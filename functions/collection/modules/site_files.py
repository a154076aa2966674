"""The files in which a site speaks to machines: robots.txt, sitemaps, security.txt."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.html import absolute
from functions.collection.module import Config, Context, Found, Module
from functions.collection.weakness import misconfiguration
from functions.collection.web import Site, text_of
from kernel.egress import EgressError

NO_SECURITY_TXT = misconfiguration(
    "security-txt-missing",
    Severity.INFO,
    "The site does not say where to report flaws",
    "There is no /.well-known/security.txt, so people who find a flaw do not know whom to tell.",
    "Publish a security.txt with a contact and an expiry date.",
    "https://www.rfc-editor.org/rfc/rfc9116",
)
_LOCATION = re.compile(r"<loc>\s*([^<\s]{1,2000})\s*</loc>", re.I)
_EMAIL = re.compile(r"mailto:([^\s?]{3,254})", re.I)


class SiteFilesConfig(Config):
    """How much is read."""

    max_sitemaps: Annotated[int, Field(ge=0, le=100, description="Sitemaps read per site.")] = 10
    max_urls: Annotated[int, Field(ge=0, le=50_000, description="URLs taken per site.")] = 5_000


@dataclass(frozen=True, slots=True)
class Files:
    """What the files held: texts, and the URLs that the sitemaps list."""

    root: str
    robots: str = ""
    security: str | None = None
    listed: list[str] = field(default_factory=list)


class SiteFiles(Module[Files]):
    """Reads the files. Sitemaps are searched for addresses as text, so no XML trick does any harm."""

    face = ModuleFace(
        name="site_files",
        version="1.0.0",
        summary="Reads robots.txt, sitemaps and security.txt of a site",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.URL, ObservationType.EMAIL, ObservationType.MISCONFIGURATION),
        matching=r"^https?://",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="http",
        oracle="urllib.robotparser",
    )
    config = SiteFilesConfig

    async def get(self, observation: Observation, context: Context) -> Files:
        """The files. Raises `EgressError` when the site does not answer."""
        root = Site.of(observation.value).root
        robots = await _read(root + "robots.txt", context) or ""
        security = await _read(root + ".well-known/security.txt", context)
        if security is not None and not re.search(r"^contact:", security, re.I | re.M):
            security = None
        sitemaps = [absolute(root, value) for value in directives(robots, "sitemap")] or [root + "sitemap.xml"]
        return Files(root, robots, security, await _listed(sitemaps, context))

    def transform(self, observation: Observation, raw: Files) -> Iterable[Found]:
        """URLs, contacts, and whether security.txt is missing."""
        paths = [value for name in ("allow", "disallow") for value in directives(raw.robots, name)]
        for path in dict.fromkeys(paths):
            if "*" not in path and "$" not in path and (url := absolute(raw.root, path)):
                yield Found(ObservationType.URL, url, {"from": "robots.txt"})
        for url in raw.listed:
            yield Found(ObservationType.URL, url, {"from": "sitemap"})
        for address in _EMAIL.findall(raw.security or ""):
            yield Found(ObservationType.EMAIL, address, {"from": "security.txt"})
        if raw.security is None:
            yield NO_SECURITY_TXT.at(raw.root.rstrip("/"), {"url": raw.root + ".well-known/security.txt"})


def directives(robots: str, name: str) -> Iterator[str]:
    """The values of one directive in a robots.txt (RFC 9309), comments removed."""
    for line in robots.splitlines():
        key, _, value = line.partition("#")[0].partition(":")
        if key.strip().lower() == name and value.strip():
            yield value.strip()


async def _read(url: str, context: Context) -> str | None:
    """A text file, or None when there is none (a page of HTML in its place is none)."""
    response = await context.session.fetch(url)
    text = text_of(response)
    is_page = text.lstrip()[:15].lower().startswith(("<!doctype html", "<html"))
    return text if response.status == 200 and not is_page else None


async def _listed(sitemaps: list[str], context: Context) -> list[str]:
    """The URLs of the sitemaps and of the sitemaps that they name, in order."""
    waiting, seen = list(sitemaps), set(sitemaps)
    urls: dict[str, None] = {}
    for _ in range(context.config.max_sitemaps):
        if not waiting or context.is_over:
            break
        text = await _sitemap(waiting.pop(0), context)
        found = [absolute(url, url) for url in map(html.unescape, _LOCATION.findall(text))]
        if "<sitemapindex" in text:
            waiting.extend(url for url in found if url not in seen)
            seen.update(found)
        else:
            urls.update(dict.fromkeys(url for url in found if url))
    return list(urls)[: context.config.max_urls]


async def _sitemap(url: str, context: Context) -> str:
    if context.session.prove(Site.of(url).host) is None:
        return ""
    try:
        return await _read(url, context) or ""
    except EgressError:
        return ""
