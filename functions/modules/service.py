"""What the registry does: list, show, configure, enable and disable modules."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from contracts.collection import ModuleStint
from contracts.modules import ModuleFace, ModuleSetting, catalogue
from functions.modules.errors import BadConfiguration
from functions.modules.model import MASK, Analytics, ModuleStats, ModuleView, analyse, view
from functions.modules.schemas import ModuleParameters
from functions.modules.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.crypto import Envelope
from kernel.errors import Conflict, FieldError, NotFound, PreconditionFailed
from kernel.table import Once

if TYPE_CHECKING:
    from jsonschema import ValidationError

ATTEMPTS = 6
KEPT_DAYS = 400
"""How long the figures of a day are kept."""


def list_modules(store: Store, actor: Actor, wanted: ModuleParameters) -> list[ModuleView]:
    """The modules that were asked for, the tenant's own among them, with its settings, by name."""
    settings, own = store.settings(actor), store.own_faces(actor)
    faces = sorted((catalogue() | own).items())
    shown = (view(face, settings.get(name), own=name in own) for name, face in faces)
    return [each for each in shown if wanted.fits(each)]


def get_module(store: Store, actor: Actor, name: str) -> ModuleView:
    """One module. Raises NotFound."""
    return view(_face(store, actor, name), store.setting(actor, name), own=name not in catalogue())


def get_analytics(store: Store, actor: Actor, name: str, days: int) -> Analytics:
    """How a module worked in the last days. Raises NotFound."""
    _face(store, actor, name)
    first = (clock.now() - timedelta(days=days - 1)).date().isoformat()
    return analyse(name, days, [each for each in store.stats(actor, name) if each.day >= first])


def count(store: Store, actor: Actor, stints: Sequence[ModuleStint], day: str, once: Once) -> None:
    """Add what modules did in a scan to the figures of a day. Raises AlreadySeen."""
    for attempt in range(ATTEMPTS):
        try:
            store.count(actor, [_counted(store, actor, stint, day) for stint in stints], once)
        except (Conflict, PreconditionFailed):
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter
        else:
            return
    raise PreconditionFailed("the figures change faster than they can be counted")


def _counted(store: Store, actor: Actor, stint: ModuleStint, day: str) -> ModuleStats:
    known = store.stats_of(actor, stint.module, day, stint.version)
    kept = known or ModuleStats(tenant_id=actor.tenant_id, name=stint.module, day=day, number=stint.version)
    kept.add(stint)
    kept.expires_at = int(clock.parse(f"{day}T00:00:00+00:00").timestamp()) + KEPT_DAYS * 86400
    return kept


def configure(
    store: Store, envelope: Envelope, actor: Actor, name: str, config: dict[str, Any], if_match: int | None
) -> ModuleView:
    """Replace a module's configuration, after its schema has accepted it. Secrets are enveloped."""
    face = _face(store, actor, name)
    setting = _setting(store, actor, name, if_match)
    secrets = face.secret_fields()
    kept = {field for field in secrets & set(config) if config[field] == MASK and field in setting.config}
    _validate(face, {field: value for field, value in config.items() if field not in kept})
    _demand_no_mask({field for field in secrets & set(config) if field not in kept and config[field] == MASK})
    setting.config = {
        field: setting.config[field]
        if field in kept
        else envelope.encrypt(actor, name, field, str(value))
        if field in secrets
        else value
        for field, value in config.items()
    }
    return _save(store, actor, face, setting)


def switch(store: Store, actor: Actor, name: str, enabled: bool, if_match: int | None = None) -> ModuleView:
    """Enable or disable a module for the tenant."""
    face = _face(store, actor, name)
    setting = _setting(store, actor, name, if_match)
    setting.enabled = enabled
    return _save(store, actor, face, setting)


def _face(store: Store, actor: Actor, name: str) -> ModuleFace:
    face = catalogue().get(name) or store.own_face(actor, name)
    if face is None:
        raise NotFound()
    return face


def _setting(store: Store, actor: Actor, name: str, if_match: int | None) -> ModuleSetting:
    setting = store.setting(actor, name) or ModuleSetting(tenant_id=actor.tenant_id, name=name)
    if if_match is not None and if_match != setting.version:
        raise PreconditionFailed()
    return setting


def _save(store: Store, actor: Actor, face: ModuleFace, setting: ModuleSetting) -> ModuleView:
    setting.updated_at = clock.timestamp()
    shown = view(face, setting)
    shown.version += 1
    store.save(actor, setting, shown)
    return shown


def _demand_no_mask(fields: set[str]) -> None:
    """A masked secret stays as it is; where none is set, there is nothing to keep."""
    if fields:
        raise BadConfiguration(
            errors=[FieldError(pointer=f"/config/{field}", detail="no value is set") for field in sorted(fields)]
        )


def _validate(face: ModuleFace, config: dict[str, Any]) -> None:
    """Check against the module's JSON Schema. `required` is left to the scan: a kept secret is not repeated here."""
    from jsonschema import Draft202012Validator

    schema = {**face.config_schema, "required": []} if face.config_schema else {"additionalProperties": False}
    errors = [
        FieldError(pointer="/config/" + "/".join(map(str, error.path)), detail=_fault(face, error))
        for error in Draft202012Validator(schema).iter_errors(config)
    ]
    if errors:
        raise BadConfiguration(errors=errors)


def _fault(face: ModuleFace, error: ValidationError) -> str:
    """What is wrong with a value; of a secret one without the value, which the schema's own words repeat."""
    if error.path and error.path[0] in face.secret_fields():
        return f"does not satisfy {error.validator}"
    return str(error.message)[:300]
