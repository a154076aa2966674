"""Policies: written, held to the schema, compiled into the one item that the authorizer reads, and tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from contracts.access import (
    ROLE_PERMISSIONS,
    PolicyChanged,
    PolicyRefused,
    PolicySet,
    Role,
    covers,
    permissions_of,
)
from contracts.routes import permissions, routes
from functions.access import language
from functions.access.errors import Moved, NameTaken, TooMany, UnknownPermission, UnknownPolicy, WouldLockOut
from functions.access.model import (
    MAX_POLICIES,
    DryRun,
    Ledger,
    Person,
    Policy,
    PolicySchema,
    Verdict,
    taken_name,
)
from functions.access.policies import (
    BREAK_GLASS,
    GLASS_BROKEN,
    SERVICE_ACCOUNT,
    AuthorizationRequest,
    Decision,
    decide,
    judged,
)
from functions.access.schemas import TryPolicies, WritePolicy
from functions.access.service.listing import cut
from functions.access.store import Store
from kernel import clock
from kernel.actor import Actor
from kernel.errors import NotFound, PreconditionFailed
from kernel.ids import new_id
from kernel.table import Change, create, delete, update

KIND = "POLICIES"
ATTEMPTS = 8
DRAFT = "draft"


def list_policies(store: Store, actor: Actor, limit: int, cursor: str | None) -> tuple[list[Policy], str | None]:
    """The organisation's policies, oldest first."""
    return cut(actor, KIND, store.policies(actor), lambda policy: policy.policy_id, limit, cursor)


def schema() -> PolicySchema:
    """What policies can speak of."""
    return PolicySchema(cedar=language.schema_text())


def create_policy(store: Store, actor: Actor, command: WritePolicy) -> Policy:
    """Write a policy. Raises BadPolicy, PolicyTooComplex, NameTaken, TooMany, WouldLockOut."""
    language.check(command.source)
    policy_id = new_id("pol")

    def change(known: list[Policy]) -> _Plan:
        if len(known) >= MAX_POLICIES:
            raise TooMany(f"At most {MAX_POLICIES} policies.")
        policy = _written(actor, policy_id, command, None)
        name = taken_name(actor.tenant_id, KIND, policy.name, policy_id)
        return _Plan(policy, None, [create(policy), create(name, NameTaken())], is_new=True)

    return _commit(store, actor, change)


def change_policy(store: Store, actor: Actor, policy_id: str, command: WritePolicy, if_match: int | None) -> Policy:
    """Rewrite, enable or disable a policy. Raises as `create_policy` does."""
    language.check(command.source)

    def change(known: list[Policy]) -> _Plan:
        before = _find(known, policy_id, if_match)
        policy = _written(actor, policy_id, command, before)
        names = _renaming(actor, policy, before.name)
        return _Plan(policy, before, [update(policy, Moved()), *names])

    return _commit(store, actor, change)


def delete_policy(store: Store, actor: Actor, policy_id: str, if_match: int | None) -> None:
    """Remove a policy: what it forbade is as the roles say."""

    def change(known: list[Policy]) -> _Plan:
        before = _find(known, policy_id, if_match)
        name = taken_name(actor.tenant_id, KIND, before.name, policy_id)
        name.version = 1
        return _Plan(None, before, [delete(before, Moved()), delete(name, Moved())])

    _commit(store, actor, change)


def try_policies(store: Store, actor: Actor, question: TryPolicies) -> DryRun:
    """What would become of a request, and why; nothing is done. Raises UnknownPermission, BadPolicy."""
    if question.action not in permissions():
        raise UnknownPermission(errors=[{"pointer": "/action", "detail": "no route needs this permission"}])
    known = store.policies(actor)
    names = {policy.policy_id: policy.name for policy in known} | {DRAFT: "the draft"}
    source = language.compiled(_enabled(_with_draft(actor, known, question)))
    request = _imagined(store, actor, question)
    held = _permissions(store, actor, request)
    rbac = covers(held, question.action)
    decision = decide(source, request) if source else Decision(True)
    forbidding = [name for name in decision.determining if name != GLASS_BROKEN]
    return DryRun(
        allowed=rbac and decision.allowed,
        rbac=rbac,
        break_glass=GLASS_BROKEN in decision.determining,
        determining=[Verdict(policy_id=name, name=names.get(name, "")) for name in forbidding],
        errors=list(decision.errors),
        explanation=_explanation(question.action, rbac, decision, [names.get(name, name) for name in forbidding]),
    )


class _Plan:
    """A change to the policies: the policy after it and before it, and the items."""

    def __init__(
        self, policy: Policy | None, before: Policy | None, changes: list[Change], *, is_new: bool = False
    ) -> None:
        self.policy, self.before, self.changes, self.is_new = policy, before, changes, is_new

    def applied(self, known: Iterable[Policy]) -> list[Policy]:
        """All policies as they would be."""
        gone = self.before.policy_id if self.before else ""
        return [policy for policy in known if policy.policy_id != gone] + ([self.policy] if self.policy else [])


def _commit(store: Store, actor: Actor, change: Callable[[list[Policy]], _Plan]) -> Policy:
    """Make a change together with the set that is compiled of all policies; again when another was quicker."""
    for _ in range(ATTEMPTS):
        ledger = store.ledger(actor)
        known, compiled_before = store.policies(actor), store.policy_set(actor)
        plan = change(known)
        source = language.compiled(_enabled(plan.applied(known)))
        if plan.policy is not None and plan.policy.enabled:
            _demand_way_back(store, actor, plan.policy, source)
        try:
            return _store(store, actor, plan, ledger, compiled_before, source)
        except Moved:
            continue
    raise Moved(retry_after=1)


def _store(
    store: Store, actor: Actor, plan: _Plan, ledger: Ledger | None, known: PolicySet | None, source: str
) -> Policy:
    subject = plan.policy or plan.before
    assert subject is not None
    answer = plan.policy if plan.is_new else None
    store.commit_policies(actor, plan.changes, ledger, (known, source), _changed(plan), answer)
    return subject


def _demand_way_back(store: Store, actor: Actor, policy: Policy, source: str) -> None:
    """Some administrator must be able to take the policy back, from where this one is written, with a second factor:
    what the policies themselves say counts here, without the administrators' way round them."""
    candidates = _administrators(store, actor)
    if not source or any(_can_return(store, actor, person, policy.policy_id, source) for person in candidates):
        return
    store.tell(actor, PolicyRefused(policy_id=policy.policy_id, name=policy.name, source=policy.source))
    raise WouldLockOut("No administrator could see, change or remove policies any more.")


def _administrators(store: Store, actor: Actor) -> Iterable[Person]:
    """The organisation's administrators; where it has none, the caller stands for them."""
    found = False
    for person in store.people(actor):
        if Role.ORGANIZATION_ADMIN in person.roles:
            found = True
            yield person
    if not found:
        yield Person(tenant_id=actor.tenant_id, user_id=actor.user_id, roles=(Role.ORGANIZATION_ADMIN,))


def _can_return(store: Store, actor: Actor, person: Person, policy_id: str, source: str) -> bool:
    teams = tuple(membership.team_id for membership in store.teams_of(actor, person.user_id))
    return all(
        judged(source, _administration(actor, person, teams, permission, resource_id)).allowed
        for permission in sorted(BREAK_GLASS)
        for resource_id in ("", policy_id)
    )


def _administration(
    actor: Actor, person: Person, teams: tuple[str, ...], permission: str, resource_id: str
) -> AuthorizationRequest:
    method = {"policies:read": "GET", "policies:update": "PUT", "policies:delete": "DELETE"}[permission]
    return AuthorizationRequest(
        user_id=person.user_id,
        organization_id=actor.tenant_id,
        roles=person.roles,
        teams=teams,
        permission=permission,
        method=method,
        path=f"/policies/{resource_id}".rstrip("/"),
        resource_type="policies",
        resource_id=resource_id,
        address=actor.address or "127.0.0.1",
        mfa=True,
        via_api_key=False,
        at=clock.now(),
    )


def _written(actor: Actor, policy_id: str, command: WritePolicy, before: Policy | None) -> Policy:
    now = clock.timestamp()
    return Policy(
        tenant_id=actor.tenant_id,
        policy_id=policy_id,
        name=command.name,
        description=command.description,
        source=command.source,
        enabled=command.enabled,
        created_by=before.created_by if before else actor.user_id,
        created_at=before.created_at if before else now,
        updated_by=actor.user_id,
        updated_at=now,
        version=before.version if before else 0,
    )


def _find(known: list[Policy], policy_id: str, if_match: int | None) -> Policy:
    policy = next((policy for policy in known if policy.policy_id == policy_id), None)
    if policy is None:
        raise NotFound()
    if if_match is not None and if_match != policy.version:
        raise PreconditionFailed()
    return policy


def _renaming(actor: Actor, policy: Policy, old_name: str) -> list[Change]:
    old = taken_name(actor.tenant_id, KIND, old_name, policy.policy_id)
    new = taken_name(actor.tenant_id, KIND, policy.name, policy.policy_id)
    if old.digest == new.digest:
        return []
    old.version = 1
    return [delete(old, Moved()), create(new, NameTaken())]


def _enabled(policies: Iterable[Policy]) -> list[Policy]:
    return [policy for policy in policies if policy.enabled]


def _with_draft(actor: Actor, known: list[Policy], question: TryPolicies) -> list[Policy]:
    if question.draft is None:
        return known
    language.check(question.draft.source, "/draft/source")
    replaced = question.draft.policy_id
    if replaced is not None and all(policy.policy_id != replaced for policy in known):
        raise UnknownPolicy(errors=[{"pointer": "/draft/policy_id", "detail": "there is no such policy"}])
    command = WritePolicy(name=DRAFT, source=question.draft.source)
    return [policy for policy in known if policy.policy_id != replaced] + [_written(actor, DRAFT, command, None)]


def _imagined(store: Store, actor: Actor, question: TryPolicies) -> AuthorizationRequest:
    """The request that is asked about: what is not said is as in the caller's own."""
    user_id = question.user.user_id or actor.user_id
    route = next(route for route in routes() if route.permission == question.action)
    given, context = question.user, question.context
    return AuthorizationRequest(
        user_id=user_id,
        organization_id=actor.tenant_id,
        roles=tuple(given.roles) if given.roles is not None else _roles_of(store, actor, user_id),
        teams=tuple(given.teams) if given.teams is not None else _teams_of(store, actor, user_id),
        permission=question.action,
        method=context.method or route.method,
        path=context.path or route.template,
        resource_type=route.area,
        resource_id=question.resource_id,
        address=context.address or actor.address,
        mfa=context.mfa,
        via_api_key=context.via_api_key,
        at=context.time or clock.now(),
    )


def _roles_of(store: Store, actor: Actor, user_id: str) -> tuple[str, ...]:
    if user_id.startswith(SERVICE_ACCOUNT):
        account = store.service_account(actor, user_id)
        return account.roles if account else ()
    person = store.person(actor, user_id)
    if person is None:
        return actor.roles if user_id == actor.user_id else ()
    return person.roles


def _teams_of(store: Store, actor: Actor, user_id: str) -> tuple[str, ...]:
    return tuple(membership.team_id for membership in store.teams_of(actor, user_id))


def _permissions(store: Store, actor: Actor, request: AuthorizationRequest) -> frozenset[str]:
    """What the roles of an imagined request allow, custom ones included."""
    held = permissions_of(request.roles)
    if set(request.roles) <= set(ROLE_PERMISSIONS):
        return held
    return held.union(*(role.permissions for role in store.roles(actor) if role.role_id in request.roles))


def _explanation(action: str, rbac: bool, decision: Decision, forbidding: list[str]) -> str:
    if not rbac:
        return f"No role gives {action}; policies cannot add it."
    if GLASS_BROKEN in decision.determining:
        return f"Forbidden by {', '.join(forbidding)}; an administrator with a second factor passes nevertheless."
    if decision.errors:
        return "A policy could not be evaluated, which refuses the request."
    if not decision.allowed:
        return f"A role gives {action}, and it is forbidden by {', '.join(forbidding)}."
    return f"A role gives {action}, and no policy forbids it."


def _changed(plan: _Plan) -> PolicyChanged:
    after, before = plan.policy, plan.before
    subject = after or before
    assert subject is not None
    return PolicyChanged(
        policy_id=subject.policy_id,
        name=subject.name,
        enabled=after.enabled if after else False,
        was_enabled=before.enabled if before else False,
        source=after.source if after else None,
        before=before.source if before else None,
    )
