"""The identity context: log-in, people, members. Its token trigger lives in the platform stack, beside the pool."""

from __future__ import annotations

from constructs import Construct

from infra.cdk.constructs.bounded_context import READ, BoundedContext
from infra.cdk.constructs.door import Door
from infra.cdk.platform.stack import Platform

BEFORE_LOG_IN = (
    *("login", "challenge", "refresh", "switch", "logout"),
    *("forgot-password", "reset-password"),
)
LOGGED_IN = ("sessions", "sessions/{proxy+}", "change-password", "mfa/{proxy+}")
OF_ORGANIZATIONS = ("sign-in",)


class Identity(BoundedContext):
    """Sessions through Cognito, people of a tenant."""

    name = "identity"
    partitions = (
        "USERS",
        "PLATFORM#PEOPLE#*",
        "PLATFORM#ACCOUNTS#*",
        "PLATFORM#CHALLENGES#*",
        "PLATFORM#SESSIONS#*",
        "PLATFORM#TENANTSESSIONS#*",
    )

    def __init__(self, scope: Construct, platform: Platform) -> None:
        super().__init__(scope, platform)
        api = self.api(
            *("/users", "/users/{proxy+}"),
            *(f"/auth/{path}" for path in LOGGED_IN),
            *(f"/organizations/{{organization_id}}/{path}" for path in OF_ORGANIZATIONS),
            public=[f"/auth/{path}" for path in BEFORE_LOG_IN],
        )
        self._know_pool(api)
        self.grant_table(api, ["PLATFORM#TENANTS#*"], [*READ, "dynamodb:PutItem"])
        self.grant_table(api, ["ROLES", "TEAMS"], READ)
        self.grant_table(api, ["KEYS"], [*READ, "dynamodb:PutItem"])
        self.grant_data_key(api, create=True)
        api.allow(
            ["cognito-idp:AdminSetUserMFAPreference", "cognito-idp:AdminUserGlobalSignOut"],
            [platform.directory.pool.user_pool_arn],
        )
        create_user = self.door("create-user", "steps.create_user")
        self._know_pool(create_user)
        create_user.allow(
            ["cognito-idp:AdminCreateUser", "cognito-idp:AdminGetUser", "cognito-idp:AdminSetUserPassword"],
            [platform.directory.pool.user_pool_arn],
        )

    def _know_pool(self, door: Door) -> None:
        directory = self.platform.directory
        door.function.add_environment("USER_POOL_ID", directory.pool.user_pool_id)
        door.function.add_environment("USER_POOL_CLIENT_ID", directory.client.user_pool_client_id)
