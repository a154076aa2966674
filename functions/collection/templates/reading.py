"""Reads a template's YAML under bounds, and remembers on which line everything stands.

The text is walked as a stream of events first, so that what is refused (too deep, too many nodes, aliases that
multiply) is refused before anything is built from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from functions.collection.templates.errors import TemplateError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_NODES = 20_000
_KINDS = ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in _KINDS)


@dataclass(frozen=True, slots=True)
class Document:
    """A template's values, and the line (from 1) of each by JSON Pointer."""

    value: Any
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, pointer: str) -> int:
        """The line of a place, or of the nearest one around it that is known."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 0)


def read_document(text: str) -> Document:
    """The one document of a text. Raises `TemplateError`."""
    import yaml

    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise TemplateError(f"the template is larger than {MAX_BYTES // 1024} KiB")
    try:
        _survey(text)
        node = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise TemplateError(f"not YAML: {error.problem or error.context}", "", mark.line + 1 if mark else 0) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise TemplateError(f"not YAML: {' '.join(str(error).split())[:200]}") from None
    if node is None:
        raise TemplateError("the template is empty")
    document = Document(None)
    return Document(_value(node, "", document.lines, yaml.SafeLoader("")), document.lines)


@cache
def _loader() -> Any:
    """The quickest reader that is there."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _survey(text: str) -> None:
    """Refuse what would take more than its share, from the events alone."""
    import yaml

    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=_loader()):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise TemplateError("an alias (*name) is refused: write the value out", "", line)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH:
            raise TemplateError(f"the template is nested deeper than {MAX_DEPTH} levels", "", line)
        if nodes > MAX_NODES:
            raise TemplateError(f"the template has more than {MAX_NODES} values", "", line)
        if documents > 1:
            raise TemplateError("a template is one YAML document", "", line)


def _value(node: Any, pointer: str, lines: dict[str, int], constructor: Any) -> Any:
    lines[pointer] = node.start_mark.line + 1
    if node.tag not in _TAGS:
        raise TemplateError(f"the tag {node.tag} is refused", pointer, lines[pointer])
    if node.id == "mapping":
        return _mapping(node, pointer, lines, constructor)
    if node.id == "sequence":
        return [_value(item, f"{pointer}/{n}", lines, constructor) for n, item in enumerate(node.value)]
    return _scalar(node, pointer, constructor)


def _mapping(node: Any, pointer: str, lines: dict[str, int], constructor: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if key_node.id != "scalar":
            raise TemplateError("a key must be a word", pointer, line)
        key = str(key_node.value)
        if key in found:
            raise TemplateError(f"the key {key!r} stands twice", pointer, line)
        place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
        found[key] = _value(value_node, place, lines, constructor)
    return found


def _scalar(node: Any, pointer: str, constructor: Any) -> Any:
    import yaml

    line = node.start_mark.line + 1
    if node.tag.endswith((":timestamp", ":merge", ":value")):
        return node.value
    try:
        return constructor.construct_object(node)
    except (ValueError, KeyError, yaml.YAMLError):
        raise TemplateError(f"{node.value[:60]!r} cannot be read", pointer, line) from None
