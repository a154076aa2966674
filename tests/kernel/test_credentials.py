from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from contracts.organizations import Tenancy
from functions.organizations.model import Organization
from kernel import aws, credentials
from kernel.actor import Actor
from kernel.facts import Facts
from kernel.ids import new_id
from kernel.table import Table, create
from tests.faults import counted, hooked
from tests.kit import actor

ROLE = "arn:aws:iam::123456789012:role/data"
SESSION_KEY = "ASIA"


@pytest.fixture
def data_role(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATA_ROLE_ARN", ROLE)
    credentials.forget()
    yield
    credentials.forget()


@pytest.fixture
def signed(data_role: None) -> Iterator[list[tuple[str, str]]]:
    """Every call of the test, with the access key that signed it."""
    seen: list[tuple[str, str]] = []

    def sent(request: Any, event_name: str, **_rest: Any) -> None:
        header = request.headers["Authorization"]
        text = header.decode() if isinstance(header, bytes) else header
        seen.append((event_name.rpartition(".")[2], text.partition("Credential=")[2].partition("/")[0]))

    emitters = [aws.client(service).meta.events for service in ("dynamodb", "s3", "sts")]
    for emitter in emitters:
        emitter.register("before-send", sent)
    yield seen
    for emitter in emitters:
        emitter.unregister("before-send", sent)


def found(who: Actor) -> Organization:
    return Organization(tenant_id=who.tenant_id, organization_id=who.tenant_id, name="Argo", created_at="2026-01-01")


def keys_of(seen: list[tuple[str, str]], operation: str) -> set[str]:
    return {key for name, key in seen if name == operation}


def test_each_tenants_data_is_touched_with_its_own_credentials(signed: list[tuple[str, str]]) -> None:
    argo, beta = actor(), actor()
    for who in (argo, beta):
        Table().transact(who, [create(found(who))])
        assert Table().get(who, Organization) is not None
        Facts().put(who, f"tenants/{who.tenant_id}/scans/x", b"x")
        assert list(Facts().keys(who, f"tenants/{who.tenant_id}/")) == [f"tenants/{who.tenant_id}/scans/x"]
    for operation in ("TransactWriteItems", "GetItem", "PutObject", "ListObjectsV2"):
        assert len(keys_of(signed, operation)) == 2, operation
        assert all(key.startswith(SESSION_KEY) for key in keys_of(signed, operation)), operation
    assert keys_of(signed, "TransactWriteItems") == keys_of(signed, "GetItem")
    assert not any(key.startswith(SESSION_KEY) for key in keys_of(signed, "AssumeRole"))


def test_what_belongs_to_no_tenant_is_touched_with_the_doors_own(signed: list[tuple[str, str]]) -> None:
    who = actor()
    table = Table()
    table.write(create(Tenancy(tenant_id=who.tenant_id)))
    assert table.get_platform(Tenancy, tenant_id=who.tenant_id) is not None
    assert len(list(table.all_platform(Tenancy, tenant_id=who.tenant_id))) == 1
    assert len(signed) == 3
    assert not any(key.startswith(SESSION_KEY) for _, key in signed)


def test_a_role_is_assumed_once_for_many_calls_and_again_before_it_ends(data_role: None) -> None:
    who = actor()
    with time_machine.travel(0, tick=False) as clock, counted() as calls:
        for _ in range(50):
            Table().get(who, Organization)
        assert calls.count("AssumeRole") == 1
        clock.shift(credentials.SECONDS - credentials.RENEWED_BEFORE_SECONDS + 1)
        Table().get(who, Organization)
        assert calls.count("AssumeRole") == 2


def test_the_tenant_is_the_sessions_only_tag(data_role: None) -> None:
    asked: list[dict[str, Any]] = []

    def note(model: Any, params: dict[str, Any], **_rest: Any) -> None:
        if model.name == "AssumeRole":
            asked.append(params["body"])

    who = actor()
    with hooked(note, "before-call"):
        Table().get(who, Organization)
    (body,) = asked
    assert body["RoleArn"] == ROLE
    assert {name: value for name, value in body.items() if name.startswith("Tags.")} == {
        "Tags.member.1.Key": "tenant",
        "Tags.member.1.Value": who.tenant_id,
    }


def test_a_process_holds_the_credentials_of_a_bounded_number_of_tenants(
    data_role: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "KEPT", 3)
    with counted() as calls:
        for tenant in [new_id("org") for _ in range(5)]:
            credentials.credentials(tenant)
    assert calls.count("AssumeRole") == 5
    assert len(credentials._leases) == 3


def test_a_command_of_one_tenant_cannot_hold_a_record_of_another(data_role: None) -> None:
    mine, other = actor(), actor()
    with counted() as calls, pytest.raises(ValueError, match="another"):
        Table().transact(mine, [create(found(mine)), create(found(other))])
    assert calls == []
    with pytest.raises(TypeError):
        Table().transact_platform([create(found(mine))])
