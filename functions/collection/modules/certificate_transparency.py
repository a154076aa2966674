"""Names in certificates that were logged (RFC 9162): hosts that DNS does not list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType, canonical_host
from functions.collection.module import Context, Found, Module
from functions.collection.providers import FeedConfig, Url, ask_quietly, items, text

MAX_NAMES = 5_000


class CertificateTransparencyConfig(FeedConfig):
    """Where logged certificates are searched."""

    base_url: Annotated[Url, Field(description="A search that answers as crt.sh does.")] = "https://crt.sh"
    expired: Annotated[bool, Field(description="Also take names from certificates that have expired.")] = False


class CertificateTransparency(Module[list[dict[str, Any]]]):
    """Searches the logs for certificates of a domain and of all names below it."""

    face = ModuleFace(
        name="certificate_transparency",
        version="1.0.0",
        summary="Finds hosts by the certificates that were logged for a domain",
        consumes=(ObservationType.DOMAIN,),
        produces=(ObservationType.HOST,),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="provider-crtsh",
        rate_per_second=0.5,
        concurrency=1,
        licence="public logs; crt.sh asks for considerate use",
        data_source="crt.sh (Sectigo), a search over the public certificate transparency logs",
    )
    config = CertificateTransparencyConfig

    async def get(self, observation: Observation, context: Context) -> list[dict[str, Any]]:
        """The logged certificates; none when switched off."""
        if not context.config.enabled:
            return []
        query = f"/?q={quote('%.' + observation.value)}&output=json" + (
            "" if context.config.expired else "&exclude=expired"
        )
        return items(await ask_quietly(context, context.config.base_url, query, about=observation.value), 100_000)

    def transform(self, observation: Observation, raw: list[dict[str, Any]]) -> Iterable[Found]:
        """Each name once, with the newest certificate that names it. A wildcard stands for the name below it."""
        newest: dict[str, dict[str, Any]] = {}
        for entry in raw:
            for line in text(entry.get("name_value"), 20_000).splitlines():
                name = canonical_host(line.removeprefix("*."))
                if name.endswith(f".{observation.value}") and " " not in name and "@" not in name:
                    kept = newest.setdefault(name, entry)
                    if text(entry.get("not_before")) > text(kept.get("not_before")):
                        newest[name] = entry
        for name, entry in sorted(newest.items())[:MAX_NAMES]:
            attributes = {
                "from": "certificate",
                "issuer": text(entry.get("issuer_name")),
                "not_before": text(entry.get("not_before")),
                "not_after": text(entry.get("not_after")),
            }
            yield Found(ObservationType.HOST, name, attributes, 0.7)
