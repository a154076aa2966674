"""What SpiderFoot calls the data of a fact, and what led to it, is not always what we call so.

A banner's data is its text, an answer's its status; a weakness comes from what it is about, and not from the fact
that shows it; a host on a certificate comes from the host that shows the certificate, several facts before it; and
one fact may stand for several of SpiderFoot's elements. Where a rule's type names say so (`Kind`), its fields are
read accordingly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from functions.intelligence.model.correlation.kinds import IMPORTED, exact_types, regex_types
from functions.intelligence.model.correlation.rule import Collection, Match, Rule
from functions.intelligence.model.correlation.spiderfoot import ENTITY_TYPES, Kind


@dataclass(frozen=True, slots=True)
class Wording:
    """What the fields of a collection's facts are called here. `through`: a source is the entity above."""

    data: str | None = None
    source: str | None = None
    weight: str | None = None
    through: bool = False

    def field(self, field: str) -> str:
        """The field as we call it."""
        if field == "data" and self.data:
            return f"attributes.{self.data}"
        if field == "source.data" and self.source:
            return self.source
        if field.startswith("source.") and self.through:
            return f"entity.{field.removeprefix('source.')}"
        return field


PLAIN: Final = Wording()
_IMPORTED_ONLY: Final = frozenset(kind for kinds in IMPORTED.values() for kind in kinds)
"""These are worded as they were where they come from."""


def translated(rule: Rule) -> Rule:
    """The rule with its fields as we call them, collection by collection.

    What reads all collections together (aggregation, analysis, headline) is replaced when they agree. Raises
    PatternError for a type pattern that cannot be used.
    """
    wordings = [_wording(collection.collect or ()) for collection in rule.collections]
    collections = tuple(map(_collection, rule.collections, wordings))
    changed = rule.model_copy(update={"collections": collections})
    return _together(changed, wordings[0]) if len(set(wordings)) == 1 else changed


def _wording(matches: Iterable[Match]) -> Wording:
    """How all wanted kinds of a collection are worded."""
    matches = tuple(matches)
    kinds = next((found for match in matches if (found := _wanted(match, "type"))), ())
    kinds = tuple(kind for kind in kinds if kind not in _IMPORTED_ONLY)
    return Wording(
        data=_agreed(kind.data for kind in kinds),
        source=_agreed(kind.source for kind in kinds),
        weight=_agreed(kind.weight for kind in kinds),
        through=any(_are_entities(_wanted(match, "source.type")) for match in matches),
    )


def _wanted(match: Match, field: str) -> tuple[Kind, ...]:
    if match.field != field or match.method not in ("exact", "regex"):
        return ()
    return (exact_types if match.method == "exact" else regex_types)(match.value).wanted or ()


def _agreed(words: Iterable[str | None]) -> str | None:
    distinct = set(words)
    return distinct.pop() if len(distinct) == 1 else None


def _are_entities(kinds: tuple[Kind, ...]) -> bool:
    """Whether SpiderFoot's words name things of their own: there, these lead to such facts at once."""
    return bool(kinds) and all(kind.name and kind.type in ENTITY_TYPES for kind in kinds)


def _collection(collection: Collection, wording: Wording) -> Collection:
    if wording == PLAIN or collection.collect is None:
        return collection
    matches = (match.model_copy(update={"field": wording.field(match.field)}) for match in collection.collect)
    return collection.model_copy(update={"collect": tuple(matches)})


def _together(rule: Rule, wording: Wording) -> Rule:
    if wording == PLAIN:
        return rule
    aggregation = rule.aggregation
    if aggregation is not None:
        aggregation = aggregation.model_copy(update={"field": wording.field(aggregation.field)})
    weight = None if wording.weight is None else f"attributes.{wording.weight}"
    analysis = tuple(
        each.model_copy(update={"field": wording.field(each.field), "weight": each.weight or weight})
        for each in rule.analysis
    )
    text = rule.headline.text
    for field in ("data", "source.data", "source.type", "source.module"):
        text = text.replace(f"{{{field}}}", f"{{{wording.field(field)}}}")
    headline = rule.headline.model_copy(update={"text": text})
    return rule.model_copy(update={"aggregation": aggregation, "analysis": analysis, "headline": headline})
