"""DNSSEC: can a resolver prove that a domain's answers are the owner's?"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.dnssec import ROOT_ANCHORS, Chain, State, follow, weak
from functions.collection.module import Config, Context, Found, Module
from functions.collection.weakness import misconfiguration
from kernel.egress import EgressUnreachable
from kernel.egress.dns import make_question

if TYPE_CHECKING:
    from dns.message import Message

DAY = 86_400
_ANCHOR = re.compile(r"\S{1,255} \d{1,5} \d{1,3} \d{1,3} [0-9A-Fa-f]{40,128}")
GUIDE = "https://www.rfc-editor.org/rfc/rfc9364"
MISSING = misconfiguration(
    "dnssec-missing", Severity.INFO, "The domain is not signed",
    "Nothing proves that answers about the domain are the owner's, so that who gets between can send visitors and "
    "mail elsewhere.",
    "Have the zone signed, and its key's digest (DS) published by the registrar.", GUIDE,
)  # fmt: skip
ISLAND = misconfiguration(
    "dnssec-island", Severity.LOW, "The domain is signed, but its parent does not say so",
    "The zone has keys, but the parent zone has no digest (DS) of one, so that resolvers ignore the signatures.",
    "Give the digest of the key that signs keys to the registrar, or use CDS records (RFC 8078).", GUIDE,
)  # fmt: skip
EXPIRED = misconfiguration(
    "dnssec-expired", Severity.HIGH, "The domain's signatures have expired",
    "Resolvers that check signatures refuse every answer about the domain, so that many people cannot reach it.",
    "Sign the zone again, and find out why that did not happen by itself.", GUIDE,
)  # fmt: skip
BOGUS = misconfiguration(
    "dnssec-bogus", Severity.HIGH, "The domain's signatures do not hold",
    "Resolvers that check signatures refuse every answer about the domain, so that many people cannot reach it.",
    "Compare the digests (DS) at the registrar with the zone's keys, and sign the zone again.", GUIDE,
)  # fmt: skip
ENDING = misconfiguration(
    "dnssec-expires-soon", Severity.LOW, "The domain's signatures end soon",
    "When they have ended, resolvers that check signatures refuse every answer about the domain.",
    "See that the zone is signed again in time; signers usually renew a week ahead.", GUIDE,
)  # fmt: skip
WEAK = misconfiguration(
    "dnssec-weak", Severity.LOW, "The domain is signed in an outdated way",
    "Algorithms and settings that are no longer recommended protect badly, and resolvers begin to ignore them.",
    "Change to algorithm 13 (ECDSA P-256) and SHA-256 digests, and deny names without extra rounds.",
    "https://www.rfc-editor.org/rfc/rfc8624",
)  # fmt: skip
BROKEN = {State.UNSIGNED: MISSING, State.ISLAND: ISLAND, State.EXPIRED: EXPIRED, State.BOGUS: BOGUS}


def _readable(anchors: tuple[str, ...]) -> tuple[str, ...]:
    for anchor in anchors:
        if not _ANCHOR.fullmatch(anchor):
            raise ValueError(f"{anchor[:60]!r} is no trust anchor: zone, key tag, algorithm, digest type and digest")
    return anchors


class DnssecChainConfig(Config):
    """Whom to trust, and when to warn."""

    anchors: Annotated[
        tuple[str, ...],
        Field(min_length=1, max_length=20, description="Digests to begin at: `zone tag algorithm type digest`."),
        AfterValidator(_readable),
    ] = ROOT_ANCHORS
    warn_days: Annotated[float, Field(ge=0, le=60, description="Warn when signatures end within so many days.")] = 2.0


@dataclass(frozen=True, slots=True)
class Sight:
    """A chain, and whether its signatures end within the days that are worth a warning."""

    chain: Chain
    ends_soon: bool


class DnssecChain(Module[Sight]):
    """Walks the chain of trust from the anchor to the domain and checks every link."""

    face = ModuleFace(
        name="dnssec_chain",
        version="1.0.0",
        summary="Validates a domain's DNSSEC chain: missing, broken, expired or weak signatures",
        consumes=(ObservationType.DOMAIN,),
        produces=(ObservationType.MISCONFIGURATION, ObservationType.METADATA),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="dns",
        concurrency=8,
        data_source="DNS",
        oracle="delv",
    )
    config = DnssecChainConfig

    async def get(self, observation: Observation, context: Context) -> Sight:
        """The chain's verdict, and the days for which its signatures still hold. Raises `EgressError`."""

        async def ask(name: str, kind: str) -> Message:
            answer = await context.session.query(name, kind, about=observation.value, dnssec=True)
            if answer.rcode not in ("NOERROR", "NXDOMAIN"):
                raise EgressUnreachable(f"the resolver has no answer about {name} {kind}: {answer.rcode}")
            return answer.message

        make_question(observation.value, "DS")  # what is no name is refused here
        chain = await follow(observation.value, context.config.anchors, ask)
        return Sight(chain, 0 < chain.expires_at < time.time() + context.config.warn_days * DAY)

    def transform(self, observation: Observation, raw: Sight) -> Iterable[Found]:
        """The chain as it is, and its weaknesses."""
        chain = raw.chain
        if chain.state is State.UNSIGNED and chain.reason.endswith("no zone of its own"):
            return
        domain = observation.value
        evidence = {"zone": chain.at, "reason": chain.reason, "links": list(chain.links)}
        attributes = {"state": chain.state.value, "algorithms": sorted({key.algorithm for key in chain.keys})}
        fact = Found(ObservationType.METADATA, f"dnssec:{domain}", {**attributes, **evidence, "asset": domain})
        yield fact
        if chain.state in BROKEN and chain.at.rstrip(".").lower() != domain:
            return  # above the domain: a resolver that keeps signatures back looks like this, and no owner can mend it
        if chain.state in BROKEN:
            yield BROKEN[chain.state].at(domain, evidence, parent=fact)
            return
        if raw.ends_soon:
            yield ENDING.at(domain, {"ends": chain.expires_at}, parent=fact)
        if reasons := list(weak(chain)):
            yield WEAK.at(domain, {"reasons": reasons}, parent=fact)
