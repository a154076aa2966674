"""Cognito, which keeps passwords and makes tokens."""

from __future__ import annotations

import contextlib
import json
from typing import Any, Protocol

from functions.identity.errors import (
    ChallengeOver,
    CodeExpired,
    LockedOut,
    SessionOver,
    UnknownQuestion,
    WeakPassword,
    WrongCode,
    WrongCredentials,
)
from functions.identity.model.sessions import Asked, Granted, Question
from kernel import aws
from kernel.errors import Invalid

BUSY_SECONDS = 60
"""After so long, who was told that the directory has enough may try again."""
QUESTIONS = {"SOFTWARE_TOKEN_MFA": Question.MFA, "NEW_PASSWORD_REQUIRED": Question.NEW_PASSWORD}


class Directory(Protocol):
    """Where people's credentials live."""

    def log_in(self, email: str, password: str) -> Granted | Asked:
        """A new session, or a question. Raises WrongCredentials."""

    def answer_code(self, session: str, email: str, code: str) -> Granted | Asked:
        """Go on with the authenticator's code. Raises WrongCode or ChallengeOver."""

    def answer_password(self, session: str, email: str, password: str) -> Granted | Asked:
        """Go on with a new password. Raises WeakPassword or ChallengeOver."""

    def refresh(self, refresh_token: str, organization_id: str) -> Granted:
        """New tokens that name an organisation of the person's. Raises SessionOver."""

    def log_out(self, refresh_token: str) -> None:
        """End a session; one that is over already is left alone."""

    def find(self, email: str) -> str | None:
        """The user id of the person with this address."""

    def enrol(self, email: str, password: str | None, *, quiet: bool = False) -> str:
        """Add a person, or find the one with this address and set the password; the user id. Without a password an
        invitation is mailed, unless it is to be quiet: for who logs in elsewhere."""

    def sign_up(self, email: str, password: str, name: str) -> str | None:
        """A new account whose address is to be verified; the user id, or None when the address has one that is
        verified. One that is not is replaced. Raises WeakPassword."""

    def confirm(self, email: str, code: str) -> None:
        """The address is verified. Raises WrongCode or CodeExpired."""

    def resend(self, email: str) -> None:
        """Mail another code, if the address waits for one."""

    def forgot(self, email: str) -> None:
        """Mail a code to reset the password, if there is an account."""

    def reset(self, email: str, code: str, password: str) -> None:
        """Set a new password. Raises WrongCode, CodeExpired or WeakPassword."""

    def change_password(self, access_token: str, old: str, new: str) -> None:
        """Replace the password. Raises WrongCredentials or WeakPassword."""

    def knows(self, email: str, password: str) -> bool:
        """Whether the password is right."""

    def begin_factor(self, access_token: str) -> str:
        """The secret for an authenticator."""

    def confirm_factor(self, access_token: str, code: str) -> None:
        """The authenticator counts from now on. Raises WrongCode."""

    def drop_factor(self, user_id: str) -> None:
        """The password alone counts from now on."""

    def delete(self, user_id: str) -> None:
        """Remove a person's account; one that is not there is gone."""

    def sign_out(self, user_id: str) -> None:
        """End all sessions of a person."""


class Mailer(Protocol):
    """Sends plain e-mail."""

    def send(self, to: str, subject: str, body: str) -> None:
        """Send one message."""


class Founder(Protocol):
    """Founds organisations, which another context owns."""

    def found(self, organization_id: str, name: str, owner_id: str) -> None:
        """Found one; one that is there stays as it is."""


class Ses:
    """Mailer on Amazon SES."""

    def send(self, to: str, subject: str, body: str) -> None:
        """Send one message from the stage's sender."""
        aws.client("sesv2").send_email(
            FromEmailAddress=aws.setting("MAIL_SENDER"),
            Destination={"ToAddresses": [to]},
            Content={
                "Simple": {
                    "Subject": {"Data": subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": body, "Charset": "UTF-8"}},
                }
            },
        )


class Organizations:
    """Founder on the organizations context's own door, which the stack lets this one call."""

    def found(self, organization_id: str, name: str, owner_id: str) -> None:
        """Found it, and wait until it is there: the person logs in next."""
        answer = aws.client("lambda").invoke(
            FunctionName=aws.setting("FOUNDER_ARN"),
            Payload=json.dumps({"tenant_id": organization_id, "name": name, "owner_id": owner_id}).encode(),
        )
        said = answer["Payload"].read()
        if "FunctionError" in answer:
            raise RuntimeError(f"the organisation was not founded: {said[:500]!r}")


class Cognito:
    """Directory on the stack's user pool."""

    def log_in(self, email: str, password: str) -> Granted | Asked:
        """A new session by e-mail and password."""
        errors = self._client.exceptions
        try:
            answer = self._client.initiate_auth(
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": email, "PASSWORD": password},
                ClientId=aws.setting("USER_POOL_CLIENT_ID"),
            )
        except (
            errors.NotAuthorizedException,
            errors.UserNotFoundException,
            errors.PasswordResetRequiredException,
            errors.UserNotConfirmedException,
            errors.InvalidParameterException,
        ):
            raise WrongCredentials() from None
        except errors.TooManyRequestsException:
            raise LockedOut(retry_after=BUSY_SECONDS) from None
        return _given(answer)

    def answer_code(self, session: str, email: str, code: str) -> Granted | Asked:
        """The second factor."""
        errors = self._client.exceptions
        try:
            return self._respond("SOFTWARE_TOKEN_MFA", session, email, {"SOFTWARE_TOKEN_MFA_CODE": code})
        except (errors.CodeMismatchException, errors.ExpiredCodeException):
            raise WrongCode() from None
        except (errors.NotAuthorizedException, errors.UserNotFoundException, errors.InvalidParameterException):
            raise ChallengeOver() from None

    def answer_password(self, session: str, email: str, password: str) -> Granted | Asked:
        """The first password of one's own."""
        errors = self._client.exceptions
        try:
            return self._respond("NEW_PASSWORD_REQUIRED", session, email, {"NEW_PASSWORD": password})
        except errors.InvalidPasswordException as refused:
            raise WeakPassword(_said(refused)) from None
        except (errors.NotAuthorizedException, errors.UserNotFoundException):
            raise ChallengeOver() from None

    def refresh(self, refresh_token: str, organization_id: str) -> Granted:
        """New tokens for a session; Cognito rotates its refresh token where its client is set so."""
        errors = self._client.exceptions
        try:
            answer = self._client.get_tokens_from_refresh_token(
                RefreshToken=refresh_token,
                ClientId=aws.setting("USER_POOL_CLIENT_ID"),
                ClientMetadata={"organization_id": organization_id},
            )
        except (
            errors.NotAuthorizedException,
            errors.InvalidParameterException,
            errors.UserNotFoundException,
            errors.RefreshTokenReuseException,
        ):
            raise SessionOver() from None
        return _granted(answer["AuthenticationResult"])

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

    def enrol(self, email: str, password: str | None, *, quiet: bool = False) -> str:
        """Create the account; with a password it is ready, without one Cognito mails an invitation."""
        pool = aws.setting("USER_POOL_ID")
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}]
        how = {"MessageAction": "SUPPRESS"} if password or quiet else {}
        try:
            user = self._client.admin_create_user(UserPoolId=pool, Username=email, UserAttributes=attributes, **how)[
                "User"
            ]["Attributes"]
        except self._client.exceptions.UsernameExistsException:
            user = self._client.admin_get_user(UserPoolId=pool, Username=email)["UserAttributes"]
        if password:
            self._client.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
        return _subject(user)

    def sign_up(self, email: str, password: str, name: str) -> str | None:
        """Self sign-up. An account that nobody has verified may be a stranger's: the last one who asks gets it, and
        only who reads the mail verifies it."""
        try:
            return self._sign_up(email, password, name)
        except self._client.exceptions.UsernameExistsException:
            pass
        pool = aws.setting("USER_POOL_ID")
        if self._client.admin_get_user(UserPoolId=pool, Username=email)["UserStatus"] != "UNCONFIRMED":
            return None
        self._client.admin_delete_user(UserPoolId=pool, Username=email)
        return self._sign_up(email, password, name)

    def confirm(self, email: str, code: str) -> None:
        """Cognito says that a verified address cannot be verified; that must look like a wrong code."""
        errors = self._client.exceptions
        try:
            self._client.confirm_sign_up(
                ClientId=aws.setting("USER_POOL_CLIENT_ID"), Username=email, ConfirmationCode=code
            )
        except errors.ExpiredCodeException:
            raise CodeExpired() from None
        except (errors.LimitExceededException, errors.TooManyFailedAttemptsException, errors.TooManyRequestsException):
            raise LockedOut(retry_after=BUSY_SECONDS) from None
        except (
            errors.CodeMismatchException,
            errors.NotAuthorizedException,
            errors.UserNotFoundException,
            errors.InvalidParameterException,
        ):
            raise WrongCode("The code is wrong, or was used before.") from None

    def resend(self, email: str) -> None:
        """Whoever asks learns nothing."""
        errors = self._client.exceptions
        with contextlib.suppress(
            errors.UserNotFoundException, errors.InvalidParameterException, errors.LimitExceededException
        ):
            self._client.resend_confirmation_code(ClientId=aws.setting("USER_POOL_CLIENT_ID"), Username=email)

    def forgot(self, email: str) -> None:
        """Whoever asks learns nothing."""
        errors = self._client.exceptions
        with contextlib.suppress(
            errors.UserNotFoundException,
            errors.InvalidParameterException,
            errors.NotAuthorizedException,
            errors.LimitExceededException,
        ):
            self._client.forgot_password(ClientId=aws.setting("USER_POOL_CLIENT_ID"), Username=email)

    def reset(self, email: str, code: str, password: str) -> None:
        """With the mailed code."""
        errors = self._client.exceptions
        try:
            self._client.confirm_forgot_password(
                ClientId=aws.setting("USER_POOL_CLIENT_ID"), Username=email, ConfirmationCode=code, Password=password
            )
        except errors.ExpiredCodeException:
            raise CodeExpired() from None
        except errors.InvalidPasswordException as refused:
            raise WeakPassword(_said(refused)) from None
        except (errors.LimitExceededException, errors.TooManyFailedAttemptsException, errors.TooManyRequestsException):
            raise LockedOut(retry_after=BUSY_SECONDS) from None
        except (
            errors.CodeMismatchException,
            errors.NotAuthorizedException,
            errors.UserNotFoundException,
            errors.InvalidParameterException,
        ):
            raise WrongCode("The code is wrong, or was used before.") from None

    def change_password(self, access_token: str, old: str, new: str) -> None:
        """By the person, who knows the old one."""
        errors = self._client.exceptions
        try:
            self._client.change_password(AccessToken=access_token, PreviousPassword=old, ProposedPassword=new)
        except errors.InvalidPasswordException as refused:
            raise WeakPassword(_said(refused)) from None
        except errors.NotAuthorizedException:
            raise WrongCredentials() from None

    def knows(self, email: str, password: str) -> bool:
        """Tries it; a session that comes of it is ended at once."""
        try:
            given = self.log_in(email, password)
        except WrongCredentials:
            return False
        if isinstance(given, Granted) and given.refresh_token:
            self.log_out(given.refresh_token)
        return True

    def begin_factor(self, access_token: str) -> str:
        """Cognito's secret, of which it keeps the only other copy."""
        errors = self._client.exceptions
        try:
            return str(self._client.associate_software_token(AccessToken=access_token)["SecretCode"])
        except (errors.NotAuthorizedException, errors.UserNotFoundException):
            raise SessionOver() from None

    def confirm_factor(self, access_token: str, code: str) -> None:
        """The first code proves that the authenticator has the secret."""
        errors = self._client.exceptions
        try:
            self._client.verify_software_token(
                AccessToken=access_token, UserCode=code, FriendlyDeviceName="Authenticator"
            )
        except (errors.CodeMismatchException, errors.EnableSoftwareTokenMFAException):
            raise WrongCode() from None
        except (errors.NotAuthorizedException, errors.UserNotFoundException):
            raise SessionOver() from None
        factor = {"Enabled": True, "PreferredMfa": True}
        self._client.set_user_mfa_preference(AccessToken=access_token, SoftwareTokenMfaSettings=factor)

    def drop_factor(self, user_id: str) -> None:
        """The secret stays in Cognito, and is not asked for."""
        self._client.admin_set_user_mfa_preference(
            UserPoolId=aws.setting("USER_POOL_ID"),
            Username=user_id,
            SoftwareTokenMfaSettings={"Enabled": False, "PreferredMfa": False},
        )

    def delete(self, user_id: str) -> None:
        """Remove a person's account; one that is not there is gone."""
        client = self._client
        try:
            client.admin_delete_user(UserPoolId=aws.setting("USER_POOL_ID"), Username=user_id)
        except client.exceptions.UserNotFoundException:
            return

    def sign_out(self, user_id: str) -> None:
        """Cognito's own tokens too."""
        self._client.admin_user_global_sign_out(UserPoolId=aws.setting("USER_POOL_ID"), Username=user_id)

    def _sign_up(self, email: str, password: str, name: str) -> str:
        attributes = [{"Name": "email", "Value": email}, {"Name": "name", "Value": name}]
        try:
            answer = self._client.sign_up(
                ClientId=aws.setting("USER_POOL_CLIENT_ID"),
                Username=email,
                Password=password,
                UserAttributes=attributes,
            )
        except self._client.exceptions.InvalidPasswordException as refused:
            raise WeakPassword(_said(refused)) from None
        except self._client.exceptions.InvalidParameterException:
            raise Invalid("The address or the name is none that mail can be sent to.") from None
        return str(answer["UserSub"])

    @property
    def _client(self) -> Any:
        return aws.client("cognito-idp")

    def _respond(self, challenge: str, session: str, email: str, answers: dict[str, str]) -> Granted | Asked:
        answer = self._client.respond_to_auth_challenge(
            ClientId=aws.setting("USER_POOL_CLIENT_ID"),
            ChallengeName=challenge,
            Session=session,
            ChallengeResponses={"USERNAME": email, **answers},
        )
        return _given(answer)


def _given(answer: dict[str, Any]) -> Granted | Asked:
    if "AuthenticationResult" in answer:
        return _granted(answer["AuthenticationResult"])
    name = answer.get("ChallengeName", "unknown")
    if name not in QUESTIONS:
        raise UnknownQuestion(f"The account needs the step {name}.")
    return Asked(QUESTIONS[name], answer["Session"])


def _granted(result: dict[str, Any]) -> Granted:
    return Granted(result["AccessToken"], result.get("RefreshToken"), result["ExpiresIn"])


def _said(refused: Any) -> str | None:
    """Cognito's own words about a password; they name the rule and not the password."""
    said: str | None = refused.response["Error"].get("Message")
    return said


def _subject(attributes: list[dict[str, str]]) -> str:
    return next(attribute["Value"] for attribute in attributes if attribute["Name"] == "sub")
