"""How sure we are of a fact: independent sources add up, a source that repeats itself does not, and time tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple


class HalfLife(NamedTuple):
    """Days after which a fact is half as sure as when it was last seen, and why."""

    days: float
    why: str


HALF_LIVES: Final[Mapping[str, HalfLife]] = {
    "asn": HalfLife(730, "Address blocks change hands rarely."),
    "banner": HalfLife(30, "A greeting changes with every update."),
    "certificate": HalfLife(90, "Public certificates are renewed about every ninety days."),
    "cidr": HalfLife(365, "Networks are renumbered rarely."),
    "cloud_resource": HalfLife(14, "What is rented by the hour comes and goes."),
    "dns_record": HalfLife(30, "Records live for hours to months."),
    "domain": HalfLife(365, "A registration lasts a year or more."),
    "email": HalfLife(365, "People change their posts about every few years."),
    "exposure": HalfLife(14, "What lies open is closed when it is noticed."),
    "file": HalfLife(90, "Published files are replaced with the site."),
    "host": HalfLife(90, "Names outlive machines, and deployments last months."),
    "http_response": HalfLife(14, "Pages change weekly."),
    "ip": HalfLife(60, "Addresses in clouds are given to others within weeks."),
    "mail_server": HalfLife(180, "Mail is moved rarely."),
    "metadata": HalfLife(180, "It changes with the file that carries it."),
    "misconfiguration": HalfLife(30, "It is mended, or comes back, with deployments."),
    "organisation": HalfLife(730, "Firms keep their names for years."),
    "person": HalfLife(730, "Whom a source names stays that person, and may leave."),
    "phone": HalfLife(365, "Numbers are handed on after a year or two."),
    "port": HalfLife(30, "Services are opened and closed within weeks."),
    "secret": HalfLife(14, "A leaked secret is changed as soon as it is known."),
    "service": HalfLife(30, "It stands and falls with its port."),
    "software": HalfLife(60, "Updates come monthly or two-monthly."),
    "technology": HalfLife(60, "Sites are rebuilt more rarely than edited."),
    "tls_config": HalfLife(60, "It changes with the server's updates."),
    "url": HalfLife(30, "Links rot within months."),
    "username": HalfLife(365, "Accounts stay while people do."),
    "vulnerability": HalfLife(60, "Half of them are mended in about two months."),
    "web_form": HalfLife(30, "Forms change with their site."),
    "web_param": HalfLife(30, "Parameters change with their site."),
}
"""How fast each type of fact ages. These are judgements, to be replaced by what is measured."""

DEFAULT_HALF_LIFE: Final = HalfLife(90.0, "Nothing is known of this type.")
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
    half_life = HALF_LIVES.get(type_, DEFAULT_HALF_LIFE).days
    return float(confidence * 2.0 ** (-max(0.0, age) / half_life))


def current_millis(type_: str, words: Iterable[tuple[float, int]], now: int) -> float:
    """The noisy-or of what age has left of several words (confidence, milliseconds since 1970) about something of a
    type."""
    half_life = HALF_LIVES.get(type_, DEFAULT_HALF_LIFE).days * _SECONDS_PER_DAY * 1000
    return noisy_or(confidence * 2.0 ** (-max(0, now - at) / half_life) for confidence, at in words)


def explain(sources: Mapping[str, float]) -> str:
    """A confidence in words: which sources there are, what each is worth, and what they come to."""
    if not sources:
        return "No source has reported this."
    parts = ", ".join(f"{name} {confidence:.0%}" for name, confidence in sorted(sources.items()))
    if len(sources) == 1:
        return f"Reported by {parts}."
    return f"Reported by {len(sources)} independent sources ({parts}); together {noisy_or(sources.values()):.0%}."


def explain_now(type_: str, words: Mapping[str, tuple[float, str]], now: str) -> str:
    """A confidence at an instant in words: what each source (confidence, when) said, what age has left of it, and what
    they come to."""
    if not words:
        return "No source has reported this."
    half_life = HALF_LIVES.get(type_, DEFAULT_HALF_LIFE)
    left = {name: decayed(confidence, type_, at, now) for name, (confidence, at) in words.items()}
    told = ", ".join(
        f"{name} {words[name][0]:.0%} on {words[name][1][:10]}, now {left[name]:.0%}" for name in sorted(left)
    )
    together = f"; together {noisy_or(left.values()):.0%}" if len(left) > 1 else ""
    sources = f"{len(left)} independent sources" if len(left) > 1 else "one source"
    ageing = f"Facts of this type are half as sure after {half_life.days:g} days: {half_life.why}"
    return f"Reported by {sources} ({told}){together}. {ageing}"
