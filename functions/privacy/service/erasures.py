"""To be forgotten: asked for, taken back, begun when its time has come, ended when every room has done its part."""

from __future__ import annotations

from datetime import timedelta

from contracts.access import Role
from contracts.privacy import (
    ERASING,
    PersonErased,
    PersonErasureCancelled,
    PersonErasureIncomplete,
    PersonErasureRefused,
    PersonErasureRequested,
    Subject,
    job_prefix,
)
from functions.privacy.errors import LastAdministratorStays, NothingToRetry, NotTheAddress, OwnerStays, TooLateToCancel
from functions.privacy.model import Erasure, ErasureStatus, Member
from functions.privacy.schemas import ErasePerson
from functions.privacy.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import Conflict, NotFound
from kernel.ids import new_id
from kernel.table import Page


def ask(store: Store, actor: Actor, command: ErasePerson) -> Erasure:
    """Ask that a person be forgotten. Raises NotFound, NotTheAddress, OwnerStays, LastAdministratorStays or
    AlreadyErasing."""
    member = store.member(actor, command.user_id)
    if command.confirmation.casefold() != member.email.casefold():
        raise NotTheAddress()
    _demand_spared(store, actor, member)
    now = clock.now()
    erasure = Erasure(
        tenant_id=actor.tenant_id,
        erasure_id=new_id("era"),
        user_id=member.user_id,
        begins_at=clock.timestamp(now + timedelta(days=command.grace_days)),
        created_by=actor.user_id,
        created_at=clock.timestamp(now),
    )
    subject = Subject(
        tenant_id=actor.tenant_id,
        job_id=erasure.erasure_id,
        user_id=member.user_id,
        email=member.email,
        name=member.name,
    )
    event = PersonErasureRequested(erasure_id=erasure.erasure_id, user_id=member.user_id, begins_at=erasure.begins_at)
    store.add_erasure(actor, erasure, subject, event)
    return erasure


def cancel(store: Store, actor: Actor, erasure_id: str) -> Erasure:
    """Take it back. Raises NotFound, or TooLateToCancel."""
    erasure = store.erasure(actor, erasure_id)
    if erasure.status is not ErasureStatus.SCHEDULED:
        raise TooLateToCancel()
    erasure.status, erasure.finished_at = ErasureStatus.CANCELLED, clock.timestamp()
    event = PersonErasureCancelled(erasure_id=erasure_id, user_id=erasure.user_id)
    store.end_erasure(actor, erasure, event, answers=True)
    return erasure


def retry(store: Store, actor: Actor, erasure_id: str) -> Erasure:
    """Try an incomplete one again. Raises NotFound, or NothingToRetry."""
    erasure = store.erasure(actor, erasure_id)
    if erasure.status is not ErasureStatus.INCOMPLETE:
        raise NothingToRetry()
    erasure.status, erasure.finished_at, erasure.begins_at = ErasureStatus.SCHEDULED, None, clock.timestamp()
    event = PersonErasureRequested(erasure_id=erasure_id, user_id=erasure.user_id, begins_at=erasure.begins_at)
    store.change_erasure(actor, erasure, event, answers=True)
    return erasure


def get_erasure(store: Store, actor: Actor, erasure_id: str) -> Erasure:
    """One erasure, as it stands now. Raises NotFound."""
    erasure = store.erasure(actor, erasure_id)
    if erasure.status is ErasureStatus.RUNNING:
        erasure.stands(store.papers(actor, erasure_id))
    return erasure


def list_erasures(store: Store, actor: Actor, limit: int, cursor: str | None) -> Page[Erasure]:
    """The organisation's erasures, newest first."""
    return store.erasures(actor, limit, cursor)


def begin(store: Store, actor: Actor, erasure_id: str) -> bool:
    """Its time has come; whether the rooms are to go to work. A person who meanwhile owns or alone administers the
    organisation is not erased, and the security team is told."""
    try:
        erasure = store.erasure(actor, erasure_id)
    except NotFound:
        return False
    if erasure.status is ErasureStatus.RUNNING:
        return True
    if erasure.status is not ErasureStatus.SCHEDULED:
        return False
    try:
        _demand_spared(store, actor, store.member(actor, erasure.user_id))
    except NotFound:
        pass  # who has left the organisation meanwhile is erased all the same
    except Conflict:
        erasure.status, erasure.finished_at = ErasureStatus.CANCELLED, clock.timestamp()
        store.end_erasure(actor, erasure, PersonErasureCancelled(erasure_id=erasure_id, user_id=erasure.user_id))
        return False
    erasure.status = ErasureStatus.RUNNING
    store.change_erasure(actor, erasure)
    return True


def finish(store: Store, actor: Actor, erasure_id: str) -> str:
    """Every room has left its word, or the erasure is incomplete and says where. How it ended. Again changes
    nothing."""
    erasure = store.erasure(actor, erasure_id)
    if erasure.status is not ErasureStatus.RUNNING:
        return erasure.status
    papers = store.papers(actor, erasure_id)
    erasure.stands(papers - {"sweep"})
    erasure.finished_at = clock.timestamp()
    missing = [*erasure.missing, *([] if "sweep" in papers else ["sweep"])]
    if missing:
        erasure.status = ErasureStatus.INCOMPLETE
        event = PersonErasureIncomplete(erasure_id=erasure_id, user_id=erasure.user_id, missing=missing)
        store.change_erasure(actor, erasure, event)
        return erasure.status
    erasure.counts = {
        room: sum(store.paper(actor, erasure_id, room)["erased"].values()) for room in (*ERASING, "sweep")
    }
    erasure.status = ErasureStatus.DONE
    done = PersonErased(erasure_id=erasure_id, user_id=erasure.user_id, counts=erasure.counts)
    store.end_erasure(actor, erasure, done)
    store.facts.erase(actor, job_prefix(actor.tenant_id, erasure_id))
    return erasure.status


def _demand_spared(store: Store, actor: Actor, member: Member) -> None:
    """Raises OwnerStays or LastAdministratorStays; the security team is told of the wish."""
    problem: Conflict | None = None
    if store.owner(actor) == member.user_id:
        problem = OwnerStays()
    elif Role.ORGANIZATION_ADMIN in member.roles and store.administrators(actor) <= 1:
        problem = LastAdministratorStays()
    if problem is not None:
        store.tell(actor, PersonErasureRefused(user_id=member.user_id, reason=problem.slug))
        raise problem
