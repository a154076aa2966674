"""What the organizations context does with tenants: found, rename, close and restore, hand over, change the plan."""

from __future__ import annotations

from contracts.access import permissions_of
from contracts.organizations import OrganizationStatus
from contracts.plans import Metered, Plan, plans
from contracts.residency import home_for
from functions.organizations import metering
from functions.organizations.actors import founder_of
from functions.organizations.errors import NotAMember, PlanTooSmall, TooManyOrganizations, UnknownPlan
from functions.organizations.model import (
    FREE,
    Founding,
    Organization,
    Subscription,
)
from functions.organizations.schemas import (
    ChangeOrganization,
    ChangeSubscription,
    CloseOrganization,
    FoundOrganization,
    TransferOwnership,
)
from functions.organizations.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from kernel.ids import new_id

ADMINISTRATION = "organizations:delete"


def create_organization(
    store: Store,
    actor: Actor,
    name: str,
    owner_id: str = "",
    owner_email: str = "",
    *,
    region: str = "",
    plan: str = FREE,
) -> Organization:
    """Found the actor's tenant; founding it again returns it as it is. Raises UnknownPlan or ForeignRegion."""
    _plan_named(plan)
    organization = Organization(
        tenant_id=actor.tenant_id,
        organization_id=actor.tenant_id,
        name=name,
        created_at=clock.timestamp(),
        owner_id=owner_id,
        region=home_for(region),
        plan=plan,
    )
    try:
        store.add(actor, organization, owner_email)
    except Conflict:
        return store.organization(actor)
    return organization


def found_organization(store: Store, actor: Actor, command: FoundOrganization) -> Founding:
    """A further organisation of the caller's; he is its owner. Raises TooManyOrganizations or ForeignRegion.

    What is committed here is that it was founded; the event makes the organisation and lets the person in.
    """
    if actor.key_id is not None or actor.email is None:
        raise Forbidden("An organisation is founded by a person who is logged in.")
    here = store.organization(actor)
    founding = Founding(
        tenant_id=actor.tenant_id,
        organization_id=new_id("org"),
        name=command.name,
        owner_id=actor.user_id,
        owner_email=actor.email,
        region=home_for(command.region or here.region),
        created_at=clock.timestamp(),
    )
    allowed = plans()[here.plan].organizations
    if allowed and store.founded(actor, allowed) >= allowed:
        raise TooManyOrganizations()
    store.record_founding(actor, founding, here)
    return founding


def build(store: Store, founding: Founding) -> None:
    """Make a founded organisation; making it again changes nothing."""
    founder = founder_of(founding)
    create_organization(store, founder, founding.name, founding.owner_id, founding.owner_email, region=founding.region)


def get_organization(store: Store, actor: Actor, organization_id: str) -> Organization:
    """The caller's organisation; any other id looks like one that does not exist."""
    if organization_id != actor.tenant_id:
        raise NotFound()
    return store.organization(actor)


def change_organization(
    store: Store, actor: Actor, organization_id: str, change: ChangeOrganization, if_match: int | None
) -> Organization:
    """Rename the caller's organisation."""
    organization = _read_as(store, actor, organization_id, if_match)
    before, organization.name = organization.name, change.name
    store.rename(actor, organization, before)
    return organization


def close_organization(
    store: Store, actor: Actor, organization_id: str, confirmation: CloseOrganization, if_match: int | None
) -> Organization:
    """Begin the grace period after which everything is erased. Raises NotOwner or WrongName."""
    organization = _read_as(store, actor, organization_id, if_match)
    before = organization.status
    organization.close(actor, confirmation.name)
    store.set_status(actor, organization, before)
    return organization


def restore_organization(store: Store, actor: Actor, organization_id: str) -> Organization:
    """Take a deletion back. Raises NotClosing."""
    organization = get_organization(store, actor, organization_id)
    before = organization.status
    organization.restore()
    store.set_status(actor, organization, before)
    return organization


def transfer_ownership(store: Store, actor: Actor, organization_id: str, command: TransferOwnership) -> Organization:
    """Somebody else of the organisation owns it. Raises NotOwner, WrongName or NotAMember."""
    organization = get_organization(store, actor, organization_id)
    before = organization.owner_id
    organization.hand_over(actor, command.user_id, command.name)
    member = store.member(actor, command.user_id)
    if member is None:
        raise NotAMember()
    if not actor.model_copy(update={"permissions": permissions_of(member.roles)}).may(ADMINISTRATION):
        raise NotAMember("The new owner must be an administrator of the organisation.")
    store.hand_over(actor, organization, before)
    return organization


def set_status(store: Store, actor: Actor, status: OrganizationStatus, reason: str) -> Organization:
    """The platform's staff suspend an organisation, or let it work again."""
    organization = store.organization(actor)
    before = organization.status
    if before is not status:
        organization.status = status
        store.set_status(actor, organization, before, reason)
    return organization


def end_organization(store: Store, actor: Actor) -> None:
    """The grace period is over: whoever keeps something of the organisation is told to erase it."""
    organization = store.organization(actor)
    if organization.is_due(clock.now()):
        store.end(actor, organization)


def get_subscription(store: Store, actor: Actor, organization_id: str) -> Subscription:
    """The plan, and those to choose from."""
    return _subscription(get_organization(store, actor, organization_id))


def change_subscription(
    store: Store, actor: Actor, organization_id: str, change: ChangeSubscription, if_match: int | None
) -> Subscription:
    """Choose another plan. Raises UnknownPlan, or PlanTooSmall for one that holds less than there is already."""
    organization = _read_as(store, actor, organization_id, if_match)
    plan = _plan_named(change.plan)
    report = metering.report(store, actor, plan.name)
    too_much = [
        line.metered.value
        for line in report.lines
        if line.metered in (Metered.USERS, Metered.STORAGE) and line.limit and line.used > line.limit
    ]
    if too_much:
        raise PlanTooSmall(f"The organisation has more than the plan {plan.name} allows of: {', '.join(too_much)}.")
    before, organization.plan = organization.plan, plan.name
    store.change_plan(actor, organization, before, report.lines)
    return _subscription(organization)


def plan_name(store: Store, actor: Actor) -> str:
    """The plan of the actor's organisation."""
    found = store.find_organization(actor)
    return found.plan if found else FREE


def _plan_named(name: str) -> Plan:
    plan = plans().get(name)
    if plan is None:
        raise UnknownPlan(f"The plans are {', '.join(plans())}.")
    return plan


def _read_as(store: Store, actor: Actor, organization_id: str, if_match: int | None) -> Organization:
    organization = get_organization(store, actor, organization_id)
    if if_match is not None and if_match != organization.version:
        raise PreconditionFailed()
    return organization


def _subscription(organization: Organization) -> Subscription:
    return Subscription(plan=plans()[organization.plan], available=list(plans().values()), version=organization.version)
