"""SCIM's own shapes (RFC 7643): the attributes of users and groups that the platform takes, and what it says of itself.
Only the SCIM door imports this: it needs `scim2-models`, which takes long to import."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    Address,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    EnterpriseUser,
    ETag,
    Filter,
    Meta,
    Mutability,
    Patch,
    PhoneNumber,
    Reference,
    Required,
    Resource,
    ResourceType,
    ScimPolicy,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models import Name as PersonName
from scim2_models.resources.resource import AnyExtension

from functions.identity.errors import ScimFault
from functions.identity.model.provisioning import MAX_DOCUMENT_BYTES, Profile
from functions.identity.model.provisioning import Group as KnownGroup

BASE = "/scim/v2"
MAX_RESULTS = 200
LENIENT = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""For whole resources: directories send attributes that nobody asked for."""
PATCHING = LENIENT.model_copy(update={"unknown": ScimPolicy.Unknown.forbid})
"""For changes: Microsoft Entra's ways are understood, and a path that leads nowhere is refused."""


class Email(ComplexAttribute):
    """An address. The first one that looks like one is what a new person logs in with, if the name is none."""

    value: Annotated[str | None, Field(max_length=254)] = None
    type: Annotated[str | None, Field(max_length=64)] = None
    primary: bool | None = None


class GroupMembership(ComplexAttribute):
    """A group that a person is in."""

    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = None
    ref: Annotated[Reference["Group"] | None, Mutability.read_only] = Field(  # noqa: UP037 - it comes later
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display: Annotated[str | None, Mutability.read_only] = None


class User(Resource[AnyExtension]):
    """A person of an organisation, as its directory sees the person."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true, Field(min_length=1, max_length=254)] = None
    name: PersonName | None = None
    display_name: Annotated[str | None, Field(max_length=256)] = None
    nick_name: Annotated[str | None, Field(max_length=256)] = None
    title: Annotated[str | None, Field(max_length=256)] = None
    user_type: Annotated[str | None, Field(max_length=256)] = None
    preferred_language: Annotated[str | None, Field(max_length=64)] = None
    locale: Annotated[str | None, Field(max_length=64)] = None
    timezone: Annotated[str | None, Field(max_length=64)] = None
    active: bool | None = None
    emails: Annotated[list[Email] | None, Field(max_length=20)] = None
    phone_numbers: Annotated[list[PhoneNumber] | None, Field(max_length=20)] = None
    addresses: Annotated[list[Address] | None, Field(max_length=20)] = None
    groups: Annotated[list[GroupMembership] | None, Mutability.read_only] = None


class GroupMember(ComplexAttribute):
    """A person in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true, Field(max_length=64)] = None
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(  # type: ignore[type-arg]  # noqa: UP037 - SCIM's name of it
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class Group(Resource[Any]):
    """A group of an organisation's directory."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Uniqueness.server, Required.true, Field(min_length=1, max_length=256)] = None
    members: list[GroupMember] | None = None


FullUser: Any = User[EnterpriseUser]
"""A person with what the enterprise extension says."""
OWN = frozenset({"schemas", "id", "meta", "userName", "externalId", "active", "groups"})
"""What is no part of a profile's document: it is kept elsewhere, or made anew."""
ENTERPRISE = str(EnterpriseUser.__schema__)


def document_of(resource: Any) -> dict[str, Any]:
    """The attributes of a user that mean nothing to the platform. Raises ScimFault when they are too many."""
    said = resource.model_dump(scim_policy=LENIENT)
    document = {key: value for key, value in said.items() if key not in OWN}
    if len(json.dumps(document)) > MAX_DOCUMENT_BYTES:
        raise ScimFault(f"A user's attributes have at most {MAX_DOCUMENT_BYTES} bytes.", "invalidValue")
    return document


def addresses_of(resource: Any) -> tuple[str, ...]:
    """The e-mail addresses of a user, the primary one first."""
    emails = sorted(resource.emails or [], key=lambda each: not each.primary)
    return tuple(each.value for each in emails if each.value)


def name_of(resource: Any) -> str:
    """What to call a person."""
    name = resource.name
    parts = " ".join(each for each in (name.given_name, name.family_name) if each) if name else ""
    found = resource.display_name or (name.formatted if name else None) or parts or resource.user_name
    return str(found)[:200]


def user_resource(
    profile: Profile | None,
    *,
    user_id: str,
    email: str,
    name: str,
    active: bool,
    revision: str,
    created_at: str,
    changed_at: str,
    groups: list[KnownGroup],
) -> Any:
    """A person as SCIM shows one. Everybody has an address at least: the one to log in with."""
    document: dict[str, Any] = dict(profile.document) if profile else {"displayName": name}
    document.setdefault("emails", [{"value": email, "primary": True}])
    schemas = [str(User.__schema__), *([ENTERPRISE] if ENTERPRISE in document else [])]
    shown = {
        **document,
        "schemas": schemas,
        "id": user_id,
        "userName": profile.user_name if profile else email,
        "active": active,
        "groups": [
            {"value": each.group_id, "$ref": f"{BASE}/Groups/{each.group_id}", "display": each.name} for each in groups
        ],
    }
    if profile and profile.external_id is not None:
        shown["externalId"] = profile.external_id
    resource = FullUser.model_validate(shown, scim_policy=LENIENT)
    resource.meta = _meta("User", user_id, revision, created_at, changed_at)
    return resource


def group_resource(group: KnownGroup) -> Group:
    """A group as SCIM shows one."""
    members = [GroupMember(value=each, ref=f"{BASE}/Users/{each}", type="User") for each in group.members]
    resource = Group(id=group.group_id, display_name=group.name, external_id=group.external_id, members=members or None)
    resource.meta = _meta("Group", group.group_id, str(group.version), group.created_at, group.changed_at)
    return resource


def _meta(kind: str, name: str, revision: str, created_at: str, changed_at: str) -> Meta:
    return Meta(
        resource_type=kind,
        created=created_at,
        last_modified=changed_at,
        location=f"{BASE}/{kind}s/{name}",
        version=f'W/"{revision}"',
    )


def resource_types() -> list[ResourceType]:
    """What there is to provision."""
    found = [ResourceType.from_resource(model) for model in (FullUser, Group)]
    for each in found:
        each.meta = Meta(resource_type="ResourceType", location=f"{BASE}/ResourceTypes/{each.id}")
    return found


def schemas() -> list[Any]:
    """The attributes of each. Nobody is without an address, or neither active nor not: these are said to be required,
    though a request may leave them out."""
    found = [model.to_schema() for model in (User, Group, EnterpriseUser)]
    for each in found:
        each.meta = Meta(resource_type="Schema", location=f"{BASE}/Schemas/{each.id}")
    attributes = {each.name: each for each in found[0].attributes or []}
    addresses = {each.name: each for each in attributes["emails"].sub_attributes or []}
    for attribute in (attributes["active"], attributes["emails"], addresses["value"]):
        attribute.required = Required.true
    return found


def provider_config() -> ServiceProviderConfig:
    """What the service offers."""
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type="oauthbearertoken",
                name="API key",
                description="The API key of a service account with the permissions `scim:*`, as a bearer token.",
                primary=True,
            )
        ],
        meta=Meta(resource_type="ServiceProviderConfig", location=f"{BASE}/ServiceProviderConfig"),
    )
