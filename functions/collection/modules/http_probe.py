"""Web servers: is there one, over TLS or not, and what does its first page say?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port
from functions.collection.html import absolute, read_page
from functions.collection.module import Config, Context, Found, Module
from functions.collection.web import Site, response_attributes
from kernel.egress import EgressError, EgressTlsError, Response

DEFAULTS = ((80, ("http",)), (443, ("https",)))


class HttpProbeConfig(Config):
    """Where web servers are looked for on a host that is known by name alone."""

    ports: Annotated[tuple[int, ...], Field(max_length=100, description="Ports to try.")] = (80, 443, 8080, 8443)
    own_machine: Annotated[
        bool, Field(description="Also try hosts that resolve to the machine the scan runs on (loopback).")
    ] = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A web server that answered: its first page, and the digest of its icon."""

    site: Site
    response: dict[str, Any]
    location: str
    icon: str


class HttpProbe(Module[list[Answered]]):
    """Fetches the first page of a site, an open port, or a host. Certificates are not judged here."""

    face = ModuleFace(
        name="http_probe",
        version="1.0.0",
        summary="Finds web servers and reads the status, title, headers and icon of their first page",
        consumes=(ObservationType.URL, ObservationType.PORT, ObservationType.HOST, ObservationType.DOMAIN),
        produces=(ObservationType.SERVICE, ObservationType.HTTP_RESPONSE, ObservationType.URL),
        matching=r"^(https?://[^/?#]+/|[^/]+)$",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="http",
        concurrency=20,
        oracle="curl",
    )
    config = HttpProbeConfig

    async def get(self, observation: Observation, context: Context) -> list[Answered]:
        """The servers that answered."""
        if observation.type == ObservationType.URL:
            return [found for found in [await _probe(Site.of(observation.value), context)] if found]
        if observation.type == ObservationType.PORT:
            host, port = host_and_port(observation.value)
            return await _probe_port(host, port, context)
        return await _probe_host(observation.value, context)

    def transform(self, observation: Observation, raw: list[Answered]) -> Iterable[Found]:
        """The service, its first page, and where that leads."""
        for found in raw:
            attributes = {
                "protocol": found.site.scheme,
                "port": found.site.endpoint,
                "status": found.response["status"],
                "title": found.response["title"],
                "icon_sha256": found.icon,
            }
            service = Found(ObservationType.SERVICE, found.site.service, attributes)
            answer = Found(ObservationType.HTTP_RESPONSE, found.site.root, found.response, parent=service)
            yield from (service, answer)
            if observation.value != found.site.root:
                yield Found(ObservationType.URL, found.site.root, parent=service)
            if found.location:
                yield Found(ObservationType.URL, found.location, {"from": "redirect"}, parent=answer)


async def _probe_host(host: str, context: Context) -> list[Answered]:
    if not context.config.own_machine and await context.session.is_own_machine(host):
        return []
    found: list[Answered] = []
    for port in context.config.ports:
        if not context.is_over:
            found.extend(await _probe_port(host, port, context))
    return found


async def _probe_port(host: str, port: int, context: Context) -> list[Answered]:
    """TLS first, because a server that speaks both greets a plain request on a TLS port with an error page."""
    for scheme in dict(DEFAULTS).get(port, ("https", "http")):
        try:
            found = await _probe(Site(scheme, host, port), context)
        except EgressTlsError:
            continue
        except EgressError as error:
            context.log.debug("%s:%d: %s", host, port, error)
            continue
        if found:
            return [found]
    return []


async def _probe(site: Site, context: Context) -> Answered | None:
    response = await context.session.fetch(site.root)
    page = read_page(response.body, site.root)
    attributes = response_attributes(response, page.title, context.blobs)
    return Answered(site, attributes, _location(response, site), await _icon(site, context))


def _location(response: Response, site: Site) -> str:
    location = response.header("location")
    return absolute(site.root, location) if location else ""


async def _icon(site: Site, context: Context) -> str:
    """SHA-256 of /favicon.ico, by which products are told apart; empty when there is none."""
    try:
        response = await context.session.fetch(site.root + "favicon.ico")
    except EgressError:
        return ""
    return hashlib.sha256(response.body).hexdigest() if response.status == 200 and response.body else ""
