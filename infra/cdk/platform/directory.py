"""Who may log in: the Cognito pool and its client. The functions that put claims into its tokens and check them
are the identity room's."""

from __future__ import annotations

from aws_cdk import Duration, SecretValue, Stack, aws_cognito, aws_lambda
from constructs import Construct

from infra.cdk import nag
from infra.cdk.stage import Social, Stage

NATIVE = aws_cognito.UserPoolClientIdentityProvider.COGNITO
GOOGLE = aws_cognito.UserPoolClientIdentityProvider.GOOGLE
FROM_PROVIDERS = ("groups", "amr", "verified")
"""What identity providers of organisations say of people, beside their name and address."""


class Directory(Construct):
    """The user pool: people sign themselves up with an address that they verify, and log in with it."""

    def __init__(self, scope: Construct, stage: Stage, pre_token: aws_lambda.IFunction) -> None:
        super().__init__(scope, "Directory")
        self.pool = self._pool(stage)
        self.pool.add_trigger(
            aws_cognito.UserPoolOperation.PRE_TOKEN_GENERATION_CONFIG, pre_token, aws_cognito.LambdaVersion.V2_0
        )
        nag.accept(self.pool, "MFA is each person's choice, by TOTP; a tenant can demand it.", "AwsSolutions-COG2")
        if not stage.keeps_data:
            nag.accept(
                self.pool, "Threat protection costs by the person; a stage to try things has none.", "AwsSolutions-COG8"
            )
        social = self._social(stage.social) if stage.social else None
        self.client = self._client(stage, with_social=social is not None)
        if social is not None:
            self.client.node.add_dependency(social)
        self.hosted_url = stage.hosted_url or self._hosted(stage)

    def _pool(self, stage: Stage) -> aws_cognito.UserPool:
        """People's passwords and second factors, and what identity providers say of them."""
        return aws_cognito.UserPool(
            self,
            "Users",
            user_pool_name=stage.resource("users"),
            self_sign_up_enabled=True,
            sign_in_aliases=aws_cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            feature_plan=aws_cognito.FeaturePlan.PLUS if stage.keeps_data else aws_cognito.FeaturePlan.ESSENTIALS,
            standard_threat_protection_mode=(
                aws_cognito.StandardThreatProtectionMode.FULL_FUNCTION if stage.keeps_data else None
            ),
            password_policy=aws_cognito.PasswordPolicy(
                min_length=12,
                require_lowercase=True,
                require_uppercase=True,
                require_digits=True,
                require_symbols=True,
                temp_password_validity=Duration.days(3),
            ),
            mfa=aws_cognito.Mfa.OPTIONAL,
            mfa_second_factor=aws_cognito.MfaSecondFactor(otp=True, sms=False),
            auto_verify=aws_cognito.AutoVerifiedAttrs(email=True),
            user_verification=aws_cognito.UserVerificationConfig(
                email_subject="Your code for Palisade", email_body="Your code for Palisade is {####}."
            ),
            custom_attributes={
                name: aws_cognito.StringAttribute(max_len=2048, mutable=True) for name in FROM_PROVIDERS
            },
            account_recovery=aws_cognito.AccountRecovery.EMAIL_ONLY,
            deletion_protection=stage.keeps_data,
            removal_policy=stage.removal_policy,
        )

    def _client(self, stage: Stage, *, with_social: bool) -> aws_cognito.UserPoolClient:
        """What the API logs people in with."""
        return self.pool.add_client(
            "Api",
            user_pool_client_name=stage.resource("api"),
            o_auth=aws_cognito.OAuthSettings(
                flows=aws_cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[aws_cognito.OAuthScope.OPENID, aws_cognito.OAuthScope.EMAIL, aws_cognito.OAuthScope.PROFILE],
                callback_urls=list(stage.sso_redirects),
            ),
            supported_identity_providers=[NATIVE, *([GOOGLE] if with_social else [])],
            read_attributes=_attributes("email", "fullname", "email_verified"),
            write_attributes=_attributes("email", "fullname"),
            auth_flows=aws_cognito.AuthFlow(user_password=True, user_srp=True),
            prevent_user_existence_errors=True,
            enable_token_revocation=True,
            access_token_validity=Duration.minutes(15),
            id_token_validity=Duration.minutes(15),
            refresh_token_validity=Duration.days(7),
            refresh_token_rotation_grace_period=Duration.seconds(30),
        )

    def _social(self, social: Social) -> aws_cognito.UserPoolIdentityProviderGoogle:
        """The deployment's own social provider; those of organisations are connected when they want them."""
        provided = aws_cognito.ProviderAttribute
        return aws_cognito.UserPoolIdentityProviderGoogle(
            self,
            "Google",
            user_pool=self.pool,
            client_id=social.client_id,
            client_secret_value=SecretValue.secrets_manager(social.secret_arn),
            scopes=["openid", "email", "profile"],
            attribute_mapping=aws_cognito.AttributeMapping(
                email=provided.GOOGLE_EMAIL,
                fullname=provided.GOOGLE_NAME,
                custom={"custom:verified": provided.GOOGLE_EMAIL_VERIFIED},
            ),
        )

    def _hosted(self, stage: Stage) -> str:
        """The pages that send people to their identity provider."""
        prefix = stage.login_prefix or stage.resource(f"login-{Stack.of(self).account}")
        domain = self.pool.add_domain("Login", cognito_domain=aws_cognito.CognitoDomainOptions(domain_prefix=prefix))
        return domain.base_url()


def _attributes(*standard: str) -> aws_cognito.ClientAttributes:
    """What the client reads or writes of a person: what an identity provider says lands there."""
    masked = aws_cognito.ClientAttributes().with_standard_attributes(**dict.fromkeys(standard, True))
    return masked.with_custom_attributes(*FROM_PROVIDERS)
