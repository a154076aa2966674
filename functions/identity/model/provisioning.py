"""What an organisation's own directory says of its people and groups, as far as the platform keeps it. Pure."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from contracts.access import Role
from functions.identity.model import ProfilePreferences, User
from functions.identity.model.accounts import digest, normal
from kernel import clock
from kernel.ids import new_id
from kernel.records import Hidden, Record

MAX_GROUPS = 100
MAX_GROUP_MEMBERS = 2000
MAX_PEOPLE = 10_000
MAX_DOCUMENT_BYTES = 32_768
ADDRESS = "ADDRESS"
FIRST_ROLES = (Role.VIEWER.value,)
"""What somebody may do who is provisioned, before any group gives more."""


class Profile(Record, pk="TENANT#{tenant_id}#SCIM", sk="USER#{user_id}"):
    """What the organisation's directory says of a person. Whether the person is in the organisation, only the
    organisation's own `User` says: a suspended person has none, and gets `roles` and `preferences` back with it."""

    user_id: str
    email: str = Field(description="The address that the person logs in with; it never changes.")
    user_name: str
    external_id: str | None = None
    document: dict[str, Any] = Field(default={}, description="The attributes that mean nothing to the platform.")
    created_at: str
    changed_at: str
    roles: tuple[str, ...] = FIRST_ROLES
    by_groups: tuple[str, ...] = Field(default=(), description="The roles that come of groups, and go with them.")
    preferences: ProfilePreferences = ProfilePreferences()
    joined: bool = Field(default=False, description="Whether the person ever was in the organisation.")

    def keep(self, user: User) -> None:
        """Remember what a person is, who is about to be suspended."""
        self.roles, self.preferences, self.joined = user.roles, user.preferences, True


class Group(Record, pk="TENANT#{tenant_id}#SCIM", sk="GROUP#{group_id}"):
    """A group of the organisation's directory. Its members have `roles`, which an administrator chooses here: the
    directory says who is in it, never what that allows."""

    location: ClassVar[str | None] = "/organizations/{organization_id}/scim/groups/{group_id}"

    group_id: str
    organization_id: str
    name: str
    external_id: str | None = None
    members: Hidden[tuple[str, ...]] = ()
    size: int = Field(default=0, description="How many people are in it.")
    roles: tuple[str, ...] = ()
    created_at: str
    changed_at: str

    @classmethod
    def named(cls, tenant_id: str, name: str, external_id: str | None) -> Group:
        """A new one, with nobody in it."""
        now = clock.timestamp()
        return cls(
            tenant_id=tenant_id,
            organization_id=tenant_id,
            group_id=new_id("grp"),
            name=name,
            external_id=external_id,
            created_at=now,
            changed_at=now,
        )

    def hold(self, members: tuple[str, ...]) -> None:
        """These people are in it, and no others."""
        self.members, self.size, self.changed_at = members, len(members), clock.timestamp()


class Taken(Record, pk="TENANT#{tenant_id}#SCIM", sk="TAKEN#{what}#{digest}"):
    """That a name is somebody's: there is one item for each name, so that nobody has another's."""

    what: str
    digest: str
    owner: str


def taken(tenant_id: str, what: str, text: str, owner: str, *, exact: bool = False) -> Taken:
    """The item of a name, as it is in the table; names are the same however their letters are cased, ids are not."""
    spelled = text if exact else text.casefold()
    return Taken(tenant_id=tenant_id, what=what, digest=digest(spelled), owner=owner, version=1)


def names_of(profile: Profile) -> dict[str, Taken]:
    """The names that a person has for the directory, by their kind. By the address single sign-on sees that somebody is
    suspended."""
    found = {
        kind: taken(profile.tenant_id, kind, text, profile.user_id)
        for kind, text in (("USERNAME", profile.user_name), (ADDRESS, profile.email))
    }
    if profile.external_id is not None:
        found["USERID"] = taken(profile.tenant_id, "USERID", profile.external_id, profile.user_id, exact=True)
    return found


def names_of_group(group: Group) -> dict[str, Taken]:
    """The names that a group has for the directory."""
    found = {"GROUPNAME": taken(group.tenant_id, "GROUPNAME", group.name, group.group_id)}
    if group.external_id is not None:
        found["GROUPID"] = taken(group.tenant_id, "GROUPID", group.external_id, group.group_id, exact=True)
    return found


def roles_with_groups(
    roles: tuple[str, ...], by_groups: tuple[str, ...], wanted: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The roles of a person whose groups give `wanted`, and which of them come of the groups alone. What an
    administrator has given stays."""
    own = tuple(role for role in roles if role not in by_groups)
    given = tuple(sorted(wanted - set(own)))
    return (*own, *given) or FIRST_ROLES, given


def address_of(user_name: str, emails: list[str]) -> str | None:
    """The address that a new person logs in with: the name, where it is one, or else the first of the addresses."""
    return next((normal(each) for each in (user_name, *emails) if is_address(each)), None)


def is_address(text: str) -> bool:
    """Whether it has the form of an e-mail address that the platform takes."""
    name, at, domain = text.strip().rpartition("@")
    plain = text.isprintable() and text.isascii() and not any(each in ' ,;<>"()[]\\' for each in text.strip())
    return bool(at and name and "@" not in name and "." in domain.strip(".") and plain and len(text) <= 254)


def domain_of(address: str) -> str:
    """The part behind the at."""
    return address.rpartition("@")[2]
