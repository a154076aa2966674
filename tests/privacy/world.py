"""An organisation with two people, one of whom has left traces everywhere; and the machines, walked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts.access import Role
from contracts.developers import ApiKeyRecord
from contracts.identity import NewDeviceSeen, SessionRecord
from contracts.privacy import ERASING, EXPORTING
from functions.access import steps as access
from functions.audit import events as trail
from functions.audit import steps as audit
from functions.developers import steps as developers
from functions.developers.model import ApiKey
from functions.identity import steps as identity
from functions.identity.model import User
from functions.identity.model.members import Invitation
from functions.identity.service.members import join
from functions.identity.store import Store as People
from functions.intelligence import steps as intelligence_steps
from functions.notifications import events as told
from functions.notifications import steps as notifications
from functions.organizations import service as tenants
from functions.organizations import steps as organizations
from functions.organizations.store import Store as Tenants
from functions.privacy import steps
from functions.scans import api as scans
from functions.scans import steps as scan_steps
from kernel import aws
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.table import Table, create
from tests.kit import actor, call, committed_events, sqs_event

ADA, NAME, ADDRESS = "ada.lovelace@example.com", "Ada Lovelace", "203.0.113.77"
AT = "2026-01-01T00:00:00.000Z"
Door = Callable[[dict[str, Any], object], Any]
DOORS: dict[str, Door] = {
    "identity": identity.person,
    "organizations": organizations.person,
    "access": access.person,
    "developers": developers.person,
    "notifications": notifications.person,
    "scans": scan_steps.person,
    "intelligence": intelligence_steps.person,
    "audit": audit.person,
}


class World:
    """One organisation. `boss` administers and owns it; `ada` is to be exported, and erased."""

    def __init__(self) -> None:
        self.boss = actor()
        self.tenant_id = self.boss.tenant_id
        self.ada = actor(Role.ANALYST, self.tenant_id, address=ADDRESS).model_copy(update={"email": ADA})
        tenants.create_organization(Tenants(), self.boss, "Acme", owner_id=self.boss.user_id)
        self.join(self.boss, "boss@example.com", "The Boss")
        self.join(self.ada, ADA, NAME)

    def join(self, who: Actor, email: str, name: str) -> User:
        """Somebody is a member."""
        user = User(
            tenant_id=who.tenant_id, user_id=who.user_id, email=email, name=name, roles=who.roles, created_at=AT
        )
        join(People(), who, user, People().person(who.user_id))
        return user

    def traces(self) -> None:
        """Ada does this and that."""
        table = Table()
        body = {"name": "Site", "targets": ["127.0.0.1"]}
        sent = {"idempotency-key": "ada-1"}
        assert call(scans.handler, "POST", "/scans", self.ada, body, headers=sent).status == 201
        seen = NewDeviceSeen(user_id=self.ada.user_id, email=ADA, device="Firefox", address=ADDRESS)
        table.transact(self.ada, [], [seen])
        session = {"session_id": "s1", "user_id": self.ada.user_id, "device": "Firefox", "address": ADDRESS}
        table.write(create(SessionRecord(tenant_id=self.tenant_id, created_at=AT, last_seen_at=AT, **session)))
        key: dict[str, Any] = {"key_id": f"key_{self.ada.user_id[5:]}", "user_id": self.ada.user_id, "permissions": ()}
        table.write(create(ApiKeyRecord(tenant_id=self.tenant_id, email=ADA, hashes=("ab",), **key)))
        own = ApiKey(tenant_id=self.tenant_id, name="CI", created_by=self.ada.user_id, created_at=AT, **key)
        table.write(create(own))
        invitation = Invitation.to(self.tenant_id, ADA, ("analyst",), self.boss.user_id)
        invitation.arm()
        table.write(create(invitation))
        self.tell()

    def tell(self) -> None:
        """What was committed reaches the trail and the notifications."""
        for door in (told.handler, trail.handler):
            for event in committed_events():
                if event.tenant_id == self.tenant_id:
                    assert door(sqs_event(event), None) == {"batchItemFailures": []}

    def work(self, job_id: str, **more: Any) -> dict[str, Any]:
        """What a machine hands to a door."""
        return {"tenant_id": self.tenant_id, "job_id": job_id, **more}

    def export(self, job_id: str, rooms: tuple[str, ...] = EXPORTING) -> str:
        """The machine of an export."""
        for room in rooms:
            DOORS[room](self.work(job_id, wish="export"), None)
        return str(steps.finish_export(self.work(job_id), None))

    def erase(self, job_id: str, rooms: tuple[str, ...] = ERASING) -> str:
        """The machine of an erasure, after its days of grace."""
        if not steps.begin(self.work(job_id), None):
            return "not begun"
        for room in [room for room in rooms if room != "audit"]:
            DOORS[room](self.work(job_id, wish="erase"), None)
        self.tell()
        if "audit" in rooms:
            assert audit.person(self.work(job_id, wish="erase"), None)["resume"] is None
        assert steps.sweep(self.work(job_id), None)["resume"] is None
        return str(steps.finish_erasure(self.work(job_id), None))

    def end(self) -> dict[str, Any]:
        """The machine of a tenant's erasure; what was kept of it."""
        people = identity.forget_organization({"tenant_id": self.tenant_id}, None)
        work: dict[str, Any] = {"tenant_id": self.tenant_id, "people": people, "resume": None, "removed": 0}
        passes = 0
        while not work.get("done"):
            work |= steps.erase_tenant(work, None)
            passes += 1
            assert passes < 20
        return {"people": people, "passes": passes}


def everything(tenant_id: str = "") -> str:
    """All items and all versions of all objects, as text; of one tenant if it is named."""
    items = aws.client("dynamodb").scan(TableName="palisade")["Items"]
    found = [str(item) for item in items if tenant_id in str(item)]
    listed = aws.client("s3").list_object_versions(Bucket="palisade-facts", Prefix=f"tenants/{tenant_id}")
    for each in listed.get("Versions", ()):
        body = aws.client("s3").get_object(Bucket="palisade-facts", Key=each["Key"], VersionId=each["VersionId"])
        found.append(each["Key"] + body["Body"].read().decode(errors="replace"))
    return "\n".join(found)


def objects(who: Actor) -> list[str]:
    """The keys of a tenant's objects."""
    return list(Facts().keys(who, f"tenants/{who.tenant_id}/"))
