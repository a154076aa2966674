"""A tenant's own modules: written as templates, kept version by version, rolled back, removed."""

from __future__ import annotations

import hashlib
import re

from contracts.collection import OwnModule, OwnModuleChanged, OwnModuleDeleted, OwnModuleVersion
from functions.collection.errors import MalformedTemplate, NameTaken, TooManyModules, UnknownVersion
from functions.collection.own_modules import PREFIX, face_of
from functions.collection.schemas import OwnModuleView
from functions.collection.store import Store
from functions.collection.templates.errors import TemplateError
from functions.collection.templates.model import Template
from functions.collection.templates.parser import parse_template
from kernel import clock
from kernel.actor import Actor
from kernel.errors import FieldError, NotFound, PreconditionFailed

MAX_MODULES = 200
MAX_VERSIONS = 50
"""They are removed in one transaction, which holds a hundred items."""
MAX_NAME = 36
"""Characters of a module's name after its prefix."""


def list_modules(store: Store, actor: Actor) -> list[OwnModule]:
    """The tenant's own modules by name."""
    return store.own_modules(actor)


def get_module(store: Store, actor: Actor, name: str, number: str | None) -> OwnModuleView:
    """One module with the text of a version, the active one unless another is named. Raises NotFound."""
    own = _own(store, actor, name)
    version = store.own_version(actor, name, number or own.active)
    if version is None:
        raise NotFound()
    return OwnModuleView(module=own, number=version.number, text=version.text)


def register(store: Store, actor: Actor, text: str, if_match: int | None) -> OwnModule:
    """Take in a template as a module named after its id; with one of that name, as its next version. The same text
    again changes nothing. Raises MalformedTemplate with the place of the fault, NameTaken, TooManyModules."""
    template = _parsed(text)
    name = module_name(template)
    known = {each.name: each for each in store.own_modules(actor)}
    own = known.get(name)
    if if_match is not None and if_match != (own.version if own else 0):
        raise PreconditionFailed()
    before = store.own_text(actor, name, own.active) if own else ""
    if own and before == text:
        return own
    if own:
        _demand_same(before, template)
    if own is None and len(known) >= MAX_MODULES:
        raise TooManyModules(f"An organisation has at most {MAX_MODULES} modules of its own. Remove one first.")
    if own and len(own.versions) >= MAX_VERSIONS:
        raise TooManyModules(f"A module has at most {MAX_VERSIONS} versions. Remove it, and register it anew.")
    number = _after(own.versions[-1] if own else store.last_own_version(actor, name))
    return _activate(store, actor, own, _version(actor, template, name, number, text))


def roll_back(store: Store, actor: Actor, name: str, number: str) -> OwnModule:
    """Make an earlier version (or a later one again) the one that new scans run. Raises NotFound, UnknownVersion."""
    own = _own(store, actor, name)
    version = store.own_version(actor, name, number)
    if version is None:
        raise UnknownVersion(f"{name} has the versions {', '.join(own.versions)}, and no {number}.")
    before, own.active, own.face = own.active, number, version.face
    own.updated_by, own.updated_at = actor.user_id, clock.timestamp()
    store.save_own(actor, own, None, OwnModuleChanged(name=name, active=number, before=before))
    return own


def delete_module(store: Store, actor: Actor, name: str) -> None:
    """Remove a module with its versions; scans that run with it go on without. Its last number is remembered: a module
    of that name which is registered anew goes on from it. Raises NotFound."""
    own = _own(store, actor, name)
    store.delete_own(actor, own, OwnModuleDeleted(name=name))


def _after(number: str) -> str:
    """The version number after one; the first after none."""
    return f"1.{int(number.split('.')[1]) + 1}.0" if number else "1.0.0"


def module_name(template: Template) -> str:
    """The name of a template's module: its id in the form of module names. One that is too long ends in a digest, so
    that ids which begin alike stay apart."""
    name = re.sub(r"[^a-z0-9]+", "_", template.id.lower()).strip("_")
    if len(name) > MAX_NAME:
        digest = hashlib.sha256(template.id.lower().encode()).hexdigest()[:8]
        name = f"{name[: MAX_NAME - 9]}_{digest}"
    return PREFIX + name


def _demand_same(before: str, template: Template) -> None:
    """A module's next version has the id of the one before, and does not only look like it. Raises NameTaken."""
    try:
        known = parse_template(before).id
    except TemplateError:  # gone, or of a form that is no longer read: it may be replaced
        return
    if known.lower() != template.id.lower():
        raise NameTaken(f"{module_name(template)} is made of {known!r} already. Give the template another id.")


def _parsed(text: str) -> Template:
    try:
        return parse_template(text)
    except TemplateError as error:
        place = f"line {error.line}: " if error.line else ""
        detail = f"{place}{error.reason} ({error.pointer})" if error.pointer else place + error.reason
        raise MalformedTemplate(errors=[FieldError(pointer="/template", detail=detail)]) from None


def _own(store: Store, actor: Actor, name: str) -> OwnModule:
    own = store.own_module(actor, name)
    if own is None:
        raise NotFound()
    return own


def _version(actor: Actor, template: Template, name: str, number: str, text: str) -> OwnModuleVersion:
    return OwnModuleVersion(
        tenant_id=actor.tenant_id,
        name=name,
        number=number,
        face=face_of(template, name, number),
        text=text,
        created_by=actor.user_id,
        created_at=clock.timestamp(),
    )


def _activate(store: Store, actor: Actor, own: OwnModule | None, version: OwnModuleVersion) -> OwnModule:
    saved = OwnModule(
        tenant_id=actor.tenant_id,
        version=own.version if own else 0,
        name=version.name,
        active=version.number,
        face=version.face,
        versions=[*(own.versions if own else ()), version.number],
        updated_by=actor.user_id,
        updated_at=version.created_at,
    )
    changed = OwnModuleChanged(name=saved.name, active=saved.active, before=own.active if own else None)
    store.save_own(actor, saved, version, changed)
    return saved
