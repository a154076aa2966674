"""Scenes of what people have a right to: copies of their data, and to be forgotten."""

from __future__ import annotations

from functions.identity.model import User
from functions.identity.service.members import join
from functions.identity.store import Store
from functions.privacy import steps
from kernel.ids import new_id
from tests.architecture.scenes import Request, Scene
from tests.architecture.world import AT, World


def exporting(world: World) -> Request:
    """The caller is a member of the organisation."""
    assert world.person
    return Request("/privacy/exports", {})


def exported(world: World) -> Request:
    """A copy was ordered."""
    return Request(f"/privacy/exports/{world.create('/privacy/exports', exporting(world).body)['export_id']}")


def erasing(world: World) -> Request:
    """There is somebody to forget."""
    email = f"{new_id('leaver').lower()}@example.com"
    leaver = User(
        tenant_id=world.who.tenant_id,
        user_id=new_id("user"),
        email=email,
        name="Leaver",
        roles=("viewer",),
        created_at=AT,
    )
    join(Store(), world.who, leaver, None)
    return Request("/privacy/erasures", {"user_id": leaver.user_id, "confirmation": email})


def erasure(tail: str = "") -> Scene:
    """Somebody is to be forgotten."""

    def scene(world: World) -> Request:
        made = world.create("/privacy/erasures", erasing(world).body)
        return Request(f"/privacy/erasures/{made['erasure_id']}{tail}")

    return scene


def failed(world: World) -> Request:
    """An erasure that is incomplete."""
    request = erasure("/retry")(world)
    work = {"tenant_id": world.who.tenant_id, "job_id": request.path.split("/")[3]}
    assert steps.begin(work, None) is True
    assert steps.finish_erasure(work, None) == "incomplete"
    return request


PRIVACY: dict[str, Scene] = {
    "POST /privacy/exports": exporting,
    "GET /privacy/exports": lambda world: Request(exported(world).path.rpartition("/")[0]),
    "GET /privacy/exports/{export_id}": exported,
    "DELETE /privacy/exports/{export_id}": exported,
    "POST /privacy/erasures": erasing,
    "GET /privacy/erasures": lambda world: Request(erasure()(world).path.rpartition("/")[0]),
    "GET /privacy/erasures/{erasure_id}": erasure(),
    "POST /privacy/erasures/{erasure_id}/cancel": erasure("/cancel"),
    "POST /privacy/erasures/{erasure_id}/retry": failed,
}
