"""The report's own sentences, computed from its data."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from functions.reports.model import SEVERITIES, FindingGroup, ReportData, counts_by_severity, grouped

RATINGS = {
    "critical": "Critical",
    "high": "High",
    "medium": "Moderate",
    "low": "Low",
    "info": "Good",
}
"""The overall rating, by the gravest severity that was found."""

VERDICTS = {
    "critical": "At least one weakness lets an attacker in, or data out, with little effort. It needs attention today.",
    "high": "Serious weaknesses are open to anyone who looks for them. They should be closed within days.",
    "medium": "There is no open door, but there are weaknesses that an attacker can combine. Plan their repair now.",
    "low": "Only minor weaknesses were found. They are worth closing in the course of ordinary maintenance.",
    "info": "No weakness of note was found within the scope of this assessment.",
}

MEANINGS = {
    "critical": "Can be used as it stands, with severe effect. Act at once.",
    "high": "Can be used with moderate effort, or has a severe effect. Act within days.",
    "medium": "Helps an attacker together with something else. Act within weeks.",
    "low": "Of limited effect. Act in the course of maintenance.",
    "info": "No weakness in itself, but worth knowing.",
}


def worst_severity(data: ReportData) -> str:
    """The gravest severity among the findings, `info` when there is none."""
    counts = counts_by_severity(data.findings)
    return next((severity for severity in SEVERITIES if counts[severity]), "info")


def summary(data: ReportData) -> list[str]:
    """The executive summary as paragraphs."""
    return [paragraph for paragraph in (_what(data), _found(data), _where(data), _change(data)) if paragraph]


def _what(data: ReportData) -> str:
    scan = data.scan
    targets = listed(list(scan.targets), 3)
    observations = f"{scan.observations:,} observations about {scan.entities:,} entities"
    return (
        f"Palisade assessed {targets} for {data.client} {_period(scan.started_at, scan.finished_at)}. "
        f"{plural(len(data.modules), 'module')} gathered {observations}."
    )


def _found(data: ReportData) -> str:
    verdict = VERDICTS[worst_severity(data)]
    if not data.findings:
        return f"No findings were recorded. {verdict}"
    if len(data.findings) == 1:
        return f"One finding was recorded, of {worst_severity(data)} severity. {verdict}"
    kinds = len(grouped(data.findings))
    counts = counts_by_severity(data.findings)
    split = listed([f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity]], len(SEVERITIES))
    distinct = "" if kinds == len(data.findings) else f", of {plural(kinds, 'distinct kind')}"
    return f"{plural(len(data.findings), 'finding')} were recorded{distinct}: {split}. {verdict}"


def _where(data: ReportData) -> str:
    if len(data.findings) < 2:
        return ""
    assets = Counter(finding.asset for finding in data.findings)
    (asset, most), *rest = assets.most_common()
    if not rest:
        return f"All of them concern {asset}."
    if most == 1:
        return f"They are spread over {len(assets)} assets, one on each."
    return f"They concern {len(assets)} assets; the most ({most}) lie on {asset}."


def _change(data: ReportData) -> str:
    new = [f for f in data.findings if data.scan.started_at and f.first_seen >= data.scan.started_at]
    known = len(data.findings) - len(new)
    if not new or not known:
        return ""
    were = "was" if known == 1 else "were"
    return f"{plural(len(new), 'finding').capitalize()} were not known before this scan; {known} {were}."


def first_steps(groups: list[FindingGroup], limit: int = 5) -> list[FindingGroup]:
    """What to repair first: the gravest groups, those on more assets before those on fewer."""
    rank = {severity: number for number, severity in enumerate(SEVERITIES)}
    worth = [group for group in groups if group.first.severity != "info"]
    return sorted(worth, key=lambda group: (rank.get(group.first.severity, 9), -len(group.findings)))[:limit]


def listed(items: list[str], limit: int) -> str:
    """Items as a list in a sentence; beyond `limit` they are counted."""
    shown = items[:limit]
    if len(items) > limit:
        shown.append(f"{len(items) - limit} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def plural(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def day(timestamp: str) -> str:
    """A time as `5 March 2026`; a text that is no time is returned as it is."""
    at = _parsed(timestamp)
    return timestamp if at is None else f"{at.day} {at:%B %Y}"


def minute(timestamp: str) -> str:
    """A time as `2026-03-05 14:02 UTC`; a text that is no time is returned as it is."""
    at = _parsed(timestamp)
    return timestamp if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def duration(start: str, end: str) -> str:
    """How long something took, such as `1 h 05 min`; empty when that is not known."""
    begun, ended = _parsed(start), _parsed(end)
    if begun is None or ended is None or ended < begun:
        return ""
    seconds = int((ended - begun).total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds % 60:02} s"


def _period(start: str, end: str) -> str:
    if not start:
        return "(not started)"
    first, last = day(start), day(end) if end else ""
    return f"from {first} to {last}" if last and last != first else f"on {first}"


def _parsed(timestamp: str) -> datetime | None:
    try:
        return datetime.fromisoformat(timestamp)
    except ValueError:
        return None
