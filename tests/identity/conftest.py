"""A pool that is played, people in it, and what identity asks of others: the organizations' door, and the mail."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.organizations import steps as organizations
from kernel import aws
from tests import edges
from tests.faults import METADATA, Reply, hooked
from tests.identity.pool import Pool, playing


@pytest.fixture(autouse=True)
def pool(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """The stack's user pool."""
    monkeypatch.setenv("USER_POOL_ID", "us-east-1_pool1")
    monkeypatch.setenv("USER_POOL_CLIENT_ID", "client1")
    with playing() as played:
        yield played


@pytest.fixture
def founder(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The door of the organizations that founds one; what it was asked."""
    monkeypatch.setenv("FOUNDER_ARN", "palisade-local-organizations-create-organization")
    asked: list[dict[str, Any]] = []

    def hook(model: Any, params: dict[str, Any], **_keywords: Any) -> Any:
        if model.name != "Invoke":
            return None
        asked.append(json.loads(params["body"]))
        answer = json.dumps(organizations.create_organization(asked[-1], None)).encode()
        return Reply(200), {**METADATA, "StatusCode": 200, "Payload": io.BytesIO(answer)}

    with hooked(hook, "before-call"):
        yield asked


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that is verified."""
    monkeypatch.setenv("MAIL_SENDER", edges.SENDER)
    aws.client("sesv2").create_email_identity(EmailIdentity=edges.SENDER)
