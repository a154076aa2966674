"""The reference of correlation rules, written from their files: an index by risk, and a page for each risk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from contracts.findings import SEVERITY_ORDER
from functions.intelligence.model.correlation.builtin import builtin_rules
from functions.intelligence.model.correlation.rule import Collection, Match, Rule

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "rules"
HEAD = """# Correlation rules

{count} rules ship with the product. This index and the pages behind it are generated from the rules' files
(`make generated`). What rules are, how to write one and how to switch one off: [correlation](../guides/correlation.md).

| rule | what it finds | risk | reads |
|---|---|---|---|
"""


def pages() -> dict[Path, str]:
    """Every page with its content."""
    rules = [compiled.rule for compiled in builtin_rules().rules]
    rules.sort(key=lambda rule: (SEVERITY_ORDER[_risk(rule)], rule.id))
    written = {FOLDER / "README.md": _index(rules)}
    for risk in dict.fromkeys(map(_risk, rules)):
        of_risk = "\n".join(_entry(rule) for rule in rules if _risk(rule) == risk)
        written[FOLDER / f"{risk}.md"] = f"# Correlation rules: {risk}\n\n{of_risk}"
    return written


def _risk(rule: Rule) -> str:
    return rule.meta.risk.lower()


def _index(rules: list[Rule]) -> str:
    rows = [
        f"| [{rule.id}]({_risk(rule)}.md#{rule.id}) | {_cell(rule.meta.name)} | {_risk(rule)} "
        f"| {', '.join(_types(rule))} |"
        for rule in rules
    ]
    return HEAD.format(count=len(rows)) + "\n".join(rows) + "\n"


def _entry(rule: Rule) -> str:
    """One rule: what it means, what it looks for, what to do."""
    lines = [f"## {rule.id}", "", f"**{rule.meta.name.strip()}.** {' '.join(rule.meta.description.split())}", ""]
    lines += [f"- Looks for: {words}" for words in map(_looks_for, rule.collections)]
    if rule.aggregation is not None:
        lines.append(f"- Together by: `{rule.aggregation.field}`")
    if rule.analysis:
        lines.append(f"- Reported when: {'; '.join(_analyses(rule))}")
    lines += [f"- Remedy: {' '.join(rule.remedy.split())}", f"- Controls: {', '.join(rule.controls)}"]
    if rule.confidence < 1:
        lines.append(f"- Confidence: {rule.confidence:g} of the facts'")
    lines += [f"- See: <{reference}>" for reference in rule.references]
    return "\n".join(lines) + "\n"


def _looks_for(collection: Collection) -> str:
    if collection.path is None:
        return ", ".join(map(_condition, collection.collect or ()))
    stops = []
    for stop in collection.path:
        where = f" ({', '.join(map(_condition, stop.where))})" if stop.where else ""
        stops.append("/".join(f"`{name}`" for name in stop.type) + where)
    return " → ".join(stops)


def _condition(match: Match) -> str:
    words = {"exact": "is", "regex": "matches", "at_least": "is at least", "at_most": "is at most"}[match.method]
    values = " or ".join(f"`{value}`" for value in match.value)
    return f"`{match.field}` {words} {values}"


def _analyses(rule: Rule) -> Iterator[str]:
    for analysis in rule.analysis:
        if analysis.method == "threshold":
            unique = "different values" if analysis.count_unique_only else "values"
            yield f"at least {analysis.minimum} {unique} of `{analysis.field}`"
        elif analysis.method == "outlier":
            yield f"it is at most {analysis.maximum_percent:g} % of all"
        else:
            yield analysis.method.replace("_", " ")


def _types(rule: Rule) -> list[str]:
    found: dict[str, None] = {}
    for collection in rule.collections:
        for match in collection.collect or ():
            if match.field == "type":
                found |= dict.fromkeys(match.value)
        for stop in collection.path or ():
            found |= dict.fromkeys(stop.type)
    return [f"`{name}`" for name in found]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
