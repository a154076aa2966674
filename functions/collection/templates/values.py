"""Typed access to a document's values: what does not fit is refused with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from functions.collection.templates.errors import TemplateError, Unsupported
from functions.collection.templates.expressions import Node, calls_in, names_in, parse_expression
from functions.collection.templates.helpers import UNREACHABLE, known_functions
from functions.collection.templates.model import Text
from functions.collection.templates.reading import Document

MAX_TEXT = 64 * 1024
_MARKER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_OUT_OF_BAND = re.compile(r"\binteractsh[-_]")
_KNOWN = known_functions()


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a document, and where it stands."""

    document: Document
    value: Any
    pointer: str = ""

    def fault(self, reason: str) -> TemplateError:
        """An error that names this place."""
        return TemplateError(reason, self.pointer, self.document.line(self.pointer))

    def unsupported(self, construct: str, why: str) -> Unsupported:
        """A construct that is left out, at this place."""
        return Unsupported(construct, why, self.pointer, self.document.line(self.pointer))

    def at(self, key: str | int, default: Any = None) -> Place:
        """A part of a mapping or a list."""
        if isinstance(self.value, dict):
            value = self.value.get(key, default)
        else:
            value = self.value[key] if isinstance(key, int) else default
        name = str(key).replace("~", "~0").replace("/", "~1")
        return Place(self.document, value, f"{self.pointer}/{name}")

    def has(self, key: str) -> bool:
        """Whether a mapping holds a key with a value."""
        return isinstance(self.value, dict) and self.value.get(key) is not None

    def mapping(self, known: Iterable[str] = (), *, refused: dict[str, str] | None = None) -> Place:
        """Itself, if it is a mapping of known keys; `refused` says why some keys are left out."""
        if not isinstance(self.value, dict):
            raise self.fault("a mapping of keys to values is expected here")
        for key in self.value:
            if refused and key in refused and self.value[key] not in (None, False):
                raise self.at(key).unsupported(key, refused[key])
            if known and key not in known and not (refused and key in refused):
                raise self.at(key).fault(f"there is no setting {key!r} here")
        return self

    def items(self, limit: int = 1000) -> Iterator[Place]:
        """The parts of a list; a single value counts as a list of one, an absent one as an empty list."""
        if self.value is None:
            return
        if not isinstance(self.value, list):
            yield self
            return
        if len(self.value) > limit:
            raise self.fault(f"a list of {len(self.value)} values, at most {limit}")
        for number in range(len(self.value)):
            yield self.at(number)

    def string(self, limit: int = MAX_TEXT) -> str:
        """A word or a number as text."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        if not isinstance(self.value, str | int | float):
            raise self.fault("a text is expected here")
        text = str(self.value)
        if len(text) > limit:
            raise self.fault(f"a text of {len(text)} characters, at most {limit}")
        return text

    def choice(self, options: Iterable[str], default: str) -> str:
        """One of some words, in any case."""
        if self.value is None:
            return default
        word = self.string().strip().lower()
        if word not in options:
            raise self.fault(f"{word!r} is not one of {', '.join(sorted(options))}")
        return word

    def boolean(self, default: bool = False) -> bool:
        """Yes or no."""
        if self.value is None:
            return default
        if not isinstance(self.value, bool):
            raise self.fault("true or false is expected here")
        return self.value

    def number(self, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        if self.value is None:
            return default
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not low <= self.value <= high:
            raise self.fault(f"a whole number from {low} to {high} is expected here")
        return self.value

    def expression(self) -> Node:
        """A `dsl` expression."""
        return self.checked(self.string())

    def checked(self, source: str) -> Node:
        """An expression at this place, all of whose functions exist."""
        if _OUT_OF_BAND.search(source):
            raise self.unsupported("interactsh", "it needs a server that takes calls back from the target")
        try:
            node = parse_expression(source.strip())
        except TemplateError as error:
            raise self.fault(error.reason) from None
        for name in sorted(calls_in(node) - _KNOWN):
            if name in UNREACHABLE:
                raise self.unsupported(f"dsl:{name}", "the function sends, waits or makes an exploit")
            raise self.unsupported(f"dsl:{name}", "there is no such function")
        return node

    def text(self) -> Text:
        """A text with expressions in `{{…}}`. What stands in the braces without being an expression is left as
        it is, as in templates that look for template injection."""
        source = self.string()
        parts: list[str | Node] = []
        place = 0
        for match in _MARKER.finditer(source):
            node = self._marker(match.group(1))
            if node is None:
                continue
            parts += [source[place : match.start()], node]
            place = match.end()
        parts.append(source[place:])
        return Text(source, tuple(part for part in parts if part != ""))

    def _marker(self, inner: str) -> Node | None:
        if _OUT_OF_BAND.search(inner):
            raise self.unsupported("interactsh", "it needs a server that takes calls back from the target")
        try:
            node = self.checked(inner)
        except Unsupported as error:
            if error.construct.removeprefix("dsl:") in UNREACHABLE:
                raise
            return None
        except TemplateError:
            return None
        return node if names_in(node) or calls_in(node) else None
