"""Whose word on a request's address counts."""

from __future__ import annotations

import pytest
import time_machine

from kernel import aws, viewer
from kernel.viewer import KEPT_SECONDS, viewer_address

SECRET = "what-the-edge-alone-knows"
GATEWAYS, VIEWERS = "198.51.100.1", "203.0.113.9"


@pytest.fixture
def edge(cloud: None, monkeypatch: pytest.MonkeyPatch) -> str:
    answer = aws.client("secretsmanager").create_secret(Name="palisade/edge", SecretString=SECRET)
    monkeypatch.setenv("EDGE_SECRET_ARN", answer["ARN"])
    viewer._secret.cache_clear()
    return str(answer["ARN"])


def test_the_edge_that_proves_itself_is_believed(edge: str) -> None:
    assert viewer_address({"palisade-viewer": VIEWERS, "palisade-edge": SECRET}, GATEWAYS) == VIEWERS
    assert viewer_address({"Palisade-Viewer": VIEWERS, "Palisade-Edge": SECRET}, GATEWAYS) == VIEWERS


@pytest.mark.parametrize("headers", [
    {},
    {"palisade-viewer": VIEWERS},
    {"palisade-viewer": VIEWERS, "palisade-edge": ""},
    {"palisade-viewer": VIEWERS, "palisade-edge": SECRET[:-1]},
    {"palisade-viewer": VIEWERS, "palisade-edge": "ö"},
    {"palisade-edge": SECRET},
])  # fmt: skip
def test_nobody_else_is(edge: str, headers: dict[str, str]) -> None:
    assert viewer_address(headers, GATEWAYS) == GATEWAYS


def test_where_there_is_no_edge_nobody_is() -> None:
    assert viewer_address({"palisade-viewer": VIEWERS, "palisade-edge": ""}, GATEWAYS) == GATEWAYS


def test_a_new_secret_is_known_after_a_while(edge: str) -> None:
    headers = {"palisade-viewer": VIEWERS, "palisade-edge": "another"}
    with time_machine.travel(KEPT_SECONDS * 100, tick=False) as traveller:
        assert viewer_address(headers, GATEWAYS) == GATEWAYS
        aws.client("secretsmanager").put_secret_value(SecretId=edge, SecretString="another")
        assert viewer_address(headers, GATEWAYS) == GATEWAYS
        traveller.shift(KEPT_SECONDS)
        assert viewer_address(headers, GATEWAYS) == VIEWERS
