"""A tenant's own profiles."""

from __future__ import annotations

from contracts.modules import catalogue
from contracts.scans import ScanProfileChanged, ScanProfileDeleted
from functions.scans.errors import ReservedProfile, TooManyProfiles
from functions.scans.profiles import MAX_OWN_PROFILES, PROFILES, Choice, OwnProfile, Profile
from functions.scans.service.scans import demand_known
from functions.scans.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed


def list_profiles(store: Store, actor: Actor) -> list[Profile]:
    """The platform's profiles, then the tenant's own by name."""
    return [*PROFILES.values(), *(own.profile() for own in store.profiles(actor))]


def save_profile(store: Store, actor: Actor, name: str, choice: Choice, if_match: int | None) -> OwnProfile:
    """Make a profile, or replace the one of that name; scans that were defined before keep what they had. Raises
    ReservedProfile for the platform's names, UnknownModule, TooManyProfiles."""
    if name in PROFILES:
        raise ReservedProfile(f"{name!r} is one of the platform's profiles. Choose another name.")
    available = catalogue() | store.own_faces(actor)
    demand_known(choice.modules or (), "/modules", available)
    demand_known(choice.without, "/without", available)
    known = {each.name: each for each in store.profiles(actor)}
    own = known.get(name)
    if own is None and len(known) >= MAX_OWN_PROFILES:
        raise TooManyProfiles(f"An organisation has at most {MAX_OWN_PROFILES} profiles of its own. Remove one first.")
    if if_match is not None and if_match != (own.version if own else 0):
        raise PreconditionFailed()
    saved = OwnProfile(
        tenant_id=actor.tenant_id,
        name=name,
        version=own.version if own else 0,
        choice=choice,
        updated_by=actor.user_id,
        updated_at=clock.timestamp(),
    )
    event = ScanProfileChanged(name=name, summary=choice.summary)
    if own:
        store.save(actor, saved, event, answer=saved)
    else:
        store.add(actor, saved, [event])
    return saved


def delete_profile(store: Store, actor: Actor, name: str) -> None:
    """Forget a profile; scans that used it stay, schedules that name it are refused at their next run, and say so."""
    own = store.profile(actor, name)
    if own is None:
        raise NotFound()
    store.remove(actor, own, ScanProfileDeleted(name=name))
