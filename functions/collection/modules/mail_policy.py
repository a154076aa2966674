"""Who may send mail in a domain's name: SPF, DKIM and DMARC."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.dns_facts import record, texts
from functions.collection.module import Config, Context, Found, Module
from functions.collection.weakness import misconfiguration
from kernel.egress import EgressError

SPF_RFC, DMARC_RFC = "https://www.rfc-editor.org/rfc/rfc7208", "https://www.rfc-editor.org/rfc/rfc7489"
DKIM_RFC = "https://www.rfc-editor.org/rfc/rfc8301"
SPF_LOOKUPS = 10
"""RFC 7208 section 4.6.4."""

SPF_MISSING = misconfiguration(
    "spf-missing", Severity.MEDIUM, "The domain does not say who may send its mail",
    "Without an SPF record, receivers cannot tell forged mail in the domain's name from real mail.",
    "Publish an SPF record that lists the sending servers and ends in -all; for a domain without mail: v=spf1 -all.",
    SPF_RFC,
)  # fmt: skip
SPF_ALLOWS_ALL = misconfiguration(
    "spf-allows-all", Severity.HIGH, "Everybody may send mail in the domain's name",
    "The SPF record ends in +all, which authorises every server on the internet.",
    "End the record in -all and list the servers that really send.", SPF_RFC,
)  # fmt: skip
SPF_NEUTRAL = misconfiguration(
    "spf-neutral", Severity.LOW, "The SPF record leaves forged mail undecided",
    "The SPF record has no final rule, or a neutral one (?all), so receivers treat unknown servers as unknown.",
    "End the record in -all (or ~all while introducing it).", SPF_RFC,
)  # fmt: skip
SPF_MULTIPLE = misconfiguration(
    "spf-multiple", Severity.MEDIUM, "The domain has several SPF records",
    "More than one SPF record is a permanent error, and receivers ignore all of them.",
    "Merge them into one record.", SPF_RFC,
)  # fmt: skip
SPF_TOO_MANY_LOOKUPS = misconfiguration(
    "spf-too-many-lookups", Severity.LOW, "The SPF record needs too many look-ups",
    "An SPF record that needs more than ten DNS look-ups is a permanent error.",
    "Replace include and a/mx terms by the networks they stand for.", SPF_RFC,
)  # fmt: skip
DMARC_MISSING = misconfiguration(
    "dmarc-missing", Severity.MEDIUM, "The domain has no DMARC policy",
    "Without DMARC, receivers are not told to refuse mail that fails SPF and DKIM, and nobody reports forgeries.",
    "Publish a DMARC record at _dmarc, first with p=none and reports, then p=quarantine and p=reject.", DMARC_RFC,
)  # fmt: skip
DMARC_NOT_ENFORCED = misconfiguration(
    "dmarc-not-enforced", Severity.LOW, "The DMARC policy only watches",
    "The DMARC policy is none, or applies to a part of the mail, so forged mail is still delivered.",
    "Move to p=quarantine, then p=reject, for all mail.", DMARC_RFC,
)  # fmt: skip
DMARC_NO_REPORTS = misconfiguration(
    "dmarc-no-reports", Severity.INFO, "Nobody receives DMARC reports",
    "The DMARC record names no address for aggregate reports, so forgeries and mistakes stay unseen.",
    "Add rua= with a mailbox that is read.", DMARC_RFC,
)  # fmt: skip
DKIM_WEAK_KEY = misconfiguration(
    "dkim-weak-key", Severity.MEDIUM, "A DKIM key is too short",
    "A DKIM key of less than 1024 bits can be computed, and mail then be signed in the domain's name.",
    "Use an RSA key of 2048 bits, or Ed25519.", DKIM_RFC,
)  # fmt: skip


class MailPolicyConfig(Config):
    """Where DKIM keys are looked for."""

    selectors: Annotated[tuple[str, ...], Field(max_length=100, description="DKIM selectors to try.")] = (
        "default", "dkim", "google", "k1", "k2", "mail", "s1", "s2", "selector1", "selector2", "smtp",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Policies:
    """The texts found: SPF and DMARC records, and DKIM records by selector."""

    spf: list[str]
    dmarc: list[str]
    dkim: dict[str, str]


class MailPolicy(Module[Policies]):
    """Reads and judges a domain's mail policies. A subdomain inherits the DMARC policy of its parent."""

    face = ModuleFace(
        name="mail_policy",
        version="1.0.0",
        summary="Audits SPF, DKIM and DMARC of a domain",
        consumes=(ObservationType.DOMAIN,),
        produces=(ObservationType.MISCONFIGURATION, ObservationType.DNS_RECORD),
        invasiveness=Invasiveness.PASSIVE,
        rate_group="dns",
        data_source="DNS",
        oracle="dig",
    )
    config = MailPolicyConfig

    async def get(self, observation: Observation, context: Context) -> Policies:
        """The domain's policies."""
        domain = observation.value
        spf = [t for t in await _texts(domain, domain, context) if re.match(r"v=spf1(\s|$)", t, re.I)]
        dkim = {}
        for selector in context.config.selectors:
            found = await _texts(f"{selector}._domainkey.{domain}", domain, context)
            keys = [text for text in found if "p=" in text]
            if keys:
                dkim[selector] = keys[0]
        return Policies(spf, await _dmarc(domain, context), dkim)

    def transform(self, observation: Observation, raw: Policies) -> Iterable[Found]:
        """The weaknesses, and the DKIM keys as records."""
        domain = observation.value
        yield from judge_spf(domain, raw.spf)
        yield from judge_dmarc(domain, raw.dmarc)
        for selector, text in raw.dkim.items():
            name = f"{selector}._domainkey.{domain}"
            yield record(name, "TXT", text)
            bits = rsa_bits(tags(text).get("p", ""))
            if bits is not None and bits < 1024:
                yield DKIM_WEAK_KEY.at(domain, {"selector": selector, "bits": bits})


def judge_spf(domain: str, found: list[str]) -> Iterator[Found]:
    """The weaknesses of a domain's SPF records."""
    if not found:
        yield SPF_MISSING.at(domain, {"question": f"{domain} TXT"})
        return
    if len(found) > 1:
        yield SPF_MULTIPLE.at(domain, {"records": found})
    terms = found[0].lower().split()[1:]
    final = next((term for term in terms if term.lstrip("+-~?") == "all"), "")
    if final in ("all", "+all"):
        yield SPF_ALLOWS_ALL.at(domain, {"record": found[0]})
    elif final == "?all" or (not final and not any(term.startswith("redirect=") for term in terms)):
        yield SPF_NEUTRAL.at(domain, {"record": found[0]})
    lookups = sum(bool(re.match(r"[+\-~?]?(include:|a\b|mx\b|ptr\b|exists:|redirect=)", term)) for term in terms)
    if lookups > SPF_LOOKUPS:
        yield SPF_TOO_MANY_LOOKUPS.at(domain, {"record": found[0], "lookups": lookups})


def judge_dmarc(domain: str, found: list[str]) -> Iterator[Found]:
    """The weaknesses of a domain's DMARC record."""
    if not found:
        yield DMARC_MISSING.at(domain, {"question": f"_dmarc.{domain} TXT"})
        return
    policy = tags(found[0])
    if policy.get("p", "none").lower() == "none" or policy.get("pct", "100") != "100":
        yield DMARC_NOT_ENFORCED.at(domain, {"record": found[0]})
    if not policy.get("rua"):
        yield DMARC_NO_REPORTS.at(domain, {"record": found[0]})


def tags(text: str) -> dict[str, str]:
    """The `name=value` tags of a DKIM or DMARC record."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def rsa_bits(key: str) -> int | None:
    """The length of a DKIM RSA key (base64 DER), or None when it is revoked, of another kind or unreadable."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        public = load_der_public_key(base64.b64decode("".join(key.split())))
    except (ValueError, binascii.Error):
        return None
    return public.key_size if isinstance(public, RSAPublicKey) else None


async def _texts(name: str, domain: str, context: Context) -> list[str]:
    return texts(await context.session.query(name, "TXT", about=domain))


async def _dmarc(domain: str, context: Context) -> list[str]:
    """The DMARC record of a domain, or of the nearest domain above it that has one (not of a top-level domain)."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = "_dmarc." + ".".join(labels[start:])
        try:
            found = [t for t in await _texts(name, domain, context) if t.lower().startswith("v=dmarc1")]
        except EgressError as error:
            if start == 0:
                raise
            # A parent that does not answer has no policy to inherit; what the domain says itself still counts.
            context.log.debug("%s: %s", name, error)
            break
        if found:
            return found
    return []
