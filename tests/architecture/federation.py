"""Scenes of single sign-on: an identity provider, a domain that was proved, and somebody who comes back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.architecture.people import ORGANIZATION, Scenes, played
from tests.architecture.scenes import READ_ONCE, Request, Scene
from tests.architecture.world import World
from tests.identity.federation.hosted import CHALLENGE, REDIRECT, VERIFIER, Around, around

SAID = {"name": "Acme ID", "default_roles": ["viewer"]}
BEGUN = {"redirect_uri": REDIRECT, "code_challenge": CHALLENGE}


def outside(world: World) -> Around:
    """What lies around single sign-on; made once for each world."""
    known: Around | None = world.__dict__.get("outside")
    if known is None:
        patched = world.enter_context(pytest.MonkeyPatch.context())
        known = world.__dict__["outside"] = world.enter_context(around(played(world), patched))
    return known


def root(world: World) -> str:
    """Where the organisation's single sign-on is."""
    return f"/organizations/{world.who.tenant_id}/sso"


def provider(world: World) -> dict[str, Any]:
    """What is said of an OpenID provider that describes itself."""
    return {
        **SAID,
        "kind": "oidc",
        "issuer": outside(world).url,
        "client_id": "palisade",
        "client_secret": "a-secret-of-acme",
    }


def connecting(world: World) -> Request:
    """There is one to connect."""
    return Request(f"{root(world)}/connections", provider(world))


def connected(world: World) -> str:
    """One is connected; its id."""
    path = f"{root(world)}/connections"
    made = world.send(f"POST {ORGANIZATION}/sso/connections", path, provider(world))
    assert made.status == 201, made.body
    return str(made.body["connection_id"])


def about_connection(body: Any = None, query: str = "") -> Scene:
    """About one that is connected."""

    def scene(world: World) -> Request:
        path = f"{root(world)}/connections/{connected(world)}"
        return Request(path, body, READ_ONCE if body else {}, query)

    return scene


def claiming(world: World) -> Request:
    """A domain is to be named."""
    count = world.__dict__["domains"] = world.__dict__.get("domains", 0) + 1
    body = {"domain": f"acme{count}.example", "connection_id": connected(world)}
    return Request(f"{root(world)}/domains", body)


def claimed(world: World) -> dict[str, Any]:
    """A domain was named, and its proof is there."""
    request = claiming(world)
    made = world.send(f"POST {ORGANIZATION}/sso/domains", request.path, request.body)
    assert made.status == 201, made.body
    outside(world).texts[made.body["record_name"]] = [made.body["challenge"]]
    found: dict[str, Any] = made.body
    return found


def about_domain(tail: str = "") -> Scene:
    """About a domain that was named."""
    return lambda world: Request(f"{root(world)}/domains/{claimed(world)['domain']}{tail}")


def beginning(world: World) -> Request:
    """A domain was proved."""
    domain = claimed(world)["domain"]
    path = f"{root(world)}/domains/{domain}/verify"
    assert world.send(f"POST {ORGANIZATION}/sso/domains/{{domain}}/verify", path).status == 200
    return Request("/auth/sso", {**BEGUN, "email": f"nora@{domain}"})


def finishing(world: World) -> Request:
    """Somebody who was there before comes back."""
    request, pool = beginning(world), outside(world)
    for subject in ("1", "1"):
        begun = world.send("POST /auth/sso", request.path, request.body).body
        code = pool.come_back(begun, request.body["email"], subject)
        proof = {"state": begun["state"], "code": code, "code_verifier": VERIFIER, "redirect_uri": REDIRECT}
        if "nora" not in world.__dict__:
            world.__dict__["nora"] = world.send("POST /auth/sso/token", "/auth/sso/token", proof)
            assert world.__dict__["nora"].status == 200, world.__dict__["nora"].body
    return Request("/auth/sso/token", proof)


def list_of(scene: Scene, tail: str) -> Scene:
    """The list in which something is."""

    def listed(world: World) -> Request:
        scene(world)
        return Request(f"{root(world)}/{tail}")

    return listed


CONNECTIONS, DOMAINS = f"{ORGANIZATION}/sso/connections", f"{ORGANIZATION}/sso/domains"
FEDERATION: Scenes = {
    f"GET {CONNECTIONS}": list_of(about_connection(), "connections"),
    f"POST {CONNECTIONS}": connecting,
    f"GET {CONNECTIONS}/{{connection_id}}": about_connection(),
    f"PUT {CONNECTIONS}/{{connection_id}}": about_connection({**SAID, "name": "Acme"}),
    f"DELETE {CONNECTIONS}/{{connection_id}}": about_connection(query="name=Acme%20ID"),
    f"GET {DOMAINS}": list_of(about_domain(), "domains"),
    f"POST {DOMAINS}": claiming,
    f"GET {DOMAINS}/{{domain}}": about_domain(),
    f"POST {DOMAINS}/{{domain}}/verify": about_domain("/verify"),
    f"DELETE {DOMAINS}/{{domain}}": about_domain(),
    "POST /auth/sso": beginning,
    "POST /auth/sso/token": finishing,
}
