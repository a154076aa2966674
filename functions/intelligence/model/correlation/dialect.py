"""What SpiderFoot calls the data of a fact is not always the value of ours: a banner's text, an answer's status.

Where a rule's type names say so (`Kind.data`), its `data` is read from that attribute.
"""

from __future__ import annotations

from collections.abc import Iterable

from functions.intelligence.model.correlation.kinds import exact_types, regex_types
from functions.intelligence.model.correlation.rule import Collection, Match, Rule


def translated(rule: Rule) -> Rule:
    """The rule with `data` replaced by the attribute that holds it, collection by collection.

    What reads all collections together (aggregation, analysis, headline) is replaced when they agree. Raises
    PatternError for a type pattern that cannot be used.
    """
    held = [_attribute(collection.collect or ()) for collection in rule.collections]
    collections = tuple(map(_collection, rule.collections, held))
    changed = rule.model_copy(update={"collections": collections})
    return _together(changed, held[0]) if held[0] and len(set(held)) == 1 else changed


def _attribute(matches: Iterable[Match]) -> str | None:
    """The attribute that all wanted kinds of a collection keep their data in."""
    for match in matches:
        if match.field == "type" and match.method in ("exact", "regex"):
            wanted = (exact_types if match.method == "exact" else regex_types)(match.value).wanted
            places = {kind.data for kind in wanted or ()}
            return places.pop() if len(places) == 1 else None
    return None


def _collection(collection: Collection, attribute: str | None) -> Collection:
    if attribute is None or collection.collect is None:
        return collection
    matches = (match.model_copy(update={"field": _field(match.field, attribute)}) for match in collection.collect)
    return collection.model_copy(update={"collect": tuple(matches)})


def _together(rule: Rule, attribute: str) -> Rule:
    aggregation = rule.aggregation
    if aggregation is not None:
        aggregation = aggregation.model_copy(update={"field": _field(aggregation.field, attribute)})
    analysis = tuple(each.model_copy(update={"field": _field(each.field, attribute)}) for each in rule.analysis)
    text = rule.headline.text.replace("{data}", f"{{attributes.{attribute}}}")
    headline = rule.headline.model_copy(update={"text": text})
    return rule.model_copy(update={"aggregation": aggregation, "analysis": analysis, "headline": headline})


def _field(field: str, attribute: str) -> str:
    return f"attributes.{attribute}" if field == "data" else field
