"""The directory on the emulator's Cognito, with the client's settings of the stack: rotation, metadata, TOTP, codes.

The emulator's codes are the same for everybody; that Cognito's are not is for AWS to keep.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pyotp
import pytest

from functions.identity.errors import CodeExpired, SessionOver, WrongCode, WrongCredentials
from functions.identity.gateways import Cognito
from functions.identity.model.sessions import Asked, Granted, Question
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


def test_a_second_factor_is_asked_for_until_it_is_dropped(directory: Cognito) -> None:
    tokens = granted(directory.log_in(EMAIL, PASSWORD))
    secret = directory.begin_factor(tokens.access_token)
    with pytest.raises(WrongCode):
        directory.confirm_factor(tokens.access_token, "000000")
    directory.confirm_factor(tokens.access_token, pyotp.TOTP(secret).now())
    asked = directory.log_in(EMAIL, PASSWORD)
    assert isinstance(asked, Asked)
    assert asked.question is Question.MFA
    with pytest.raises(WrongCode):
        directory.answer_code(asked.session, EMAIL, "000000")
    assert granted(directory.answer_code(asked.session, EMAIL, pyotp.TOTP(secret).now())).refresh_token
    assert directory.knows(EMAIL, PASSWORD)
    assert not directory.knows(EMAIL, "Wrong-Horse-9-Battery")
    directory.drop_factor(says(tokens)["sub"])
    assert granted(directory.log_in(EMAIL, PASSWORD)).access_token


def test_a_first_password_is_replaced(directory: Cognito, pool: Any) -> None:
    directory.enrol("new@example.com", None)
    once = "Temporary-Horse-9"
    pool.admin_set_user_password(
        UserPoolId=aws.setting("USER_POOL_ID"), Username="new@example.com", Password=once, Permanent=False
    )
    asked = directory.log_in("new@example.com", once)
    assert isinstance(asked, Asked)
    assert asked.question is Question.NEW_PASSWORD
    assert granted(directory.answer_password(asked.session, "new@example.com", PASSWORD)).access_token
    assert granted(directory.log_in("new@example.com", PASSWORD)).access_token


def test_who_signs_up_verifies_the_address_once(directory: Cognito) -> None:
    email = "nora@example.com"
    first = directory.sign_up(email, "Attackers-Horse-9-x", "Eve")
    second = directory.sign_up(email, PASSWORD, "Nora")
    assert None not in (first, second)
    assert first != second, "an account that nobody verified is replaced"
    with pytest.raises(WrongCode):
        directory.confirm(email, "000000")
    with pytest.raises(WrongCredentials):
        directory.log_in(email, PASSWORD)
    directory.confirm(email, "123456")  # the emulator mails everybody the same
    with pytest.raises(WrongCode):
        directory.confirm(email, "123456")
    assert directory.sign_up(email, PASSWORD, "Nora") is None
    assert granted(directory.log_in(email, PASSWORD)).access_token
    directory.resend(email)
    directory.resend("nobody@example.com")


def test_a_password_is_changed_and_reset_with_a_code_that_is_good_once(directory: Cognito) -> None:
    tokens = granted(directory.log_in(EMAIL, PASSWORD))
    with pytest.raises(WrongCredentials):
        directory.change_password(tokens.access_token, "wrong", "Another-Horse-9-x")
    directory.change_password(tokens.access_token, PASSWORD, "Another-Horse-9-x")
    directory.forgot(EMAIL)
    directory.forgot("nobody@example.com")
    with pytest.raises(WrongCode):
        directory.reset(EMAIL, "000000", PASSWORD)
    directory.reset(EMAIL, "654321", PASSWORD)  # the emulator mails everybody the same
    with pytest.raises((WrongCode, CodeExpired)):
        directory.reset(EMAIL, "654321", "Another-Horse-9-x")
    assert granted(directory.log_in(EMAIL, PASSWORD)).access_token
    directory.sign_out(says(tokens)["sub"])
