"""People, as they log in and as their organisations know them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from contracts.access import ROLE_PERMISSIONS, Role
from kernel.records import Record, Resource

MAX_ORGANIZATIONS = 50
ADMINISTRATOR = Role.ORGANIZATION_ADMIN.value


class Person(Record, pk="PLATFORM#PEOPLE#{user_id}", sk="PERSON", platform=True):
    """Where to look for a person: the organisations, and the one last worked in. It is read when a token is made,
    before a tenant is known, and gives nothing by itself: what counts is the organisation's own `User`."""

    user_id: str
    email: str
    organizations: tuple[str, ...]
    last: str = Field(description="The organisation that a new session begins in.")


class Theme(StrEnum):
    """How the application looks."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class ProfilePreferences(BaseModel):
    """What a person likes."""

    model_config = ConfigDict(extra="forbid")

    locale: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    timezone: Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}$")] = "UTC"
    theme: Theme = Theme.SYSTEM


class User(Record, pk="TENANT#{tenant_id}#USERS", sk="USER#{user_id}"):
    """A person in an organisation."""

    location: ClassVar[str | None] = "/users/{user_id}"

    user_id: str
    email: str
    name: str
    roles: tuple[str, ...]
    created_at: str
    preferences: ProfilePreferences = ProfilePreferences()


class Me(Resource):
    """The caller, as the token says."""

    user_id: str
    organization_id: str
    email: str | None
    name: str
    roles: tuple[str, ...]
    permissions: list[str]
    preferences: ProfilePreferences
    version: int


def custom_roles(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Those that an organisation has made itself."""
    return tuple(role for role in roles if role not in ROLE_PERMISSIONS)
