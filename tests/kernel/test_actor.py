"""Who acts, and what that allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kernel.actor import SYSTEM_USER, Actor
from kernel.errors import Forbidden
from kernel.ids import is_tenant_id, new_id

TENANT = "org_01M7W5VH7H6681DK0XJ0KA5FAC"


def holder(*permissions: str) -> Actor:
    return Actor(tenant_id=TENANT, permissions=frozenset(permissions))


@pytest.mark.parametrize(
    ("held", "allowed"),
    [
        (("scans:read",), True),
        (("scans:*",), True),
        (("*",), True),
        (("findings:read", "scans:read"), True),
        ((), False),
        (("scans:create",), False),
        (("scans",), False),
        (("scan:*",), False),
        (("scans:read:x",), False),
        (("*:read",), False),
    ],
)
def test_a_permission_is_held_by_itself_by_its_area_or_by_everything(held: tuple[str, ...], allowed: bool) -> None:
    who = holder(*held)
    assert who.may("scans:read") is allowed
    if not allowed:
        with pytest.raises(Forbidden, match="scans:read"):
            who.require("scans:read")
    else:
        who.require("scans:read")


@given(st.text(max_size=40))
def test_only_tenant_ids_make_an_actor(text: str) -> None:
    with pytest.raises(ValidationError):
        Actor(tenant_id=text)


@pytest.mark.parametrize(
    "text",
    [
        "A#",
        "*",
        "org_*",
        "${aws:PrincipalTag/tenant}",
        f"{TENANT}#",
        f"{TENANT}\n",
        TENANT.lower(),
        TENANT[:-1],
        TENANT + "0",
        TENANT.removeprefix("org_"),
        "org_8" + "Z" * 25,
        "scan_" + TENANT[4:],
    ],
)
def test_what_looks_like_a_tenant_id_is_not_one(text: str) -> None:
    assert not is_tenant_id(text)
    with pytest.raises(ValidationError, match="not a tenant id"):
        Actor(tenant_id=text)


def test_the_platform_acts_for_one_tenant_and_may_nothing_by_permission() -> None:
    system = Actor.system(TENANT, request_id="r")
    assert (system.tenant_id, system.user_id, system.request_id) == (TENANT, SYSTEM_USER, "r")
    assert not system.may("scans:read")


def test_an_actor_cannot_be_changed() -> None:
    who = holder()
    with pytest.raises(ValidationError):
        who.tenant_id = new_id("org")  # type: ignore[misc]


def test_ids_sort_by_birth_are_unique_and_say_what_they_name() -> None:
    ids = [new_id("scan") for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [each[:15] for each in ids] == sorted(each[:15] for each in ids)
    assert all(each.startswith("scan_") and len(each) == 31 for each in ids)
