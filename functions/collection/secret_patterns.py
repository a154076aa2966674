"""Secrets in text: found by their form, kept as a fingerprint and a mask. The secret itself is never stored."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from contracts.observations import ObservationType
from functions.collection.module import Found

MAX_SECRETS = 50
MIN_ENTROPY = 3.0
"""Bits per character; words and placeholders lie below."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of secret: its form (the group `secret`, or the whole match) and whether chance must be ruled out."""

    name: str
    pattern: re.Pattern[str]
    is_vague: bool = False


KINDS = (
    Kind("aws-access-key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    Kind("github-token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,})\b")),
    Kind("gitlab-token", re.compile(r"\bglpat-[\w-]{20,}")),
    Kind("slack-token", re.compile(r"\bxox[abprs]-[\w-]{10,}")),
    Kind("stripe-key", re.compile(r"\b[rs]k_(?:live|test)_[0-9A-Za-z]{16,}")),
    Kind("google-api-key", re.compile(r"\bAIza[\w-]{35}")),
    Kind("sendgrid-key", re.compile(r"\bSG\.[\w-]{20,}\.[\w-]{20,}")),
    Kind("json-web-token", re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
    Kind("private-key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    Kind("url-password", re.compile(r"\b[a-z][a-z0-9+]{2,20}://[^\s:/@]{1,64}:(?P<secret>[^\s:/@\"'<>]{6,64})@")),
    Kind(
        "assigned-secret",
        re.compile(
            r"(?im)^[\t ]*(?:export )?[\w.]{0,40}(?:password|passwd|secret|api_?key|token|private_key)[\w.]{0,20}"
            r"[\t ]*[=:][\t ]*[\"']?(?P<secret>[^\s\"'<>{}$]{8,128})"
        ),
        is_vague=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A secret that was seen: enough to find it again, not enough to use it."""

    kind: str
    mask: str
    fingerprint: str


def secrets_in(text: str) -> Iterator[Sighting]:
    """The secrets in a text, each once, in order of kinds."""
    seen: set[str] = set()
    for kind in KINDS:
        for match in kind.pattern.finditer(text):
            secret = match.group("secret") if "secret" in kind.pattern.groupindex else match.group()
            if secret in seen or (kind.is_vague and entropy(secret) < MIN_ENTROPY):
                continue
            seen.add(secret)
            yield Sighting(kind.name, mask(secret), hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()[:16])
            if len(seen) >= MAX_SECRETS:
                return


def masked(text: str) -> str:
    """A text in which every secret is replaced by its mask."""

    def replace(match: re.Match[str]) -> str:
        secret = match.group("secret") if "secret" in match.re.groupindex else match.group()
        return match.group().replace(secret, mask(secret))

    for kind in KINDS:
        text = kind.pattern.sub(replace, text)
    return text


def secret_fact(sighting: Sighting, url: str, *, parent: Found | None = None) -> Found:
    """A `secret` fact."""
    attributes = {"kind": sighting.kind, "mask": sighting.mask, "asset": url}
    return Found(ObservationType.SECRET, f"{sighting.kind}:{sighting.fingerprint}", attributes, 0.8, parent=parent)


def mask(secret: str) -> str:
    """At most the first four characters, and never more than a quarter."""
    return secret[: min(4, len(secret) // 4)] + "…" + f"({len(secret)} characters)"


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())
