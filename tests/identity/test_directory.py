"""The directory on the emulator's Cognito, with the client's settings of the stack: rotation, metadata, TOTP, codes.

The emulator's codes are the same for everybody; that Cognito's are not is for AWS to keep.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from functions.identity.errors import SessionOver, WrongCredentials
from functions.identity.gateways import Cognito
from functions.identity.model.sessions import Asked, Granted
from infra.local import clients, emulator
from kernel import aws
from tests.infra.local.cloud_kit import create_function

pytestmark = pytest.mark.emulator
EMAIL = "ann@example.com"
PASSWORD = "Correct-Horse-9-Battery"
TRIGGER = (
    "def handler(e, c):\n"
    "  asked = e['request'].get('clientMetadata') or {}\n"
    "  claims = {'organization_id': asked.get('organization_id', 'none')}\n"
    "  tokens = {'accessTokenGeneration': {'claimsToAddOrOverride': claims}}\n"
    "  return e | {'response': {'claimsAndScopeOverrideDetails': tokens}}"
)


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[emulator.Handle]:
    if not emulator.interpreter().exists():
        pytest.skip("the emulator's environment is absent: `make up` makes it")
    state, sources = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("sources")
    running = emulator.start(state, emulator.free_port(), sources=(sources,))
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def pool(handle: emulator.Handle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A pool as the stack declares it."""
    aws.client.cache_clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL", handle.endpoint)
    functions, users = clients.client("lambda", handle.endpoint), clients.client("cognito-idp", handle.endpoint)
    function = create_function(functions, TRIGGER)
    trigger = {"PreTokenGenerationConfig": {"LambdaArn": function.arn, "LambdaVersion": "V2_0"}}
    made = users.create_user_pool(
        PoolName=uuid.uuid4().hex[:8],
        UsernameAttributes=["email"],
        LambdaConfig=trigger,
        MfaConfiguration="OPTIONAL",
        Policies={"PasswordPolicy": {"MinimumLength": 12}},
    )["UserPool"]["Id"]
    client = users.create_user_pool_client(
        UserPoolId=made,
        ClientName="c",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        PreventUserExistenceErrors="ENABLED",
        RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 0},
    )["UserPoolClient"]["ClientId"]
    monkeypatch.setenv("USER_POOL_ID", made)
    monkeypatch.setenv("USER_POOL_CLIENT_ID", client)
    yield users
    function.delete()
    functions.close()
    users.close()


@pytest.fixture
def directory() -> Cognito:
    made = Cognito()
    made.enrol(EMAIL, PASSWORD)
    return made


def granted(given: Granted | Asked) -> Granted:
    assert isinstance(given, Granted)
    return given


def says(given: Granted) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(given.access_token, options={"verify_signature": False})
    return claims


def test_a_refresh_rotates_and_names_the_organisation_that_was_asked_for(directory: Cognito) -> None:
    first = granted(directory.log_in(EMAIL, PASSWORD))
    second = directory.refresh(str(first.refresh_token), "org_2")
    assert says(second)["organization_id"] == "org_2"
    assert says(second)["origin_jti"] == says(first)["origin_jti"]
    assert second.refresh_token not in (None, first.refresh_token)
    with pytest.raises(SessionOver):
        directory.refresh(str(first.refresh_token), "org_2")
    assert directory.refresh(str(second.refresh_token), "org_1").access_token


def test_a_session_that_was_ended_gives_nothing(directory: Cognito) -> None:
    tokens = granted(directory.log_in(EMAIL, PASSWORD))
    directory.log_out(str(tokens.refresh_token))
    with pytest.raises(SessionOver):
        directory.refresh(str(tokens.refresh_token), "org_1")
    with pytest.raises(WrongCredentials):
        directory.log_in(EMAIL, "Wrong-Horse-9-Battery")
    with pytest.raises(WrongCredentials):
        directory.log_in("nobody@example.com", PASSWORD)
