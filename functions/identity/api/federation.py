"""Routes of single sign-on: an organisation's identity providers and domains, and the way in by them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from functions.identity.api.app import app, place_of, store
from functions.identity.gateways import Cognito
from functions.identity.model.federation import Connection, SsoBegun, SsoDomain
from functions.identity.model.sessions import Tokens
from functions.identity.providers import CognitoProviders, HostedPages, Published, redirects, socials
from functions.identity.schemas import (
    BeginSso,
    ChangeConnection,
    ClaimDomain,
    ConnectionId,
    CreateConnection,
    DomainName,
    FinishSso,
)
from functions.identity.service import federation, sso
from kernel.actor import Actor
from kernel.http import IfMatch, List, ListParameters, Query, Request, Response, page, reply, require

Paging = Annotated[ListParameters, Query()]
Id = Annotated[ConnectionId, Path()]
Domain = Annotated[DomainName, Path()]
Confirmed = Annotated[str, Query(min_length=1, max_length=120, description="The connection's name, to confirm it.")]
CONNECTIONS = "/organizations/{organization_id}/sso/connections"
DOMAINS = "/organizations/{organization_id}/sso/domains"


@app.get(CONNECTIONS, response_model=List[Connection])
async def list_sso_connections(organization_id: str, paging: Paging, actor: Actor = require("sso:read")) -> Response:
    """The organisation's identity providers."""
    found = federation.list_connections(store(), actor, organization_id, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.post(CONNECTIONS, response_model=Connection, status_code=201)
async def create_sso_connection(
    organization_id: str, body: CreateConnection, actor: Actor = require("sso:create")
) -> Response:
    """Connect an OpenID Connect or a SAML identity provider. What it publishes of itself is read and checked now; its
    secret is never shown again. `callback_url` (and `audience`, for SAML) are what it must be told."""
    made = await federation.connect(store(), CognitoProviders(), Published(), actor, organization_id, body)
    return reply(made, 201)


@app.get(CONNECTIONS + "/{connection_id}", response_model=Connection)
async def get_sso_connection(organization_id: str, connection_id: Id, actor: Actor = require("sso:read")) -> Response:
    """One identity provider."""
    return reply(federation.get_connection(store(), actor, organization_id, connection_id))


@app.put(CONNECTIONS + "/{connection_id}", response_model=Connection)
async def change_sso_connection(
    organization_id: str,
    connection_id: Id,
    body: ChangeConnection,
    if_match: IfMatch,
    actor: Actor = require("sso:update"),
) -> Response:
    """Change an identity provider. Its own settings, secret included, are replaced together or stay."""
    changed = await federation.change(
        store(), CognitoProviders(), Published(), actor, organization_id, connection_id, body, if_match
    )
    return reply(changed)


@app.delete(CONNECTIONS + "/{connection_id}", status_code=204)
async def delete_sso_connection(
    organization_id: str,
    connection_id: Id,
    name: Confirmed,
    if_match: IfMatch,
    actor: Actor = require("sso:delete"),
) -> Response:
    """Cut an identity provider off; the sessions of who came by it end."""
    federation.disconnect(store(), CognitoProviders(), actor, organization_id, connection_id, name, if_match)
    return Response(status_code=204)


@app.get(DOMAINS, response_model=List[SsoDomain])
async def list_sso_domains(organization_id: str, paging: Paging, actor: Actor = require("sso:read")) -> Response:
    """The domains that the organisation has named for single sign-on."""
    found = federation.list_domains(store(), actor, organization_id, paging.limit, paging.cursor)
    return page(found.items, found.next_cursor)


@app.post(DOMAINS, response_model=SsoDomain, status_code=201)
async def claim_sso_domain(organization_id: str, body: ClaimDomain, actor: Actor = require("sso:create")) -> Response:
    """Name a domain for single sign-on. It counts when the TXT record `record_name` holds `challenge`, and
    `POST …/verify` has seen it; until then it keeps nobody else from it."""
    return reply(federation.claim(store(), actor, organization_id, body), 201)


@app.get(DOMAINS + "/{domain}", response_model=SsoDomain)
async def get_sso_domain(organization_id: str, domain: Domain, actor: Actor = require("sso:read")) -> Response:
    """One domain."""
    return reply(federation.get_domain(store(), actor, organization_id, domain))


@app.post(DOMAINS + "/{domain}/verify", response_model=SsoDomain)
async def verify_sso_domain(organization_id: str, domain: Domain, actor: Actor = require("sso:update")) -> Response:
    """Look for the domain's proof in DNS; from then on who has an address in it logs in by the identity provider."""
    return reply(await federation.verify(store(), Published(), actor, organization_id, domain))


@app.delete(DOMAINS + "/{domain}", status_code=204)
async def release_sso_domain(
    organization_id: str, domain: Domain, if_match: IfMatch, actor: Actor = require("sso:delete")
) -> Response:
    """Give a domain up."""
    federation.release(store(), actor, organization_id, domain, if_match)
    return Response(status_code=204)


@app.post("/auth/sso", response_model=SsoBegun)
async def begin_sso(body: BeginSso) -> Response:
    """Begin a log-in by single sign-on: the page to open, which comes back to `redirect_uri` with `code` and `state`.
    Compare the state, and send both to `POST /auth/sso/token`."""
    return reply(sso.begin(store(), HostedPages(), redirects(), socials(), body))


@app.post("/auth/sso/token", response_model=Tokens)
async def finish_sso(body: FinishSso, request: Request) -> Response:
    """Finish a log-in by single sign-on: the code that came back is good once, for ten minutes, and for who began."""
    return reply(await sso.finish(store(), Cognito(), HostedPages(), body, place_of(request)))
