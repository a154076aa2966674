"""Aliases that lead nowhere: whoever claims their target speaks in the owner's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Context, Found, Module
from functions.collection.weakness import vulnerability
from functions.collection.web import text_of
from kernel.egress import EgressError

CWE = "https://cwe.mitre.org/data/definitions/350.html"
DANGLING = vulnerability(
    "dangling-alias",
    Severity.HIGH,
    "An alias points to a name that does not exist",
    "The name is an alias (CNAME) of a name that does not exist. Who registers that name serves content, receives "
    "cookies and obtains certificates in the name of this host.",
    "Remove the alias, or claim its target again.",
    CWE,
)
TAKEOVER = vulnerability(
    "subdomain-takeover",
    Severity.CRITICAL,
    "The host can be taken over at its hosting service",
    "The name is an alias of a hosting service which says that nobody has claimed it there, so anybody can.",
    "Remove the alias, or claim the name at the service.",
    CWE,
)
UNCLAIMED = {
    ".s3.amazonaws.com": "NoSuchBucket",
    ".cloudfront.net": "The request could not be satisfied",
    ".github.io": "There isn't a GitHub Pages site here",
    ".herokuapp.com": "No such app",
    ".herokudns.com": "No such app",
    ".azurewebsites.net": "404 Web Site not found",
    ".pantheonsite.io": "The gods are wise",
    ".ghost.io": "Domain error",
    ".surge.sh": "project not found",
    ".bitbucket.io": "Repository not found",
    ".myshopify.com": "Sorry, this shop is currently unavailable",
    ".readthedocs.io": "unknown to Read the Docs",
    ".netlify.app": "Not Found - Request ID",
    ".fly.dev": "404 Not Found",
    ".wordpress.com": "Do you want to register",
    ".zendesk.com": "Help Center Closed",
}
"""Hosting services by the suffix of their names, and what they answer for a name that nobody claimed."""


@dataclass(frozen=True, slots=True)
class Alias:
    """Where an alias leads: its chain, whether the end exists, and what an unclaimed service said."""

    chain: list[str]
    exists: bool
    unclaimed_at: str = ""


class DanglingAlias(Module[Alias | None]):
    """Follows a name's aliases and looks at where they end."""

    face = ModuleFace(
        name="dangling_alias",
        version="1.0.0",
        summary="Finds aliases to names that do not exist and hosts that can be taken over",
        consumes=(ObservationType.DOMAIN, ObservationType.HOST),
        produces=(ObservationType.VULNERABILITY,),
        invasiveness=Invasiveness.ACTIVE,
        rate_group="dns",
        batch_size=200,
        concurrency=50,
        data_source="DNS",
        oracle="dig",
    )

    async def get(self, observation: Observation, context: Context) -> Alias | None:
        """The aliases of a name, or None when it has none."""
        name = observation.value
        answer = await context.session.query(name, "A")
        chain = answer.aliases
        if not chain:
            return None
        if answer.rcode == "NOERROR" and not answer.addresses:
            # A server that only speaks for its own zone leaves the end of the chain to us.
            answer = await context.session.query(chain[-1], "A", about=name)
        exists = answer.rcode != "NXDOMAIN"
        return Alias(chain, exists, await _unclaimed(name, chain, context) if exists else "")

    def transform(self, observation: Observation, raw: Alias | None) -> Iterable[Found]:
        """The weakness, if there is one."""
        if raw and not raw.exists:
            yield DANGLING.at(observation.value, {"chain": raw.chain})
        elif raw and raw.unclaimed_at:
            yield TAKEOVER.at(observation.value, {"chain": raw.chain, "service": raw.unclaimed_at}, confidence=0.9)


async def _unclaimed(name: str, chain: list[str], context: Context) -> str:
    """The service in the chain that disowns the name, or empty."""
    for suffix, words in UNCLAIMED.items():
        if any(alias.endswith(suffix) for alias in chain):
            try:
                response = await context.session.fetch(f"http://{name}/")
            except EgressError:
                return ""
            return suffix.lstrip(".") if words in text_of(response) else ""
    return ""
