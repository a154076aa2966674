"""How sure we are of a fact: independent sources add up, a source that repeats itself does not, and time tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

HALF_LIFE_DAYS: Final[Mapping[str, float]] = {
    "banner": 30,
    "certificate": 90,
    "dns_record": 30,
    "domain": 365,
    "email": 365,
    "host": 90,
    "http_response": 14,
    "ip": 60,
    "misconfiguration": 30,
    "exposure": 14,
    "organisation": 730,
    "person": 730,
    "phone": 365,
    "port": 30,
    "service": 30,
    "software": 60,
    "technology": 60,
    "tls_config": 60,
    "url": 30,
    "vulnerability": 60,
}
"""Days after which a fact of a type is half as sure as when it was last seen."""

DEFAULT_HALF_LIFE_DAYS: Final = 90.0
_SECONDS_PER_DAY: Final = 86_400.0


def noisy_or(confidences: Iterable[float]) -> float:
    """The probability that at least one of several independent sources is right: 1 - Π(1 - c).

    Each confidence lies in 0..1 (values outside are clipped), and so does the result; no source gives 0.
    Source: Pearl, Probabilistic Reasoning in Intelligent Systems (1988), section 4.3.2.
    """
    doubt = 1.0
    for confidence in confidences:
        doubt *= 1.0 - min(1.0, max(0.0, confidence))
    return 1.0 - doubt


def decayed(confidence: float, type_: str, last_seen: str, now: str) -> float:
    """A confidence as it stands at `now`, both times RFC 3339: c · 2^(-age / half-life of the type)."""
    age = (datetime.fromisoformat(now) - datetime.fromisoformat(last_seen)).total_seconds() / _SECONDS_PER_DAY
    half_life = HALF_LIFE_DAYS.get(type_, DEFAULT_HALF_LIFE_DAYS)
    return float(confidence * 2.0 ** (-max(0.0, age) / half_life))


def explain(sources: Mapping[str, float]) -> str:
    """A confidence in words: which sources there are, what each is worth, and what they come to."""
    if not sources:
        return "No source has reported this."
    parts = ", ".join(f"{name} {confidence:.0%}" for name, confidence in sorted(sources.items()))
    if len(sources) == 1:
        return f"Reported by {parts}."
    return f"Reported by {len(sources)} independent sources ({parts}); together {noisy_or(sources.values()):.0%}."
