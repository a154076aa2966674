"""Judges an answer: matchers, and what is taken out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.collection.templates import patterns
from functions.collection.templates.errors import EvaluationError
from functions.collection.templates.expressions import Function, Node, Scope, evaluate, text_of, truth
from functions.collection.templates.json_paths import values_at
from functions.collection.templates.model import Extractor, Judging, Matcher, Text

MAX_EXTRACTED = 50
MAX_EXTRACTED_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer shows. `names` are the named matchers that agreed, `extracted` the values to report, `taken`
    those that later requests use, by name."""

    matched: bool
    reported: bool
    names: tuple[str, ...]
    extracted: tuple[str, ...]
    taken: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges answers with the functions of one run until `until` (a `time.monotonic()` value)."""

    functions: Mapping[str, Function]
    until: float

    def verdict(self, judging: Judging, values: Mapping[str, Any]) -> Verdict:
        """The verdict on the values of an answer. Raises `EvaluationError` when the time is over."""
        taken: dict[str, str] = {}
        extracted: list[str] = []
        for extractor in judging.extractors:
            found = self._extract(extractor, {**values, **taken})
            if extractor.name and found:
                taken.setdefault(extractor.name, found[0])
            if not extractor.internal:
                extracted += found
        agreed = [matcher for matcher in judging.matchers if self._agrees(matcher, {**values, **taken})]
        if judging.matchers:
            matched = len(agreed) == len(judging.matchers) if judging.needs_all else bool(agreed)
        else:
            matched = bool(extracted or taken)
        names = tuple(dict.fromkeys(matcher.name for matcher in agreed if matcher.name))
        reported = any(not m.internal for m in agreed) if judging.matchers else bool(extracted)
        return Verdict(matched, matched and reported, names, tuple(dict.fromkeys(extracted))[:MAX_EXTRACTED], taken)

    def render(self, text: Text, values: Mapping[str, Any]) -> str:
        """A text with its expressions worked out. Raises `EvaluationError`."""
        if len(text.parts) == 1 and isinstance(text.parts[0], str):
            return text.parts[0]
        scope = Scope(values, self.functions)
        return "".join(part if isinstance(part, str) else text_of(evaluate(part, scope)) for part in text.parts)

    def value(self, node: Node, values: Mapping[str, Any]) -> Any:
        """The value of an expression. Raises `EvaluationError`."""
        return evaluate(node, Scope(values, self.functions))

    def _agrees(self, matcher: Matcher, values: Mapping[str, Any]) -> bool:
        part = part_of(values, matcher.part)
        if part is None and matcher.kind in ("word", "regex", "binary", "size"):
            return False
        combine = all if matcher.needs_all else any
        holds: bool = combine(self._one(matcher, value, part, values) for value in matcher.values)
        return holds != matcher.negative

    def _one(self, matcher: Matcher, value: Any, part: Any, values: Mapping[str, Any]) -> bool:
        if time.monotonic() > self.until:
            raise EvaluationError("judging an answer took too long")
        try:
            return self._holds(matcher, value, part, values)
        except EvaluationError:
            return matcher.negative and matcher.kind != "dsl"

    def _holds(self, matcher: Matcher, value: Any, part: Any, values: Mapping[str, Any]) -> bool:
        if matcher.kind == "status":
            return bool(values.get("status_code") == value)
        if matcher.kind == "dsl":
            return truth(self.value(value, values))
        if matcher.kind == "size":
            return bool(len(patterns.encoded(text_of(part))) == value)
        if matcher.kind == "binary":
            return bool(value in patterns.encoded(text_of(part)))
        if matcher.kind == "regex":
            return patterns.is_found(value, text_of(part))
        word, text = self.render(value, values), text_of(part)
        return word.lower() in text.lower() if matcher.ignore_case else word in text

    def _extract(self, extractor: Extractor, values: Mapping[str, Any]) -> list[str]:
        found: list[str] = []
        part = part_of(values, extractor.part)
        for value in extractor.values:
            if time.monotonic() > self.until:
                raise EvaluationError("judging an answer took too long")
            found += self._values(extractor, value, part, values)
        return [text[:MAX_EXTRACTED_CHARACTERS] for text in found if text][:MAX_EXTRACTED]

    def _values(self, extractor: Extractor, value: Any, part: Any, values: Mapping[str, Any]) -> list[str]:
        if extractor.kind == "kval":
            return [text_of(values[value])] if value in values else []
        if extractor.kind == "dsl":
            try:
                return [text_of(self.value(value, values))]
            except EvaluationError:
                return []
        if part is None:
            return []
        if extractor.kind == "json":
            return values_at(value, text_of(part))
        return patterns.all_found(value, text_of(part), extractor.group)


def part_of(values: Mapping[str, Any], part: str) -> Any:
    """The part of an answer that a matcher looks at, or None when there is none of that name."""
    if part == "header":
        part = "all_headers"
    head, _, number = part.rpartition("_")
    if head == "header" and number.isdecimal():
        part = f"all_headers_{number}"
    return values.get(part)
