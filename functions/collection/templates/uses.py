"""Which values a template asks about, so that what costs a question is asked for only then."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from functions.collection.templates.expressions import Node, names_in
from functions.collection.templates.model import HttpBlock, Judging, Template, Text


def names_used(template: Template) -> frozenset[str]:
    """The names in the expressions of a template's variables and HTTP blocks: matchers, extractors and requests."""
    told = (node for _, text in template.variables for node in _in_text(text))
    asked = (node for block in template.http for node in _nodes(block))
    return frozenset(name for node in chain(told, asked) for name in names_in(node))


def _nodes(block: HttpBlock) -> Iterator[Node]:
    yield from _judged(block.judging)
    for request in block.requests:
        texts = (request.path, *(text for _, text in request.headers), *([request.body] if request.body else []))
        for text in texts:
            yield from _in_text(text)


def _judged(judging: Judging) -> Iterator[Node]:
    lists = [*(matcher.values for matcher in judging.matchers), *(each.values for each in judging.extractors)]
    for value in (value for values in lists for value in values):
        if isinstance(value, Node):
            yield value
        elif isinstance(value, Text):
            yield from _in_text(value)


def _in_text(text: Text) -> Iterator[Node]:
    return (part for part in text.parts if isinstance(part, Node))
