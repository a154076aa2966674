"""What contexts publish: events that say whose they are, roles that can do what their name promises, module faces."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

import contracts
from contracts import all_events
from contracts.access import AREAS, ROLE_PERMISSIONS, Role, permissions_of
from contracts.modules import ModuleFace, catalogue
from contracts.observations import ObservationType
from kernel.actor import Actor
from kernel.ids import new_id

ROOT = Path(__file__).parents[2]
EVENTS = all_events()


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_declared_in_its_contexts_contract_and_described(name: str) -> None:
    kind = EVENTS[name]
    assert kind.__module__ == f"contracts.{kind.context}"
    assert (ROOT / "functions" / kind.context).is_dir()
    assert kind.__doc__
    assert name == f"{kind.__name__}.v{name.rpartition('.v')[2]}"


def test_every_event_is_in_the_document_of_events() -> None:
    document = json.loads((ROOT / "docs" / "events" / "asyncapi.json").read_text())
    assert set(document["components"]["messages"]) == set(EVENTS)
    for context, channel in document["channels"].items():
        assert set(channel["messages"]) == {name for name, kind in EVENTS.items() if kind.context == context}


def test_no_event_carries_what_must_not_leave() -> None:
    """Events go to partners: nothing in them is a secret, or says more of a person than who it is."""
    forbidden = {"password", "secret", "signing_secret", "token", "resume_token", "config", "payload"}
    for name, kind in EVENTS.items():
        assert forbidden.isdisjoint(kind.model_fields), name


def test_contracts_know_nothing_but_the_kernel_and_each_other() -> None:
    for file in Path(contracts.__file__).parent.glob("*.py"):
        importlib.import_module(f"contracts.{file.stem}" if file.stem != "__init__" else "contracts")
        text = file.read_text()
        assert "from functions" not in text
        assert "import boto" not in text


def holder(*roles: Role) -> Actor:
    return Actor(tenant_id=new_id("org"), permissions=permissions_of(roles))


def test_roles_grow_from_the_viewer_to_the_administrator() -> None:
    every = {f"{area}:{verb}" for area in AREAS for verb in ("read", "create", "update", "delete", "control")}
    able = {role: {permission for permission in every if holder(role).may(permission)} for role in Role}
    assert able[Role.VIEWER] < able[Role.ORGANIZATION_MEMBER] < able[Role.ORGANIZATION_ADMIN]
    assert able[Role.VIEWER] < able[Role.ANALYST] < able[Role.ORGANIZATION_ADMIN]
    assert able[Role.ORGANIZATION_ADMIN] == every
    assert all(permission.endswith(":read") for permission in able[Role.VIEWER])
    assert not {"audit:read", "members:read"} & able[Role.VIEWER]
    assert "webhooks:create" not in able[Role.ANALYST]


def test_only_the_platforms_own_staff_may_everything() -> None:
    assert [role for role in Role if holder(role).may("platform:anything")] == [Role.SUPER_ADMIN]
    assert set(ROLE_PERMISSIONS) == set(Role)


def test_roles_add_up_and_an_unknown_one_adds_nothing() -> None:
    both = permissions_of((Role.ANALYST, Role.ORGANIZATION_MEMBER))
    assert both == permissions_of((Role.ANALYST,)) | permissions_of((Role.ORGANIZATION_MEMBER,))
    assert permissions_of(("owner", "")) == frozenset()


def test_every_module_of_the_catalogue_can_be_reached_from_a_target() -> None:
    """A module whose types nobody produces would never run."""
    reachable = {ObservationType(kind) for kind in ("domain", "ip", "cidr", "port", "url", "cloud_resource")}
    waiting = dict(catalogue())
    while ready := [name for name, face in waiting.items() if reachable & set(face.consumes)]:
        for name in ready:
            reachable |= set(waiting.pop(name).produces)
    assert waiting == {}


def test_dependencies_are_modules_and_have_no_cycle() -> None:
    faces, done = catalogue(), set[str]()
    while ready := [name for name, face in faces.items() if name not in done and done >= set(face.depends_on)]:
        done |= set(ready)
    assert done == set(faces)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Bad Name"},
        {"version": "1.0"},
        {"summary": "short"},
        {"consumes": ["nonsense"]},
        {"invasiveness": "rude"},
        {"batch_size": 0},
        {"concurrency": 501},
        {"surprise": 1},
    ],
)
def test_a_face_that_is_not_well_formed_is_refused(change: dict[str, object]) -> None:
    face = next(iter(catalogue().values())).model_dump(mode="json")
    assert ModuleFace.model_validate(face)
    with pytest.raises(ValidationError):
        ModuleFace.model_validate({**face, **change})


def test_secret_fields_are_those_that_are_written_only() -> None:
    face = next(iter(catalogue().values()))
    schema = {"properties": {"key": {"type": "string", "writeOnly": True}, "url": {"type": "string"}}}
    assert face.model_copy(update={"config_schema": schema}).secret_fields() == {"key"}
    assert face.model_copy(update={"config_schema": {}}).secret_fields() == frozenset()
