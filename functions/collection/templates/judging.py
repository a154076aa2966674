"""Reads matchers and extractors."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Any

from functions.collection.templates.errors import TemplateError
from functions.collection.templates.json_paths import parse_path
from functions.collection.templates.model import Extractor, Judging, Matcher, Text
from functions.collection.templates.patterns import compile_pattern, decoded
from functions.collection.templates.values import Place

MATCHER_KINDS = {
    "word": "words", "regex": "regex", "status": "status", "binary": "binary", "dsl": "dsl", "size": "size",
}  # fmt: skip
EXTRACTOR_KINDS = {"regex": "regex", "kval": "kval", "json": "json", "dsl": "dsl"}
_XPATH = "no engine for XPath over HTML travels with the product"
_MATCHER_KEYS = frozenset(
    {
        "type", "name", "part", "words", "regex", "status", "binary", "dsl", "size", "condition", "negative",
        "case-insensitive", "encoding", "match-all", "internal",
    }
)  # fmt: skip
_EXTRACTOR_KEYS = frozenset(
    {
        "type", "name", "part", "regex", "kval", "json", "dsl", "group", "internal", "case-insensitive", "attribute",
    }
)  # fmt: skip
MAX_STATUS = 999


def read_judging(block: Place) -> Judging:
    """The matchers and extractors of a block."""
    matchers = tuple(_matcher(place) for place in block.at("matchers").items(200))
    extractors = tuple(_extractor(place) for place in block.at("extractors").items(100))
    needs_all = block.at("matchers-condition").choice(("and", "or"), "or") == "and"
    return Judging(matchers, needs_all, extractors)


def _matcher(place: Place) -> Matcher:
    place.mapping(_MATCHER_KEYS, refused={"xpath": _XPATH})
    kind = _kind(place, MATCHER_KINDS)
    ignore_case = place.at("case-insensitive").boolean()
    readers: dict[str, Callable[[Place], Any]] = {
        "word": lambda item: _word(item, place),
        "regex": lambda item: _pattern(item, ignore_case),
        "status": lambda item: item.number(0, 0, MAX_STATUS),
        "binary": _bytes,
        "dsl": lambda item: item.expression(),
        "size": lambda item: item.number(0, 0, 2**31),
    }
    values = tuple(readers[kind](item) for item in place.at(MATCHER_KINDS[kind]).items())
    if not values:
        raise place.fault(f"a matcher of type {kind} lacks {MATCHER_KINDS[kind]!r}")
    return Matcher(
        kind,
        values,
        _part(place),
        place.at("condition").choice(("and", "or"), "or") == "and",
        place.at("negative").boolean(),
        ignore_case,
        place.at("name", "").string(200),
        place.at("internal").boolean(),
    )


def _extractor(place: Place) -> Extractor:
    place.mapping(_EXTRACTOR_KEYS, refused={"xpath": _XPATH})
    kind = _kind(place, EXTRACTOR_KINDS)
    ignore_case = place.at("case-insensitive").boolean()
    readers: dict[str, Callable[[Place], Any]] = {
        "regex": lambda item: _pattern(item, ignore_case),
        "kval": lambda item: item.string(200).lower().replace("-", "_"),
        "json": _json_path,
        "dsl": lambda item: item.expression(),
    }
    values = tuple(readers[kind](item) for item in place.at(EXTRACTOR_KINDS[kind]).items())
    if not values:
        raise place.fault(f"an extractor of type {kind} lacks {EXTRACTOR_KINDS[kind]!r}")
    group = place.at("group").number(0, 0, 50)
    name = place.at("name", "").string(200)
    return Extractor(kind, values, _part(place), group, name, place.at("internal").boolean())


def _kind(place: Place, kinds: dict[str, str]) -> str:
    kind = place.at("type").string(40).lower()
    if kind == "xpath":
        raise place.at("type").unsupported("xpath", _XPATH)
    if kind not in kinds:
        raise place.at("type").fault(f"{kind!r} is not one of {', '.join(kinds)}")
    return kind


def _part(place: Place) -> str:
    part = place.at("part", "body").string(100).strip().lower().replace("-", "_")
    if part.startswith("interactsh"):
        raise place.at("part").unsupported("interactsh", "it needs a server that takes calls back from the target")
    return part


def _word(item: Place, place: Place) -> Text:
    if place.at("encoding").choice(("hex",), "") == "hex":
        word = decoded(_bytes(item))
        return Text(word, (word,))
    return item.text()


def _pattern(item: Place, ignore_case: bool) -> Any:
    try:
        return compile_pattern(item.string(), ignore_case)
    except TemplateError as error:
        raise item.unsupported("regex", error.reason) from None


def _bytes(item: Place) -> bytes:
    try:
        return binascii.unhexlify(item.string().replace(" ", ""))
    except (ValueError, binascii.Error):
        raise item.fault("bytes are written as pairs of hexadecimal digits") from None


def _json_path(item: Place) -> Any:
    try:
        return parse_path(item.string(1000))
    except TemplateError as error:
        raise item.unsupported("json", error.reason) from None
