"""The facts bucket: an actor sees what lies under its own tenant, and nothing else."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from kernel.actor import Actor
from kernel.errors import NotFound
from kernel.facts import Facts
from tests.faults import counted
from tests.kit import actor

pytestmark = pytest.mark.usefixtures("cloud")


def key(who: Actor, name: str) -> str:
    return f"tenants/{who.tenant_id}/{name}"


def test_an_object_is_written_read_replaced_listed_and_removed() -> None:
    who, facts = actor(), Facts()
    for body in (b"first", b"second"):
        facts.put(who, key(who, "a/1"), body)
    facts.put(who, key(who, "a/2"), b"other", "text/plain")
    facts.put(who, key(who, "b/1"), b"stays")
    assert facts.get(who, key(who, "a/1")) == b"second"
    assert list(facts.keys(who, key(who, "a/"))) == [key(who, "a/1"), key(who, "a/2")]
    assert facts.delete(who, key(who, "a/")) == 2
    assert facts.delete(who, key(who, "a/")) == 0
    with pytest.raises(NotFound):
        facts.get(who, key(who, "a/1"))
    assert facts.get(who, key(who, "b/1")) == b"stays"


def test_more_than_a_thousand_objects_are_listed_and_removed() -> None:
    who, facts = actor(), Facts()
    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for number in range(1003):
        bucket.put_object(facts.bucket, key(who, f"{number:04}"), b"")
    assert len(list(facts.keys(who, key(who, "")))) == 1003
    assert facts.delete(who, key(who, "")) == 1003
    assert list(facts.keys(who, key(who, ""))) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20))
def test_keys_outside_the_tenant_are_refused_before_any_call(tail: str) -> None:
    who, stranger = actor(), actor()
    foreign = (tail, f"tenants/{tail}", f"tenants/{who.tenant_id}{tail.replace('/', '')}", key(stranger, tail))
    climbing = key(who, f"../{stranger.tenant_id}/{tail}")
    with counted() as calls:
        facts = Facts()
        for outside in (*foreign, climbing):
            for attempt in (
                lambda k: facts.put(who, k, b""),
                lambda k: facts.get(who, k),
                lambda k: list(facts.keys(who, k)),
                lambda k: facts.delete(who, k),
                lambda k: facts.link(who, k, "f"),
            ):
                with pytest.raises(PermissionError):
                    attempt(outside)
    assert calls == []


def test_a_link_is_signed_ends_soon_and_saves_under_its_name() -> None:
    who = actor()
    link = urlsplit(Facts().link(who, key(who, "graph"), "scan.json", seconds=60))
    question = parse_qs(link.query)
    assert question["response-content-disposition"] == ['attachment; filename="scan.json"']
    assert question["X-Amz-Expires"] == ["60"]
    assert question["X-Amz-Signature"]
