"""Where in a rule's text a key stands."""

from __future__ import annotations

import yaml


def line_of(text: str, key: str) -> int | None:
    """The line, from 1, of a key such as `collections.0.collect` or of the nearest one above it that is there; None
    where the text is not YAML."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        return None if mark is None else int(mark.line) + 1
    line = 1
    for part in key.split(".") if key else ():
        found = _below(node, part)
        if found is None:
            break
        node, line = found
    return line


def pointer_of(key: str) -> str:
    """The key as a JSON pointer into the rule."""
    return "".join(f"/{part}" for part in key.split(".")) if key else ""


def _below(node: yaml.Node | None, part: str) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item, item.start_mark.line + 1
    return None
