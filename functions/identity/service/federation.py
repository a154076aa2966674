"""An organisation's single sign-on: its identity providers, and the domains they answer for."""

from __future__ import annotations

from contracts.identity import (
    SsoConnectionChanged,
    SsoDomainClaimed,
    SsoDomainRefused,
    SsoDomainReleased,
    SsoDomainVerified,
)
from functions.identity.errors import (
    BadProvider,
    SsoDomainTaken,
    SsoDomainUnverified,
    SsoInUse,
    SsoNotReady,
    WrongName,
)
from functions.identity.model.federation import (
    Connection,
    DomainOwner,
    OidcSettings,
    ProviderKind,
    SamlSettings,
    Settings,
    SsoDomain,
    new_connection_id,
    new_domain,
    read_domain,
)
from functions.identity.model.saml import read_metadata
from functions.identity.providers import Outside, Registry, callbacks
from functions.identity.schemas import ChangeConnection, ClaimDomain, ConnectionBody, CreateConnection
from functions.identity.service.members import demand_grantable, demand_own
from functions.identity.service.sessions import end
from functions.identity.store import Store, changed, gone, new
from kernel import clock
from kernel.actor import Actor
from kernel.errors import Conflict, NotFound, PreconditionFailed
from kernel.events import Event
from kernel.table import Page

MAX_CONNECTIONS = 10
MAX_DOMAINS = 100
EMAIL = {
    ProviderKind.OIDC: "email",
    ProviderKind.SAML: "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
}
OF_OIDC = ("issuer", "client_id", "client_secret")
OF_SAML = ("metadata_url", "metadata_xml")


def list_connections(
    store: Store, actor: Actor, organization_id: str, limit: int, cursor: str | None
) -> Page[Connection]:
    """The organisation's identity providers. Raises NotFound for another organisation."""
    demand_own(actor, organization_id)
    return store.connections(actor, limit, cursor)


def get_connection(store: Store, actor: Actor, organization_id: str, connection_id: str) -> Connection:
    """One of them. Raises NotFound."""
    demand_own(actor, organization_id)
    connection = store.connection(actor, connection_id)
    if connection is None:
        raise NotFound()
    return connection


async def connect(
    store: Store,
    registry: Registry,
    outside: Outside,
    actor: Actor,
    organization_id: str,
    command: CreateConnection,
) -> Connection:
    """Connect an identity provider. Raises NotFound, BadProvider, UnknownRole, CannotGrant or Conflict."""
    demand_own(actor, organization_id)
    store.demand_fresh(actor)
    if len(store.connections(actor, MAX_CONNECTIONS, None).items) >= MAX_CONNECTIONS:
        raise Conflict(f"An organisation has {MAX_CONNECTIONS} identity providers at most.")
    settings = await _settings(outside, command.kind, command)
    if settings is None:
        raise _lacking(command.kind)
    callback, audience = callbacks(command.kind)
    connection = Connection(
        tenant_id=actor.tenant_id,
        organization_id=actor.tenant_id,
        connection_id=new_connection_id(),
        kind=command.kind,
        created_at=clock.timestamp(),
        callback_url=callback,
        audience=audience,
        **_chosen(command.kind, command, settings),
    )
    demand_grantable(store, actor, connection.roles)
    registry.add(connection, settings)
    event = SsoConnectionChanged(
        connection_id=connection.connection_id, name=connection.name, after=_told(connection), secret_replaced=True
    )
    try:
        store.commit(actor, [new(connection)], [event], connection)
    except BaseException:
        registry.remove(connection)
        raise
    return connection


async def change(
    store: Store,
    registry: Registry,
    outside: Outside,
    actor: Actor,
    organization_id: str,
    connection_id: str,
    command: ChangeConnection,
    if_match: int | None,
) -> Connection:
    """Change all that is said of one. Raises NotFound, PreconditionFailed, BadProvider, UnknownRole, CannotGrant or
    SsoInUse."""
    connection = _current(store, actor, organization_id, connection_id, if_match)
    settings = await _settings(outside, connection.kind, command)
    before = _told(connection)
    chosen = _chosen(connection.kind, command, settings)
    known = set(connection.roles)
    connection = connection.model_copy(update=chosen)
    demand_grantable(store, actor, tuple(role for role in connection.roles if role not in known))
    if not connection.enabled:
        _demand_not_last(store, actor, connection_id)
    event = SsoConnectionChanged(
        connection_id=connection_id,
        name=connection.name,
        before=before,
        after=_told(connection),
        secret_replaced=settings is not None,
    )
    registry.change(connection, settings)
    store.commit(actor, [changed(connection)], [event])
    return connection


def disconnect(
    store: Store,
    registry: Registry,
    actor: Actor,
    organization_id: str,
    connection_id: str,
    name: str,
    if_match: int | None,
) -> None:
    """Cut one off: nobody comes in by it any more, and who did is out. Raises NotFound, PreconditionFailed, WrongName,
    SsoInUse, or Conflict while domains lead to it."""
    connection = _current(store, actor, organization_id, connection_id, if_match)
    if name != connection.name:
        raise WrongName()
    _demand_not_last(store, actor, connection_id)
    if any(domain.connection_id == connection_id for domain in store.every_domain(actor)):
        raise Conflict("Domains lead to this identity provider: release them first.")
    event = SsoConnectionChanged(connection_id=connection_id, name=connection.name, before=_told(connection))
    store.commit(actor, [gone(connection)], [event])
    registry.remove(connection)
    for session in store.sessions_in(actor):
        if session.provider == connection_id and not session.ended_at:
            end(store, actor, session.user_id, "no_access", only=session.session_id)


def list_domains(store: Store, actor: Actor, organization_id: str, limit: int, cursor: str | None) -> Page[SsoDomain]:
    """The domains that the organisation has named. Raises NotFound for another organisation."""
    demand_own(actor, organization_id)
    return store.domains(actor, limit, cursor)


def get_domain(store: Store, actor: Actor, organization_id: str, domain: str) -> SsoDomain:
    """One of them. Raises NotFound."""
    demand_own(actor, organization_id)
    found = store.domain(actor, domain)
    if found is None:
        raise NotFound()
    return found


def claim(store: Store, actor: Actor, organization_id: str, command: ClaimDomain) -> SsoDomain:
    """Name a domain, which counts when its proof was seen: who has not proved it keeps nobody out. Raises NotFound,
    BadDomain, or SsoDomainTaken."""
    name = read_domain(command.domain)
    get_connection(store, actor, organization_id, command.connection_id)
    owner = store.domain_owner(name)
    if owner is not None and owner.tenant_id != actor.tenant_id:
        raise _taken(store, actor, name)
    domain = new_domain(actor.tenant_id, name, command.connection_id)
    event = SsoDomainClaimed(domain=name, connection_id=command.connection_id)
    store.commit(actor, [new(domain, SsoDomainTaken("The organisation has named this domain."))], [event], domain)
    return domain


async def verify(store: Store, outside: Outside, actor: Actor, organization_id: str, domain: str) -> SsoDomain:
    """Look for the proof; there is one owner of a domain. Raises NotFound, SsoDomainUnverified or SsoDomainTaken."""
    found = get_domain(store, actor, organization_id, domain)
    if found.verified_at is not None:
        return found
    if found.challenge not in await outside.texts(found.record_name):
        refused = SsoDomainRefused(domain=domain, reason=SsoDomainUnverified.slug)
        store.commit(actor, [], [refused])
        raise SsoDomainUnverified(f"Expected {found.challenge!r} in the TXT record of {found.record_name}.")
    found.verified_at = clock.timestamp()
    owner = DomainOwner(tenant_id=actor.tenant_id, domain=domain, connection_id=found.connection_id)
    event = SsoDomainVerified(domain=domain, connection_id=found.connection_id)
    try:
        store.commit(actor, [changed(found), new(owner, SsoDomainTaken())], [event], found)
    except SsoDomainTaken:
        raise _taken(store, actor, domain) from None
    return found


def release(store: Store, actor: Actor, organization_id: str, domain: str, if_match: int | None) -> None:
    """Give a domain up: nobody with an address in it comes in by single sign-on. Raises NotFound, PreconditionFailed
    or SsoInUse."""
    found = get_domain(store, actor, organization_id, domain)
    if if_match is not None and if_match != found.version:
        raise PreconditionFailed()
    owner = store.domain_owner(domain) if found.verified_at else None
    if owner is not None:
        _demand_not_last(store, actor, but_domain=domain)
    event = SsoDomainReleased(domain=domain, connection_id=found.connection_id, was_verified=owner is not None)
    mine = owner is not None and owner.tenant_id == actor.tenant_id
    store.commit(actor, [gone(found), *([gone(owner)] if owner and mine else [])], [event])


def demand_ready(store: Store, actor: Actor) -> None:
    """Raises SsoNotReady unless somebody could come in by single sign-on."""
    if not _ways(store, actor):
        raise SsoNotReady()


def _demand_not_last(store: Store, actor: Actor, connection_id: str = "", but_domain: str = "") -> None:
    """Raises SsoInUse where nobody could come in any more but with a password, which is ruled out."""
    rules = store.rules(actor.tenant_id)
    if rules is None or not rules.sso_only:
        return
    if not any(each.connection_id != connection_id and each.domain != but_domain for each in _ways(store, actor)):
        raise SsoInUse()


def _ways(store: Store, actor: Actor) -> list[SsoDomain]:
    """The verified domains that lead to a connection which lets people in."""
    open_ = {each.connection_id for each in store.connections(actor, MAX_CONNECTIONS, None).items if each.enabled}
    return [each for each in store.every_domain(actor) if each.verified_at and each.connection_id in open_]


def _current(store: Store, actor: Actor, organization_id: str, connection_id: str, if_match: int | None) -> Connection:
    connection = get_connection(store, actor, organization_id, connection_id)
    if if_match is not None and if_match != connection.version:
        raise PreconditionFailed()
    return connection


def _taken(store: Store, actor: Actor, domain: str) -> SsoDomainTaken:
    refused: list[Event] = [SsoDomainRefused(domain=domain, reason=SsoDomainTaken.slug)]
    store.commit(actor, [], refused)
    return SsoDomainTaken()


async def _settings(outside: Outside, kind: ProviderKind, command: ConnectionBody) -> Settings | None:
    """What the directory is to know of the provider, looked at; None when nothing was sent. Raises BadProvider."""
    foreign = OF_SAML if kind is ProviderKind.OIDC else OF_OIDC
    if any(getattr(command, name) is not None for name in foreign):
        raise BadProvider(f"{', '.join(foreign)} are not for this kind of provider.")
    if kind is ProviderKind.OIDC:
        if command.issuer is None and command.client_id is None and command.client_secret is None:
            return None
        if command.issuer is None or command.client_id is None or command.client_secret is None:
            raise _lacking(kind)
        await outside.discover(command.issuer)
        return OidcSettings(command.issuer, command.client_id, command.client_secret)
    if command.metadata_url is None and command.metadata_xml is None:
        return None
    if command.metadata_url is not None and command.metadata_xml is not None:
        raise BadProvider("Send the metadata, or say where they are.")
    text = command.metadata_xml or await outside.metadata(command.metadata_url or "")
    read_metadata(text)
    return SamlSettings(text)


def _lacking(kind: ProviderKind) -> BadProvider:
    needed = "issuer, client_id and client_secret" if kind is ProviderKind.OIDC else "metadata_url or metadata_xml"
    return BadProvider(f"An identity provider of this kind needs {needed}.")


def _chosen(kind: ProviderKind, command: ConnectionBody, settings: Settings | None) -> dict[str, object]:
    """What a command says of a connection."""
    chosen: dict[str, object] = {
        "name": command.name,
        "scopes": command.scopes if kind is ProviderKind.OIDC else (),
        "groups_attribute": command.groups_attribute or "groups",
        "email_attribute": command.email_attribute or EMAIL[kind],
        "role_rules": command.role_rules,
        "default_roles": tuple(dict.fromkeys(command.default_roles)),
        "just_in_time": command.just_in_time,
        "enabled": command.enabled,
    }
    if isinstance(settings, OidcSettings):
        chosen |= {"issuer": settings.issuer, "client_id": settings.client_id}
    elif settings is not None:
        chosen |= {"issuer": read_metadata(settings.metadata)}
    return chosen


def _told(connection: Connection) -> dict[str, object]:
    """What an event says of a connection: its secret is not in it."""
    fields = {"name", "kind", "issuer", "client_id", "scopes", "groups_attribute", "email_attribute", "role_rules"}
    told: dict[str, object] = connection.model_dump(
        mode="json", include=fields | {"default_roles", "just_in_time", "enabled"}
    )
    return told
