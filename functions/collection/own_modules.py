"""Modules that tenants write as templates: what they show, and how they run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contracts.collection import OwnModuleVersion
from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, ObservationType
from functions.collection.module import Context, Module
from functions.collection.modules.templates import Templates
from functions.collection.templates.model import Template
from functions.collection.templates.parser import parse_template

PREFIX = "own_"
"""Of their names, so that none is ever mistaken for one of the platform's."""


def face_of(template: Template, name: str, number: str) -> ModuleFace:
    """What a template shows as a module."""
    kinds = ([ObservationType.SERVICE] if template.http else []) + ([ObservationType.DOMAIN] if template.dns else [])
    return ModuleFace(
        name=name,
        version=number,
        summary=f"Your own: {template.info.name}"[:200].ljust(10, "."),
        consumes=tuple(kinds),
        produces=Templates.face.produces,
        matching=Templates.face.matching,
        invasiveness=Invasiveness.INTRUSIVE if template.is_intrusive else Invasiveness.ACTIVE,
        cost_class=CostClass.LIGHT,
        rate_group=Templates.face.rate_group,
        concurrency=Templates.face.concurrency,
        licence="yours",
    )


def module_of(version: OwnModuleVersion) -> Module[Any]:
    """The module of a stored version. Raises TemplateError for one that this deployment no longer reads."""
    template = parse_template(version.text)

    class Own(Templates):
        """Runs one template of a tenant."""

        face = version.face

        def chosen(self, _context: Context) -> Iterator[Template]:
            yield template

    return Own()
