"""Sites that a web server serves under names which DNS does not tell."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.html import read_page
from functions.collection.module import Config, Context, Found, Module
from functions.collection.web import Site
from kernel.egress import EgressError, Request, Response

PREFIXES = (
    "admin", "api", "app", "backend", "beta", "blog", "cms", "dashboard", "demo", "dev", "docs", "git", "grafana",
    "internal", "intranet", "jenkins", "mail", "monitor", "old", "portal", "private", "shop", "staging", "status",
    "test", "vpn", "webmail", "wiki", "www",
)  # fmt: skip


class VhostsConfig(Config):
    """Which names are tried below the domains of the scan."""

    prefixes: Annotated[tuple[str, ...], Field(max_length=10_000, description="First labels.")] = PREFIXES


@dataclass(frozen=True, slots=True)
class Look:
    """What tells one site from another: status, title, and a digest of the body with the host's name removed."""

    status: int
    title: str
    digest: str


@dataclass(frozen=True, slots=True)
class Looks:
    """What each name shows, and what names show that nobody serves."""

    usual: frozenset[Look]
    seen: dict[str, Look]


class Vhosts(Module[Looks]):
    """Sends names in the Host header (and in the TLS handshake) and looks for answers that differ."""

    face = ModuleFace(
        name="vhosts",
        version="1.0.0",
        summary="Finds virtual hosts of a web server by trying names in the Host header",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.HOST, ObservationType.SERVICE),
        matching=r"^https?://",
        invasiveness=Invasiveness.ACTIVE,
        cost_class=CostClass.MEDIUM,
        rate_group="http",
        concurrency=4,
        oracle="curl",
    )
    config = VhostsConfig

    async def get(self, observation: Observation, context: Context) -> Looks:
        """What the server shows for names that cannot exist, and for those that might."""
        site = Site.of(observation.value)
        domains = context.session.target_domains()
        if not domains:
            return Looks(frozenset(), {})
        nonsense = [
            f"{hashlib.blake2b(f'{n}{d}'.encode(), digest_size=8).hexdigest()}.{d}" for d in domains for n in "12"
        ]
        names = [name for d in domains for name in (d, *(f"{prefix}.{d}" for prefix in context.config.prefixes))]
        usual = await asyncio.gather(*(_look(site, name, context) for name in [site.host, *nonsense]))
        looks = await asyncio.gather(*(_look(site, name, context) for name in names))
        seen = {name: look for name, look in zip(names, looks, strict=True) if look}
        return Looks(frozenset(look for look in usual if look), seen)

    def transform(self, observation: Observation, raw: Looks) -> Iterable[Found]:
        """The names that show a site of their own."""
        for name, look in sorted(raw.seen.items()):
            if raw.usual and look not in raw.usual and look.status < 400:
                yield Found(ObservationType.HOST, name, {"served_by": observation.value, "title": look.title}, 0.9)


async def _look(site: Site, name: str, context: Context) -> Look | None:
    if context.is_over or context.session.prove(name) is None:
        return None
    headers = (("Host", name),)
    request = Request("GET", site.root, headers, verify=False, server_hostname=name if site.scheme == "https" else None)
    try:
        return look_of(await context.session.http(request), name)
    except EgressError as error:
        context.log.debug("%s as %s: %s", site.root, name, error)
        return None


def look_of(response: Response, name: str) -> Look:
    """An answer, freed from the name that was asked for, which many pages repeat."""
    body = re.sub(re.escape(name.encode()), b"", response.body)
    return Look(
        response.status, read_page(response.body, "http://none.invalid/").title, hashlib.sha256(body).hexdigest()
    )
