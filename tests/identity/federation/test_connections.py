"""An organisation's identity providers and domains, and everything that is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.access import Role
from contracts.identity import SignInRules
from functions.identity import api
from functions.identity.model.saml import MAX_DEPTH, METADATA
from kernel.actor import Actor
from kernel.table import Table
from tests.identity.federation.hosted import Around, discovery
from tests.identity.federation.kit import (
    ACME,
    RULES,
    begin,
    claim,
    connect,
    connection,
    log_in,
    ready,
    root,
    told,
    verify,
)
from tests.identity.kit import add, bearer, post, refresh, with_factor
from tests.identity.kit import log_in as by_password
from tests.identity.pool import Pool
from tests.kit import Answer, actor, call, committed_events

SIGNED = "http://www.w3.org/2000/09/xmldsig#"
XML = f"""<EntityDescriptor xmlns="{METADATA}" entityID="https://idp.acme.example/saml"><IDPSSODescriptor
protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo
xmlns="{SIGNED}"><X509Data><X509Certificate>TUlJ</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
Location="https://idp.acme.example/sso"/></IDPSSODescriptor></EntityDescriptor>"""
SAML = {"kind": "saml", "name": "Acme SAML", "metadata_xml": XML, "default_roles": ["viewer"]}
BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
    "<x>&c;</x>"
)


def send(who: Actor, method: str, tail: str, body: Any = None, **options: Any) -> Answer:
    return call(api.handler, method, f"{root(who)}{tail}", who, body, **options)


def test_a_provider_is_connected_and_its_secret_lies_in_the_directory_alone(outside: Around) -> None:
    who = actor()
    made = connect(outside, who, role_rules=RULES, scopes=["email", "groups"])
    name = made["connection_id"].replace("_", "-")
    kept = outside.providers[name]
    assert kept["ProviderType"] == "OIDC"
    assert kept["ProviderDetails"] == {
        "oidc_issuer": outside.url,
        "client_id": "palisade",
        "client_secret": "a-secret-of-acme",
        "attributes_request_method": "GET",
        "authorize_scopes": "openid email groups",
    }
    assert kept["AttributeMapping"]["custom:groups"] == "groups"
    assert outside.client == {"SupportedIdentityProviders": sorted(["COGNITO", name])}
    assert made["callback_url"] == f"{outside.url}/oauth2/idpresponse"
    everything = json.dumps([event.model_dump() for event in committed_events()]) + json.dumps(made)
    assert "a-secret-of-acme" not in everything
    assert send(who, "GET", f"/connections/{made['connection_id']}").body == made
    assert send(who, "GET", "/connections").body["items"] == [made]
    assert call(api.handler, "GET", f"{root(who)}/connections/{made['connection_id']}", actor()).status == 404
    assert told("SsoConnectionChanged")[0]["after"]["issuer"] == outside.url


def test_a_saml_provider_is_connected_by_its_metadata(outside: Around) -> None:
    who = actor()
    made = send(who, "POST", "/connections", SAML)
    assert made.status == 201, made.body
    assert made.body["issuer"] == "https://idp.acme.example/saml"
    assert made.body["audience"] == "urn:amazon:cognito:sp:us-east-1_pool1"
    assert made.body["callback_url"] == f"{outside.url}/saml2/idpresponse"
    (kept,) = outside.providers.values()
    assert kept["ProviderDetails"]["MetadataFile"] == XML
    outside.documents["/metadata"] = (200, XML.encode())
    by_url = {"kind": "saml", "name": "By URL", "metadata_url": f"{outside.url}/metadata"}
    assert send(who, "POST", "/connections", by_url).status == 201


@pytest.mark.parametrize(
    "xml",
    [
        BOMB,
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
        f'<!DOCTYPE EntityDescriptor SYSTEM "http://127.0.0.1/dtd">{XML}',
        "<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1),
        "<a>" * 20_000,
        "this is not xml at all",
        XML.replace("HTTP-Redirect", "HTTP-POST"),
        XML.replace("<X509Certificate>TUlJ</X509Certificate>", ""),
        f"<EntitiesDescriptor>{XML}{XML}</EntitiesDescriptor>",
        XML.replace("IDPSSODescriptor", "SPSSODescriptor"),
    ],
)
def test_metadata_that_could_do_harm_or_do_not_fit_are_refused(outside: Around, xml: str) -> None:
    who = actor()
    refused = send(who, "POST", "/connections", {**SAML, "metadata_xml": xml})
    assert (refused.status, refused.problem) == (422, "bad-identity-provider")
    assert outside.providers == {}
    assert committed_events() == []


@pytest.mark.parametrize(
    "said",
    [
        (200, b"<html>"),
        (200, b'{"issuer": "https://other.example"}'),
        (404, b""),
        (302, b""),
        (200, b"[" * 100_000),
        (200, b'"' + b"x" * 200_000 + b'"'),
        (200, json.dumps({**discovery("x"), "issuer": "x"}).encode()),
    ],
)
def test_what_is_no_openid_provider_is_refused(outside: Around, said: tuple[int, bytes]) -> None:
    who = actor()
    outside.documents["/.well-known/openid-configuration"] = said
    refused = send(who, "POST", "/connections", connection(outside))
    assert (refused.status, refused.problem) == (422, "bad-identity-provider")
    assert outside.providers == {}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"issuer": "http://169.254.169.254/latest"}, "bad-identity-provider"),
        ({"issuer": "https://10.0.0.1/"}, "bad-identity-provider"),
        ({"issuer": "https://user:pw@idp.example/"}, "bad-identity-provider"),
        ({"issuer": "file:///etc/passwd"}, "invalid"),
        ({"client_secret": None}, "bad-identity-provider"),
        ({"metadata_xml": XML}, "bad-identity-provider"),
        ({"kind": "ldap"}, "invalid"),
        ({"default_roles": ["nothing_like_it"]}, "unknown-role"),
        ({"default_roles": ["super_admin"]}, "cannot-grant"),
        ({"role_rules": [{"group": "x", "role": "super_admin"}]}, "cannot-grant"),
        ({"organization_id": "org_1"}, "invalid"),
        ({"name": ""}, "invalid"),
    ],
)
def test_what_cannot_be_connected(outside: Around, change: dict[str, Any], problem: str) -> None:
    who = actor()
    body = {name: value for name, value in connection(outside, **change).items() if value is not None}
    assert send(who, "POST", "/connections", body).problem == problem
    assert outside.providers == {}
    assert send(who, "GET", "/connections").body["items"] == []


def test_only_who_administers_sees_to_single_sign_on(outside: Around) -> None:
    viewer = actor(Role.VIEWER)
    for method, tail in (("GET", "/connections"), ("GET", "/domains")):
        assert send(viewer, method, tail).status == 403
    assert send(viewer, "POST", "/connections", connection(outside)).status == 403


def test_a_connection_is_changed_with_its_secret_or_without(outside: Around) -> None:
    who = actor()
    made = connect(outside, who)
    path = f"/connections/{made['connection_id']}"
    name = made["connection_id"].replace("_", "-")
    body = {"name": "Acme", "default_roles": ["analyst"], "groups_attribute": "roles"}
    assert send(who, "PUT", path, body, headers={"if-match": '"7"'}).status == 412
    changed = send(who, "PUT", path, body, headers={"if-match": '"1"'})
    assert (changed.status, changed.body["version"], changed.body["issuer"]) == (200, 2, outside.url)
    assert outside.providers[name]["ProviderDetails"]["client_secret"] == "a-secret-of-acme"
    assert outside.providers[name]["AttributeMapping"]["custom:groups"] == "roles"
    event = told("SsoConnectionChanged")[-1]
    assert (event["before"]["default_roles"], event["after"]["default_roles"]) == (["viewer"], ["analyst"])
    assert not event["secret_replaced"]
    fresh = {**body, "issuer": outside.url, "client_id": "palisade", "client_secret": "another"}
    assert send(who, "PUT", path, fresh).status == 200
    assert outside.providers[name]["ProviderDetails"]["client_secret"] == "another"
    assert send(who, "PUT", path, {**body, "client_secret": "alone"}).problem == "bad-identity-provider"


def test_a_connection_is_cut_off_by_its_name_and_its_people_are_out(outside: Around) -> None:
    who = actor()
    made = ready(outside, who)
    path = f"/connections/{made['connection_id']}"
    tokens = log_in(outside).body
    assert send(who, "DELETE", path).problem == "invalid"
    assert send(who, "DELETE", path, query="name=Other").problem == "wrong-name"
    assert send(who, "DELETE", path, query="name=Acme%20ID").problem == "conflict"
    assert send(who, "DELETE", f"/domains/{ACME}").status == 204
    assert send(who, "DELETE", path, query="name=Acme%20ID").status == 204
    assert outside.providers == {}
    assert outside.client == {"SupportedIdentityProviders": ["COGNITO"]}
    assert refresh(tokens).problem == "session-over"
    assert begin().problem == "no-sso"
    assert send(who, "GET", path).status == 404


def test_a_provider_that_cannot_be_kept_is_not_left_in_the_directory(outside: Around) -> None:
    who = actor()
    made = connect(outside, who)
    sent = {"idempotency-key": "once"}
    first = send(who, "POST", "/connections", connection(outside, name="Two"), headers=sent)
    again = send(who, "POST", "/connections", connection(outside, name="Two"), headers=sent)
    assert first.body == again.body
    assert len(outside.providers) == 2
    assert made["connection_id"] != first.body["connection_id"]


def test_a_domain_counts_when_its_proof_was_seen(outside: Around) -> None:
    who = actor()
    made = connect(outside, who)
    claimed = claim(who, made["connection_id"], "ACME.example.")
    assert (claimed.status, claimed.body["domain"]) == (201, ACME)
    assert claimed.body["record_name"] == f"_palisade-sso.{ACME}"
    assert begin().problem == "no-sso"
    refused = verify(who)
    assert (refused.status, refused.problem) == (409, "sso-domain-unverified")
    assert told("SsoDomainRefused") == [{"domain": ACME, "reason": "sso-domain-unverified"}]
    outside.texts[claimed.body["record_name"]] = ["v=spf1 -all", claimed.body["challenge"] + "x"]
    assert verify(who).problem == "sso-domain-unverified"
    outside.texts[claimed.body["record_name"]].append(claimed.body["challenge"])
    assert verify(who).body["verified_at"]
    assert verify(who).status == 200
    assert begin().status == 200
    assert len(told("SsoDomainVerified")) == 1


def test_a_domain_is_one_organisations_and_a_claim_alone_keeps_nobody_out(outside: Around) -> None:
    squatter, owner, late = actor(), actor(), actor()
    assert claim(squatter, connect(outside, squatter)["connection_id"]).status == 201
    early = claim(late, connect(outside, late)["connection_id"]).body
    ready(outside, owner)
    again = claim(owner, connect(outside, owner)["connection_id"])
    assert (again.status, again.problem) == (409, "sso-domain-taken")
    other = actor()
    twice = claim(other, connect(outside, other)["connection_id"])
    assert (twice.status, twice.problem) == (409, "sso-domain-taken")
    outside.texts[early["record_name"]].append(early["challenge"])
    refused = verify(late)
    assert (refused.status, refused.problem) == (409, "sso-domain-taken")
    assert [event["reason"] for event in told("SsoDomainRefused")] == ["sso-domain-taken"] * 2
    assert send(late, "GET", f"/domains/{ACME}").body["verified_at"] is None
    assert send(owner, "DELETE", f"/domains/{ACME}").status == 204
    assert verify(late).status == 200


@pytest.mark.parametrize(
    "domain", ["localhost", "10.0.0.1", "-a.example", "a..example", "x" * 64 + ".example", "*.example"]
)
def test_what_is_no_domain(outside: Around, domain: str) -> None:
    who = actor()
    assert claim(who, connect(outside, who)["connection_id"], domain).problem == "bad-domain"


def test_a_domain_leads_to_a_connection_of_its_own_organisation(outside: Around) -> None:
    who, other = actor(), actor()
    theirs = connect(outside, other)
    assert claim(who, theirs["connection_id"]).status == 404
    assert claim(who, "sso_01ARZ3NDEKTSV4RRFFQ69G5FAV").status == 404
    assert send(who, "GET", f"/domains/{ACME}").status == 404
    assert call(api.handler, "POST", f"{root(other)}/domains", who, {}).status in (404, 422)


def test_an_organisation_wants_single_sign_on_alone(outside: Around, pool: Pool) -> None:
    who = actor()
    add(who.tenant_id, email=f"boss@{ACME}", roles=[Role.ORGANIZATION_ADMIN.value])
    add(who.tenant_id, email=f"ann@{ACME}")
    rules = f"/organizations/{who.tenant_id}/sign-in"
    assert call(api.handler, "PUT", rules, who, {"sso_only": True}).problem == "sso-not-ready"
    before = by_password(f"ann@{ACME}").body
    made = ready(outside, who)
    assert call(api.handler, "PUT", rules, who, {"sso_only": True}).status == 200
    assert told("SignInRulesChanged")[-1]["sso_only"]
    refused = by_password(f"ann@{ACME}")
    assert (refused.status, refused.problem) == (401, "sso-only")
    assert ACME in refused.body["detail"]
    assert told("LogInRefused")[-1]["reason"] == "sso-only"
    assert by_password(f"ann@{ACME}", "Wrong-Horse-9-Battery").problem == "wrong-credentials"
    assert refresh(before).problem == "session-over"
    assert log_in(outside).status == 200
    path = f"/connections/{made['connection_id']}"
    assert send(who, "PUT", path, {"name": "Acme ID", "enabled": False}).problem == "sso-in-use"
    assert send(who, "DELETE", f"/domains/{ACME}").problem == "sso-in-use"
    assert send(who, "DELETE", path, query="name=Acme%20ID").problem == "sso-in-use"


def test_administrators_come_past_a_broken_provider_with_a_second_factor(outside: Around, pool: Pool) -> None:
    who, boss = actor(), f"boss@{ACME}"
    add(who.tenant_id, email=boss, roles=[Role.ORGANIZATION_ADMIN.value])
    ready(outside, who)
    Table().write(_rules(who))
    tokens = by_password(boss).body
    assert tokens["mfa_setup_required"]
    assert bearer(tokens).permissions == frozenset()
    with_factor(pool, tokens)
    asked = by_password(boss).body
    answer = post("/auth/challenge", {"session": asked["session"], "code": pool.totp(boss)})
    assert answer.status == 200, answer.body
    assert bearer(answer.body).roles == (Role.ORGANIZATION_ADMIN,)
    assert told("BreakGlassUsed")[-1]["email"] == boss


def test_a_password_goes_nowhere_that_single_sign_on_alone_leads_to(outside: Around) -> None:
    who, elsewhere = actor(), actor()
    user = add(elsewhere.tenant_id, email=f"ann@{ACME}")
    ready(outside, who)
    assert log_in(outside).status == 200
    Table().write(_rules(who))
    tokens = by_password(f"ann@{ACME}").body
    assert bearer(tokens).tenant_id == elsewhere.tenant_id
    body = {"refresh_token": tokens["refresh_token"], "organization_id": who.tenant_id}
    assert post("/auth/switch", body).status == 404
    assert refresh(tokens).status == 200
    assert bearer(tokens).user_id == user["user_id"]


def _rules(who: Actor) -> Any:
    from kernel.table import create

    return create(SignInRules(tenant_id=who.tenant_id, sso_only=True))
