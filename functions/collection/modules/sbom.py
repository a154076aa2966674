"""Software bills of materials: found where sites publish them, and read into the packages that they name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.advisories.packages import purl_of
from functions.collection.advisories.sbom import MAX_BYTES, NotAnSbom, Sbom, read_sbom
from functions.collection.module import Context, Found, Module
from functions.collection.web import Site
from kernel.egress import EgressError, Limits, Request

LIMITS = Limits(body=MAX_BYTES, total_seconds=60.0, connect_seconds=5.0)
PLACES = (".well-known/sbom", "sbom.json", "bom.json", "sbom.cdx.json", "sbom.spdx.json")


@dataclass(frozen=True, slots=True)
class Published:
    """A bill of materials, and where it lies."""

    url: str
    sbom: Sbom


class SbomReader(Module[list[Published]]):
    """Looks at the usual places of a site, and at addresses that are named like a bill of materials."""

    face = ModuleFace(
        name="sbom",
        version="1.0.0",
        summary="Reads software bills of materials (CycloneDX, SPDX) into the packages they name",
        consumes=(ObservationType.SERVICE, ObservationType.URL),
        produces=(ObservationType.FILE, ObservationType.SOFTWARE),
        matching=r"^https?://[^/]+$|(?i:(?:[/._-])(s?bom|cdx|cyclonedx|spdx)(\.cdx|\.spdx)?\.json|/\.well-known/sbom)$",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="http",
        concurrency=4,
    )

    async def get(self, observation: Observation, context: Context) -> list[Published]:
        """The bills that lie there. A document that is none is passed over, a damaged one named in the log."""
        is_site = observation.type == ObservationType.SERVICE
        root = Site.of(observation.value).root
        urls = [root + place for place in PLACES] if is_site else [observation.value]
        found = [await _fetch(url, context, quiet=is_site) for url in urls if not context.is_over]
        return [published for published in found if published]

    def transform(self, observation: Observation, raw: list[Published]) -> Iterable[Found]:
        """The document, and every package in it."""
        for published in raw:
            sbom = published.sbom
            attributes = {
                "kind": "sbom",
                "format": sbom.format,
                "subject": sbom.subject,
                "packages": len(sbom.packages),
                "without_purl": sbom.skipped,
            }
            document = Found(ObservationType.FILE, published.url, attributes)
            yield document
            for package in sbom.packages:
                attributes = {
                    "product": package.name,
                    "version": package.version,
                    "ecosystem": package.ecosystem,
                    "purl": package.purl,
                    "asset": published.url,
                }
                yield Found(ObservationType.SOFTWARE, purl_of(package), attributes, 0.95, parent=document)


async def _fetch(url: str, context: Context, *, quiet: bool) -> Published | None:
    try:
        answer = await context.session.http(Request("GET", url, verify=False), LIMITS)
    except EgressError as error:
        context.log.debug("%s: %s", url, error)
        return None
    if answer.status != 200 or answer.body.lstrip()[:1] != b"{":
        return None
    try:
        return Published(url, read_sbom(answer.body))
    except NotAnSbom as error:
        if not quiet:
            context.log.warning("%s: %s", url, error)
        return None
