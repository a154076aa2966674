"""What an organisation's own directory wants of its people: they come, change, rest and go. Whatever gives or takes
membership goes through `members`, so that seats, administrators, sessions and keys are seen to as for everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from contracts.identity import (
    PersonDeprovisioned,
    PersonProvisioned,
    ProvisionedPersonChanged,
    ProvisioningRefused,
)
from functions.identity.errors import AddressElsewhere, AlreadyMember, NameInUse, NoAddress
from functions.identity.gateways import Directory
from functions.identity.model import Person, User
from functions.identity.model.provisioning import (
    MAX_PEOPLE,
    Profile,
    Taken,
    address_of,
    domain_of,
    names_of,
)
from functions.identity.provisions import Provisions, renaming
from functions.identity.service import members
from functions.identity.store import Store, changed, gone, new
from kernel import clock
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed, Problem, Unavailable
from kernel.table import Change

ATTEMPTS = 6
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stores:
    """Where people lie, and what their directory says of them."""

    people: Store
    provisions: Provisions


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the directory says of a person now."""

    user_name: str
    name: str
    external_id: str | None = None
    emails: tuple[str, ...] = ()
    active: bool = True
    document: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A person, as the organisation knows it (nobody, when suspended) and as its directory does (not at all, when the
    person came in another way)."""

    user: User | None
    profile: Profile | None

    @property
    def is_nobody(self) -> bool:
        """Whether neither knows such a person."""
        return self.user is None and self.profile is None

    @property
    def some(self) -> User | Profile:
        """What there is."""
        found = self.profile or self.user
        assert found is not None
        return found

    @property
    def user_id(self) -> str:
        """Names the person, here and in the directory."""
        return self.some.user_id

    @property
    def user_name(self) -> str:
        """By which the directory knows the person."""
        return self.profile.user_name if self.profile else self.some.email

    @property
    def revision(self) -> str:
        """Changes whenever what is shown of the person does."""
        numbers = (self.profile.version if self.profile else 0, self.user.version if self.user else 0)
        return "{}.{}".format(*numbers)


def find(stores: Stores, actor: Actor, user_id: str) -> Provisioned:
    """One person. Raises NotFound."""
    found = Provisioned(stores.people.find_user(actor, user_id), stores.provisions.profile(actor, user_id))
    if found.is_nobody:
        raise NotFound()
    return found


def everybody(stores: Stores, actor: Actor) -> Iterator[Provisioned]:
    """Everybody whom the organisation or its directory knows."""
    profiles = {each.user_id: each for each in stores.provisions.profiles(actor)}
    for count, user in enumerate(stores.people.everybody(actor)):
        if count >= MAX_PEOPLE:
            raise Unavailable("There are too many people to look through.")
        yield Provisioned(user, profiles.pop(user.user_id, None))
    for profile in profiles.values():
        yield Provisioned(None, profile)


def named(stores: Stores, actor: Actor, user_name: str) -> Provisioned | None:
    """Whom the directory knows by a name; who came in another way is known by the address."""
    owner = stores.provisions.owner_of(actor, "USERNAME", user_name)
    owner = owner or stores.people.account(user_name).user_id
    try:
        found = find(stores, actor, owner) if owner else None
    except NotFound:
        return None
    return found if found and found.user_name.casefold() == user_name.casefold() else None


def known_as(stores: Stores, actor: Actor, external_id: str) -> Provisioned | None:
    """Whom the directory knows by an id of its own."""
    owner = stores.provisions.owner_of(actor, "USERID", external_id, exact=True)
    try:
        return find(stores, actor, owner) if owner else None
    except NotFound:
        return None


def create(stores: Stores, directory: Directory, actor: Actor, wanted: Wanted) -> Provisioned:
    """A new person, who has no password of ours. Raises NoAddress, NameInUse, AddressElsewhere or LimitReached."""
    address = address_of(wanted.user_name, list(wanted.emails))
    if address is None:
        raise NoAddress()
    with _told(stores, actor, "create", wanted.user_name):
        _demand_free(stores, actor, wanted, None)
        account = stores.people.account(address).user_id or directory.find(address)
        if account is not None and _is_here(stores, actor, account):
            raise NameInUse("The address is in use.")
        person = _may_take(stores, actor, account, address)
        if wanted.active:
            stores.provisions.demand_seat(actor)
        user_id = account or directory.enrol(address, None, quiet=owns(stores.people, actor, address))
        return _add(stores, actor, _profile(actor, user_id, address, wanted), wanted, person)


def change(
    stores: Stores, actor: Actor, found: Provisioned, wanted: Wanted, if_match: str | None = None
) -> Provisioned:
    """The directory says something else of a person; who is suspended is out at once. Raises NameInUse,
    LastAdministrator, LimitReached, AddressElsewhere or PreconditionFailed."""
    if if_match is not None and if_match != found.revision:
        raise PreconditionFailed()
    differing = _differences(found, wanted)
    if not differing:
        return found
    with _told(stores, actor, "change", found.user_name):
        _demand_free(stores, actor, wanted, found.user_id)
        return _change(stores, actor, found, wanted, differing)


def remove(stores: Stores, actor: Actor, found: Provisioned, if_match: str | None = None) -> None:
    """The directory no longer knows a person, who is no longer in the organisation. Raises LastAdministrator."""
    if if_match is not None and if_match != found.revision:
        raise PreconditionFailed()
    with _told(stores, actor, "delete", found.user_name):
        if found.user is not None:
            members.remove(stores.people, actor, found.user_id, found.user.version)
        event = PersonDeprovisioned(user_id=found.user_id, email=found.some.email, was_active=found.user is not None)
        dropped: list[Change] = []
        if found.profile is not None:
            dropped = [gone(found.profile), *renaming(names_of(found.profile), {})]
        stores.people.commit(actor, dropped, [event])


def demand_removable(stores: Stores, actor: Actor, found: Provisioned) -> None:
    """Raises LastAdministrator: before a person is taken out of groups."""
    if found.user is not None:
        with _told(stores, actor, "delete", found.user_name):
            stores.people.administrators(actor).shift(found.user.roles, ())


def owns(store: Store, actor: Actor, address: str) -> bool:
    """Whether the organisation has proved that an address's domain is its own."""
    owner = store.domain_owner(domain_of(address))
    return owner is not None and owner.tenant_id == actor.tenant_id


def retrying(act: Callable[[], T], if_match: str | None) -> T:
    """What was read may have moved on meanwhile: read again, and try again. Who said what he had read is told."""
    for _ in range(ATTEMPTS):
        try:
            return act()
        except PreconditionFailed:
            if if_match is not None:
                raise
    raise Unavailable("Many requests change this at once. Try again.", retry_after=1)


def _change(stores: Stores, actor: Actor, found: Provisioned, wanted: Wanted, differing: list[str]) -> Provisioned:
    """The profile first: what it keeps of a person who is suspended must be there when the membership is gone."""
    profile, names = adopted(actor, found)
    user, suspends = found.user, found.user is not None and not wanted.active
    if user is not None:
        profile.keep(user)
        if suspends:
            stores.people.administrators(actor).shift(user.roles, ())  # raises before anything is written
    before = profile.user_name
    profile.user_name, profile.external_id = wanted.user_name, wanted.external_id
    profile.document, profile.changed_at = wanted.document, clock.timestamp()
    event = ProvisionedPersonChanged(
        user_id=profile.user_id,
        email=profile.email,
        changed=differing,
        user_name=profile.user_name,
        before_user_name=before,
        active=wanted.active,
        was_active=user is not None,
    )
    changes = [changed(profile) if profile.version else new(profile, PreconditionFailed())]
    changes += renaming(names, names_of(profile))
    if user is None and wanted.active:
        return _restore(stores, actor, profile, wanted, changes, event)
    if user is not None and not suspends and wanted.name != user.name:
        user.name = wanted.name
        changes.append(changed(user))
    stores.people.commit(actor, changes, [event])
    if suspends and user is not None:
        members.remove(stores.people, actor, user.user_id, user.version)
        return Provisioned(None, profile)
    return Provisioned(user, profile)


def _restore(
    stores: Stores,
    actor: Actor,
    profile: Profile,
    wanted: Wanted,
    changes: list[Change],
    event: ProvisionedPersonChanged,
) -> Provisioned:
    """A suspended person is in the organisation again. Who never was is asked for as a new one."""
    person = stores.people.person(profile.user_id)
    if not profile.joined:
        _may_take(stores, actor, profile.user_id, profile.email)
    profile.joined = True
    user = _user(actor, profile, wanted.name)
    members.join(stores.people, actor, user, person, changes, [event], otherwise=PreconditionFailed())
    return Provisioned(user, profile)


def _add(stores: Stores, actor: Actor, profile: Profile, wanted: Wanted, person: Person | None) -> Provisioned:
    event = PersonProvisioned(
        user_id=profile.user_id,
        email=profile.email,
        user_name=profile.user_name,
        external_id=profile.external_id,
        active=wanted.active,
    )
    changes = [new(profile, NameInUse("The address is in use.")), *renaming({}, names_of(profile))]
    if not wanted.active:
        stores.people.commit(actor, changes, [event])
        return Provisioned(None, profile)
    profile.joined = True
    user = _user(actor, profile, wanted.name)
    members.join(stores.people, actor, user, person, changes, [event], otherwise=NameInUse("The address is in use."))
    return Provisioned(user, profile)


def _profile(actor: Actor, user_id: str, address: str, wanted: Wanted) -> Profile:
    now = clock.timestamp()
    return Profile(
        tenant_id=actor.tenant_id,
        user_id=user_id,
        email=address,
        user_name=wanted.user_name,
        external_id=wanted.external_id,
        document=wanted.document,
        created_at=now,
        changed_at=now,
    )


def adopted(actor: Actor, found: Provisioned) -> tuple[Profile, dict[str, Taken]]:
    """The person's profile, and the names that it holds; a new one for who came into the organisation another way."""
    if found.profile is not None:
        return found.profile, names_of(found.profile)
    user = found.user
    assert user is not None
    wanted = Wanted(user_name=user.email, name=user.name)
    profile = _profile(actor, user.user_id, user.email, wanted)
    profile.created_at = user.created_at
    return profile, {}


def _user(actor: Actor, profile: Profile, name: str) -> User:
    return User(
        tenant_id=actor.tenant_id,
        user_id=profile.user_id,
        email=profile.email,
        name=name,
        roles=profile.roles,
        created_at=profile.created_at,
        preferences=profile.preferences,
    )


def _differences(found: Provisioned, wanted: Wanted) -> list[str]:
    """The names of what the directory says otherwise than before."""
    profile = found.profile
    document = profile.document if profile else {}
    differing = [key for key in sorted({*document, *wanted.document}) if document.get(key) != wanted.document.get(key)]
    if found.user_name != wanted.user_name:
        differing.append("userName")
    if (profile.external_id if profile else None) != wanted.external_id:
        differing.append("externalId")
    if (found.user is not None) != wanted.active:
        differing.append("active")
    return differing


def _demand_free(stores: Stores, actor: Actor, wanted: Wanted, owner: str | None) -> None:
    """Raises NameInUse: before anything is done that no transaction takes back. The transaction asks again."""
    holder = named(stores, actor, wanted.user_name)
    if holder is not None and holder.user_id != owner:
        raise NameInUse("The userName is in use.")
    if wanted.external_id is not None:
        holder = known_as(stores, actor, wanted.external_id)
        if holder is not None and holder.user_id != owner:
            raise NameInUse("The externalId is in use.")


def _is_here(stores: Stores, actor: Actor, user_id: str) -> bool:
    people = stores.people.find_user(actor, user_id)
    return people is not None or stores.provisions.profile(actor, user_id) is not None


def _may_take(stores: Stores, actor: Actor, account: str | None, address: str) -> Person | None:
    """Whoever has the account already, if the organisation may have that person. Raises AddressElsewhere."""
    person = stores.people.person(account) if account else None
    elsewhere = set(person.organizations) - {actor.tenant_id} if person else set()
    if elsewhere and not owns(stores.people, actor, address):
        raise AddressElsewhere()
    return person


@contextmanager
def _told(stores: Stores, actor: Actor, what: str, subject: str) -> Iterator[None]:
    """Tells the organisation what its directory wanted in vain."""
    try:
        yield
    except PreconditionFailed:
        raise
    except Problem as problem:
        refused = ProvisioningRefused(what=what, subject=subject, reason=problem.slug)
        stores.people.commit(actor, [], [refused])
        if isinstance(problem, AlreadyMember):
            raise NameInUse("The address is in use.") from None
        raise
