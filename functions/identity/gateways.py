"""Cognito, which keeps passwords and makes tokens."""

from __future__ import annotations

from typing import Any, Protocol

from functions.identity.errors import ChallengeRequired, SessionOver, WrongCredentials
from functions.identity.model import Tokens
from kernel import aws


class Directory(Protocol):
    """Where people's credentials live."""

    def log_in(self, email: str, password: str) -> Tokens:
        """A new session. Raises WrongCredentials or ChallengeRequired."""

    def refresh(self, refresh_token: str) -> Tokens:
        """A new access token. Raises SessionOver."""

    def log_out(self, refresh_token: str) -> None:
        """End a session; one that is over already is left alone."""

    def find(self, email: str) -> str | None:
        """The user id of the person with this address."""

    def enrol(self, email: str, password: str | None) -> str:
        """Add a person, or find the one with this address and set the password; the user id."""


class Cognito:
    """Directory on the stack's user pool."""

    def log_in(self, email: str, password: str) -> Tokens:
        """A new session by e-mail and password."""
        parameters = {"USERNAME": email, "PASSWORD": password}
        errors = self._client.exceptions
        try:
            return self._initiate("USER_PASSWORD_AUTH", parameters)
        except (
            errors.NotAuthorizedException,
            errors.UserNotFoundException,
            errors.PasswordResetRequiredException,
            errors.UserNotConfirmedException,
        ):
            raise WrongCredentials() from None

    def refresh(self, refresh_token: str) -> Tokens:
        """A new access token for a session."""
        errors = self._client.exceptions
        try:
            return self._initiate("REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": refresh_token})
        except (errors.NotAuthorizedException, errors.InvalidParameterException, errors.UserNotFoundException):
            raise SessionOver() from None

    def log_out(self, refresh_token: str) -> None:
        """Revoke a session's tokens."""
        errors = self._client.exceptions
        try:
            self._client.revoke_token(Token=refresh_token, ClientId=aws.setting("USER_POOL_CLIENT_ID"))
        except (errors.InvalidParameterException, errors.NotAuthorizedException, errors.UnauthorizedException):
            return

    def find(self, email: str) -> str | None:
        """The account's subject, if there is one."""
        try:
            user = self._client.admin_get_user(UserPoolId=aws.setting("USER_POOL_ID"), Username=email)
        except self._client.exceptions.UserNotFoundException:
            return None
        return _subject(user["UserAttributes"])

    def enrol(self, email: str, password: str | None) -> str:
        """Create the account; with a password it is ready, without one Cognito mails an invitation."""
        pool = aws.setting("USER_POOL_ID")
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        quiet = {"MessageAction": "SUPPRESS"} if password else {}
        try:
            user = self._client.admin_create_user(UserPoolId=pool, Username=email, UserAttributes=attributes, **quiet)[
                "User"
            ]["Attributes"]
        except self._client.exceptions.UsernameExistsException:
            user = self._client.admin_get_user(UserPoolId=pool, Username=email)["UserAttributes"]
        if password:
            self._client.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
        return _subject(user)

    @property
    def _client(self) -> Any:
        return aws.client("cognito-idp")

    def _initiate(self, flow: str, parameters: dict[str, str]) -> Tokens:
        answer = self._client.initiate_auth(
            AuthFlow=flow, AuthParameters=parameters, ClientId=aws.setting("USER_POOL_CLIENT_ID")
        )
        if "AuthenticationResult" not in answer:
            raise ChallengeRequired(f"The account needs the step {answer.get('ChallengeName', 'unknown')}.")
        result = answer["AuthenticationResult"]
        return Tokens(
            access_token=result["AccessToken"],
            refresh_token=result.get("RefreshToken"),
            expires_in=result["ExpiresIn"],
        )


def _subject(attributes: list[dict[str, str]]) -> str:
    return next(attribute["Value"] for attribute in attributes if attribute["Name"] == "sub")
