"""What identity knows of a person, to be handed out or erased."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain

from contracts.privacy import Sections, hand_in, receipt, subject_of
from functions.identity.gateways import Directory
from functions.identity.model import Person
from functions.identity.model.accounts import normal
from functions.identity.model.federation import Connection, FederatedIdentity, IdentityLink
from functions.identity.model.members import Invitation
from functions.identity.model.provisioning import names_of
from functions.identity.providers import Registry
from functions.identity.provisions import Provisions, renaming
from functions.identity.service import groups, members
from functions.identity.service.provisioning import Stores
from functions.identity.store import Store, changed, gone
from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.facts import Facts
from kernel.table import Table


def hand_in_person(store: Store, table: Table, facts: Facts, actor: Actor, job_id: str) -> dict[str, int]:
    """Leave everything about a person in the organisation."""
    subject = subject_of(table, actor, job_id)
    stores = Stores(store, Provisions(table))
    user = store.find_user(actor, subject.user_id)
    account = store.account(subject.email)
    sessions = [each for each in store.sessions(subject.user_id) if each.tenant_id == actor.tenant_id]
    invitations = [
        each
        for each in table.all(actor, Invitation)
        if normal(each.email) == normal(subject.email) or subject.user_id in (each.invited_by, each.accepted_by)
    ]
    sections: Sections = {
        "profile": [user] if user else [],
        "sessions": sessions,
        "invitations": invitations,
        "sso_identities": table.all(actor, IdentityLink, user_id=subject.user_id),
        "directory_profile": [profile] if (profile := stores.provisions.profile(actor, subject.user_id)) else [],
        "directory_groups": [
            {"group_id": each.group_id, "name": each.name}
            for each in stores.provisions.groups(actor)
            if subject.user_id in each.members
        ],
        "account": [{"second_factor": account.has_factor, "known_devices": len(account.devices)}],
    }
    return hand_in(facts, actor, job_id, "identity", sections)


def erase_person(
    store: Store, directory: Directory, table: Table, facts: Facts, actor: Actor, job_id: str
) -> dict[str, int]:
    """Erase a person: the membership, the sessions, the invitations; the account where no other organisation has the
    person. Doing it again finds nothing. Raises LastAdministrator."""
    subject = subject_of(table, actor, job_id)
    with suppress(NotFound):
        members.remove(store, actor, subject.user_id, told_as=subject.pseudonym)
    counts = {"invitations": 0, **_forget_provisioned(Stores(store, Provisions(table)), actor, subject.user_id)}
    for invitation in table.all(actor, Invitation):
        if normal(invitation.email) == normal(subject.email):
            store.commit(actor, [gone(invitation)])
            counts["invitations"] += 1
    links = list(table.all(actor, IdentityLink, user_id=subject.user_id))
    for link in links:
        identity = table.get_platform(FederatedIdentity, subject=link.subject)
        store.commit(actor, [gone(link), *([gone(identity)] if identity else [])])
    counts["sso_identities"] = len(links)
    counts |= forget_person(store, directory, actor, subject.user_id, subject.email)
    return receipt(facts, actor, job_id, "identity", counts)


def forget_organization(store: Store, directory: Directory, registry: Registry, table: Table, actor: Actor) -> int:
    """An organisation is no more: its identity providers let nobody in, its people's pointers to it go, and who is in
    no other goes with it. How many people it had."""
    for connection in table.all(actor, Connection):
        registry.remove(connection)
    people = 0
    for user in store.everybody(actor):
        people += 1
        person = store.person(user.user_id)
        if person is not None and actor.tenant_id in person.organizations:
            person.organizations = tuple(each for each in person.organizations if each != actor.tenant_id)
            if person.last == actor.tenant_id and person.organizations:
                person.last = person.organizations[0]
            store.commit(actor, [changed(person)])
        forget_person(store, directory, actor, user.user_id, user.email)
    return people


def forget_person(store: Store, directory: Directory, actor: Actor, user_id: str, email: str) -> dict[str, int]:
    """What lies outside the organisation's partitions: its sessions, and the account of one who is nowhere else."""
    person = store.person(user_id)
    remains = person is not None and bool(person.organizations)
    sessions = [each for each in store.sessions(user_id) if not remains or each.tenant_id == actor.tenant_id]
    for session in sessions:
        store.commit(actor, [gone(session)])
    counts = {"sessions": len(sessions), "account": 0}
    if remains:
        _rehome(store, actor, person)
        return counts
    account, registration = store.account(email), store.registration(email)
    own = [account] if account.version and account.user_id in (None, user_id) else []
    for record in chain(own, [registration] if registration else [], [person] if person else []):
        store.commit(actor, [gone(record)])
    directory.delete(user_id)
    return counts | {"account": 1}


def _forget_provisioned(stores: Stores, actor: Actor, user_id: str) -> dict[str, int]:
    """What the organisation's directory has said of a person goes untold: an event would name the person again."""
    groups.forget(stores, actor, user_id)
    profile = stores.provisions.profile(actor, user_id)
    if profile is None:
        return {}
    stores.people.commit(actor, [gone(profile), *renaming(names_of(profile), {})])
    return {"directory_profile": 1}


def _rehome(store: Store, actor: Actor, person: Person | None) -> None:
    """The pointer is kept for another organisation from now on."""
    if person is not None and person.tenant_id == actor.tenant_id:
        tenant_id = person.organizations[0]
        person.tenant_id = tenant_id
        store.commit(actor, [changed(person)])
