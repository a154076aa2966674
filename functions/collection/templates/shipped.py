"""The templates that travel with the product."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from functions.collection.templates.model import Template
from functions.collection.templates.parser import parse_template

FOLDER = Path(__file__).parents[1] / "data" / "templates"


@cache
def shipped_templates() -> tuple[Template, ...]:
    """All of them, in the order of their ids. Raises `TemplateError` for a file that is none."""
    found = [parse_template(path.read_text()) for path in sorted(FOLDER.glob("*.yaml"))]
    return tuple(sorted(found, key=lambda template: template.id))
