"""The identity context: log-in, people, members. Its token trigger lives in the platform stack, beside the pool."""

from __future__ import annotations

from constructs import Construct

from contracts.access import RoleChanged, TeamMemberAdded, TeamMemberRemoved
from contracts.identity import MemberRemoved, MemberRolesChanged
from contracts.organizations import DelegationEnded, DelegationGranted, OrganizationCreated
from infra.cdk.constructs.bounded_context import READ, WRITE, BoundedContext
from infra.cdk.constructs.door import Door
from infra.cdk.constructs.person import person_door
from infra.cdk.platform.stack import Platform

BEFORE_LOG_IN = (
    *("login", "challenge", "refresh", "switch", "logout"),
    *("forgot-password", "reset-password", "register", "verify-email", "resend-code", "sso", "sso/token"),
)
LOGGED_IN = ("sessions", "sessions/{proxy+}", "change-password", "mfa/{proxy+}")
OF_ORGANIZATIONS = (
    "sign-in",
    "members",
    "members/{proxy+}",
    "invitations",
    "invitations/{proxy+}",
    "scim/{proxy+}",
    "sso/{proxy+}",
)


class Identity(BoundedContext):
    """Sessions through Cognito, people of a tenant."""

    name = "identity"
    partitions = (
        "USERS",
        "INVITATIONS",
        "SSO",
        "PLATFORM#DOMAINS#*",
        "PLATFORM#PEOPLE#*",
        "PLATFORM#ACCOUNTS#*",
        "PLATFORM#CHALLENGES#*",
        "PLATFORM#SESSIONS#*",
        "PLATFORM#TENANTSESSIONS#*",
    )

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api(
            *("/users", "/users/{proxy+}", "/invitations/{proxy+}"),
            *(f"/auth/{path}" for path in LOGGED_IN),
            *(f"/organizations/{{organization_id}}/{path}" for path in OF_ORGANIZATIONS),
            public=[f"/auth/{path}" for path in BEFORE_LOG_IN],
        )
        self._know_pool(api)
        platform.know_viewers(api)
        self.grant_table(api, ["PLATFORM#TENANTS#*"], [*READ, "dynamodb:PutItem"])
        self.grant_table(api, ["ROLES", "TEAMS", "ORGANIZATIONS", "DELEGATIONS"], READ)
        self.grant_table(api, ["KEYS"], [*READ, "dynamodb:PutItem"])
        self.grant_data_key(api, create=True)
        admin = ("AdminDeleteUser", "AdminGetUser", "AdminSetUserMFAPreference", "AdminUserGlobalSignOut")
        api.allow([f"cognito-idp:{action}" for action in admin], [platform.directory.pool.user_pool_arn])
        self._may_federate(api)
        self._may_mail(api)
        self._may_found(api)
        self.grant_table(api, ["SCIM"], WRITE)
        self._scim()
        events = self.events(
            *(OrganizationCreated.type, DelegationGranted.type, DelegationEnded.type),
            *(RoleChanged.type, TeamMemberAdded.type, TeamMemberRemoved.type),
            *(MemberRolesChanged.type, MemberRemoved.type),
        )
        ending = self.door("forget-organization", "steps.forget_organization", timeout=600)
        self._may_federate(ending)
        for leaving in (person_door(self), ending):
            self._know_pool(leaving)
            self.grant_table(leaving, ["SCIM"], WRITE)
            leaving.allow(["cognito-idp:AdminDeleteUser"], [platform.directory.pool.user_pool_arn])
        create_user = self.door("create-user", "steps.create_user")
        self._know_pool(create_user)
        create_user.allow(
            ["cognito-idp:AdminCreateUser", "cognito-idp:AdminGetUser", "cognito-idp:AdminSetUserPassword"],
            [platform.directory.pool.user_pool_arn],
        )

        self.grant_table(events, ["ROLES", "TEAMS", "DELEGATIONS"], READ)

    def _may_federate(self, door: Door) -> None:
        """Organisations connect their identity providers at run time; the pool keeps their secrets."""
        directory = self.platform.directory
        providers = [f"{action}IdentityProvider" for action in ("Create", "Update", "Delete")]
        client = ("ListIdentityProviders", "DescribeUserPoolClient", "UpdateUserPoolClient")
        door.allow([f"cognito-idp:{action}" for action in (*providers, *client)], [directory.pool.user_pool_arn])
        door.function.add_environment("HOSTED_LOGIN_URL", directory.hosted_url)
        door.function.add_environment("SSO_REDIRECTS", " ".join(self.stage.sso_redirects))
        if self.stage.social is not None:
            door.function.add_environment("SOCIAL_PROVIDERS", self.stage.social.name)

    def _scim(self) -> None:
        """Organisations' own directories, which speak SCIM: a door of its own, for the library that it needs."""
        door = self.protocol("scim", "scim.handler", "/scim/v2", ["/{proxy+}"], layers=["scim"])
        self._know_pool(door)
        self.grant_table(door, ["SCIM"], WRITE)
        self.grant_table(door, ["ROLES", "PLATFORM#DOMAINS#*"], READ)
        pool = self.platform.directory.pool.user_pool_arn
        door.allow(["cognito-idp:AdminCreateUser", "cognito-idp:AdminGetUser"], [pool])

    def _may_mail(self, door: Door) -> None:
        """Invitations are mailed by the room itself: no event may carry their tokens."""
        sender = self.stage.mail_sender
        door.function.add_environment("MAIL_SENDER", sender)
        door.allow(["ses:SendEmail"], [self.format_arn(service="ses", resource="identity", resource_name=sender)])

    def _may_found(self, door: Door) -> None:
        """Who registers an organisation logs in at once: it must be there."""
        founder = self.function_arn("organizations", "create-organization")
        door.function.add_environment("FOUNDER_ARN", founder)
        door.allow(["lambda:InvokeFunction"], [founder])

    def _know_pool(self, door: Door) -> None:
        directory = self.platform.directory
        door.function.add_environment("USER_POOL_ID", directory.pool.user_pool_id)
        door.function.add_environment("USER_POOL_CLIENT_ID", directory.client.user_pool_client_id)
