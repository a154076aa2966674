"""The end of a tenant: nothing is left but the proof, and the neighbour does not notice."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag

from contracts.identity import SessionRecord
from contracts.organizations import OrganizationClosed, Tenancy
from contracts.privacy import TenantErasure
from functions.identity.gateways import Cognito
from functions.identity.model import Person
from functions.identity.model.federation import Connection, ProviderKind
from functions.identity.service import privacy
from functions.identity.store import Store as People
from functions.privacy import events, steps
from kernel import aws
from kernel.crypto import DataKey, Envelope
from kernel.facts import Facts
from kernel.inventory import Inventory
from kernel.table import Table, create
from tests.edges import executions
from tests.identity.pool import Pool, Someone
from tests.kit import committed_events, sqs_event
from tests.privacy.world import ADA, World, everything


def furnished() -> World:
    world = World()
    world.traces()
    for number in range(3):
        Facts().put(world.boss, f"tenants/{world.tenant_id}/scans/s/{number}.bin", b"first")
        Facts().put(world.boss, f"tenants/{world.tenant_id}/scans/s/{number}.bin", b"second")
    Facts().delete(world.boss, f"tenants/{world.tenant_id}/scans/s/0")
    Envelope(Table()).encrypt(world.boss, "item", "field", "secret")
    return world


def test_nothing_of_a_tenant_is_left_but_the_proof(pool: Pool) -> None:
    world, neighbour = furnished(), furnished()
    pool.people[ADA] = Someone(ADA, "x", "CONFIRMED", {}, sub=world.ada.user_id)
    beside = everything(neighbour.tenant_id)
    assert everything(world.tenant_id).count("TENANT#") > 15
    outcome = world.end()
    assert outcome["people"] == 2
    left = everything()
    proof = Table().get_platform(TenantErasure, tenant_id=world.tenant_id)
    assert proof is not None
    assert [line for line in left.splitlines() if world.tenant_id in line] == [
        line for line in left.splitlines() if "PLATFORM#ERASURES" in line
    ]
    assert proof.erased_at
    assert (proof.people, proof.objects) == (2, 3)
    assert proof.items > 15
    assert len(proof.keys_digest) == len(proof.data_key_digest) == 64
    assert everything(neighbour.tenant_id) == beside
    assert ADA not in pool.people
    listed = aws.client("s3").list_object_versions(Bucket="palisade-facts", Prefix=f"tenants/{world.tenant_id}/")
    assert not listed.get("Versions")
    assert not listed.get("DeleteMarkers")


def test_the_data_key_is_gone_and_with_it_what_it_sealed() -> None:
    world = furnished()
    sealed = Envelope(Table()).encrypt(world.boss, "item", "field", "secret")
    world.end()
    assert Table().get(world.boss, DataKey) is None
    with pytest.raises(InvalidTag):
        Envelope(Table()).decrypt(world.boss, "item", "field", sealed)


def test_people_of_other_organisations_stay(pool: Pool) -> None:
    world, other = World(), World()
    pool.people[ADA] = Someone(ADA, "x", "CONFIRMED", {}, sub=world.ada.user_id)
    elsewhere = world.ada.model_copy(update={"tenant_id": other.tenant_id})
    other.join(elsewhere, ADA, "Ada")
    at = "2026-01-01T00:00:00.000Z"
    session = {"user_id": world.ada.user_id, "device": "d", "created_at": at, "last_seen_at": at}
    for name, tenant_id in (("here", world.tenant_id), ("there", other.tenant_id)):
        Table().transact_platform([create(SessionRecord(tenant_id=tenant_id, session_id=name, **session))])
    world.end()
    person = Table().get_platform(Person, user_id=world.ada.user_id)
    assert person is not None
    assert (person.organizations, person.last) == ((other.tenant_id,), other.tenant_id)
    assert ADA in pool.people
    left = list(Table().all_platform(SessionRecord, user_id=world.ada.user_id))
    assert [each.session_id for each in left] == ["there"]
    assert Table().get_platform(Tenancy, tenant_id=other.tenant_id) is not None


def test_its_identity_providers_let_nobody_in_any_more(pool: Pool) -> None:
    world = World()
    connection = Connection(
        tenant_id=world.tenant_id,
        connection_id="sso_1",
        organization_id=world.tenant_id,
        name="Okta",
        kind=ProviderKind.OIDC,
        issuer="https://id.example.com",
        groups_attribute="groups",
        email_attribute="email",
        just_in_time=False,
        created_at="2026-01-01T00:00:00.000Z",
    )
    Table().write(create(connection))
    removed: list[str] = []

    class Providers:
        def remove(self, connection: Connection) -> None:
            removed.append(connection.connection_id)

    ended = privacy.forget_organization(People(), Cognito(), Providers(), Table(), world.boss)  # type: ignore[arg-type]
    assert (ended, removed) == (2, ["sso_1"])


def test_an_erasure_that_dies_anywhere_is_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    world = furnished()
    removed = Inventory.remove
    calls = 0

    def dying(self: Inventory, *arguments: object) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ConnectionError("cut")
        return removed(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Inventory, "remove", dying)
    with pytest.raises(ConnectionError):
        world.end()
    world.end()
    proof = Table().get_platform(TenantErasure, tenant_id=world.tenant_id)
    assert proof is not None
    assert proof.erased_at
    again = steps.erase_tenant({"tenant_id": world.tenant_id, "people": 0}, None)
    assert again["done"] is True


def test_the_end_of_a_tenant_is_one_execution() -> None:
    world = World()
    Table().transact(world.boss, [], [OrganizationClosed(organization_id=world.tenant_id, name="Acme")])
    closed = [event for event in committed_events() if event.type == "OrganizationClosed.v1"]
    assert events.handler(sqs_event(*closed, *closed), None) == {"batchItemFailures": []}
    work = {"tenant_id": world.tenant_id, "resume": None, "removed": 0}
    assert executions("PRIVACY_TENANT_MACHINE_ARN") == [(world.tenant_id, work)]
