"""Secret configuration values: masked for people, sealed in the table, opened for the module that needs them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from contracts.modules import ModuleFace, catalogue
from functions.collection import steps as collection
from functions.modules import api
from functions.modules.model import MASK
from functions.modules.schemas import MAX_BYTES
from kernel import aws
from kernel.actor import Actor
from tests.kit import Answer, actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")
KEY = "correct horse battery staple"


@pytest.fixture(autouse=True)
def feed(monkeypatch: pytest.MonkeyPatch) -> ModuleFace:
    """A module with a key of its own; the catalogue has none yet that asks for one."""
    face = next(iter(catalogue().values())).model_copy(
        update={
            "name": "feed",
            "config_schema": {
                "additionalProperties": False,
                "required": ["api_key"],
                "properties": {
                    "api_key": {"type": "string", "minLength": 8, "writeOnly": True},
                    "second_key": {"type": "string", "writeOnly": True},
                    "pages": {"type": "integer"},
                },
            },
        }
    )
    monkeypatch.setitem(catalogue(), "feed", face)
    return face


def configure(who: Actor, config: Any, name: str = "feed", **options: Any) -> Answer:
    return call(api.handler, "PUT", f"/modules/{name}/config", who, {"config": config}, **options)


def stored(who: Actor) -> dict[str, Any]:
    setting = api.store().setting(who, "feed")
    assert setting is not None
    return setting.config


def test_a_secret_is_masked_for_everybody_and_sealed_in_the_table(feed: ModuleFace) -> None:
    who = actor()
    answer = configure(who, {"api_key": KEY, "pages": 3})
    shown = call(api.handler, "GET", "/modules/feed", who)
    listed = next(each for each in call(api.handler, "GET", "/modules", who).body["items"] if each["name"] == "feed")
    for body in (answer.body, shown.body, listed):
        assert body["config"] == {"api_key": MASK, "pages": 3}
    assert KEY not in str(aws.client("dynamodb").scan(TableName="palisade")["Items"])
    assert KEY not in json.dumps([event.data for event in committed_events()])
    assert api.envelope().decrypt(who, "feed", "api_key", stored(who)["api_key"]) == KEY


def test_a_secret_that_is_sent_masked_stays_as_it_is() -> None:
    who = actor()
    configure(who, {"api_key": KEY, "pages": 3})
    before = stored(who)["api_key"]
    assert configure(who, {"api_key": MASK, "pages": 4}).body["config"] == {"api_key": MASK, "pages": 4}
    assert stored(who) == {"api_key": before, "pages": 4}
    configure(who, {"api_key": "another key"})
    assert api.envelope().decrypt(who, "feed", "api_key", stored(who)["api_key"]) == "another key"
    assert configure(who, {}).body["config"] == {}


def test_a_mask_where_nothing_is_set_is_no_secret() -> None:
    who = actor()
    refused = configure(who, {"api_key": MASK * 2, "second_key": MASK})
    assert (refused.status, refused.problem) == (422, "bad-module-configuration")
    assert [error["pointer"] for error in refused.body["errors"]] == ["/config/second_key"]
    assert api.store().setting(who, "feed") is None


def test_a_secret_is_checked_like_any_value_and_its_fault_does_not_repeat_it() -> None:
    for fault in (12345678, "abc123"):
        refused = configure(actor(), {"api_key": fault})
        (error,) = refused.body["errors"]
        assert error["pointer"] == "/config/api_key"
        assert error["detail"].startswith("does not satisfy ")
        assert str(fault) not in json.dumps(refused.body)
    assert "'x' is not of type 'integer'" in str(configure(actor(), {"pages": "x"}).body)


def test_only_the_module_itself_is_given_its_secret() -> None:
    who = actor()
    configure(who, {"api_key": KEY})
    sealed = stored(who)["api_key"]
    with pytest.raises(InvalidTag):
        collection.envelope().decrypt(who, "crawler", "api_key", sealed)
    with pytest.raises(InvalidTag):
        collection.envelope().decrypt(actor(), "feed", "api_key", sealed)
    assert collection.envelope().decrypt(who, "feed", "api_key", sealed) == KEY


@pytest.mark.parametrize(
    "config",
    [
        '{"ports": [NaN]}',
        '{"ports": [Infinity]}',
        '{"ports": [1e400]}',
        '{"ports": [' + "9" * 39 + "]}",
        '{"ports": ["' + "x" * MAX_BYTES + '"]}',
        '{"ports": ["\\ud800"]}',
        '{"a\\ud800": 1}',
        '{"' + '": 1, "'.join(f"k{number}" for number in range(51)) + '": 1}',
        "[]",
        '"text"',
        "null",
    ],
)
def test_what_the_table_cannot_keep_is_refused(config: str) -> None:
    who = actor()
    refused = call(api.handler, "PUT", "/modules/http_probe/config", who, raw='{"config": ' + config + "}")
    assert refused.status == 422, refused.body
    assert api.store().setting(who, "http_probe") is None


def test_a_body_that_is_nested_without_end_cannot_be_read() -> None:
    raw = '{"config": {"ports": ' + "[" * 100_000 + "]" * 100_000 + "}}"
    assert call(api.handler, "PUT", "/modules/http_probe/config", actor(), raw=raw).status == 400
