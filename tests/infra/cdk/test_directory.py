"""The user pool as identity providers find it: what they say lands somewhere, and people come back to us alone."""

from __future__ import annotations

from typing import Any

from aws_cdk import App, Environment, Stack, aws_lambda
from aws_cdk.assertions import Template

from infra.cdk.platform.directory import Directory
from infra.cdk.stage import CLI_REDIRECT, STAGES, Social, Stage

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:google-AbCdEf"


def synthesised(stage: Stage) -> tuple[Directory, Template]:
    stack = Stack(App(), "Test", env=Environment(account="123456789012", region="eu-central-1"))
    trigger = aws_lambda.Function(
        stack,
        "Trigger",
        runtime=aws_lambda.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=aws_lambda.Code.from_inline("def handler(e, c): return e"),
    )
    directory = Directory(stack, stage, trigger)
    return directory, Template.from_stack(stack)


def only(template: Template, kind: str) -> dict[str, Any]:
    (found,) = template.find_resources(kind).values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_hosted_pages_have_a_name_of_their_own_and_lead_to_our_pages_alone() -> None:
    directory, template = synthesised(
        Stage("dev", sso_redirects=(CLI_REDIRECT, "https://app.example.com/sso/callback"))
    )
    client = only(template, "AWS::Cognito::UserPoolClient")
    assert client["CallbackURLs"] == [CLI_REDIRECT, "https://app.example.com/sso/callback"]
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["SupportedIdentityProviders"] == ["COGNITO"]
    assert "aws.cognito.signin.user.admin" not in client["AllowedOAuthScopes"]
    assert set(client["WriteAttributes"]) == {"email", "name", "custom:groups", "custom:amr", "custom:verified"}
    assert "email_verified" not in client["WriteAttributes"]
    schema = {each["Name"] for each in only(template, "AWS::Cognito::UserPool")["Schema"]}
    assert {"groups", "amr", "verified"} <= schema
    assert only(template, "AWS::Cognito::UserPoolDomain")["Domain"].endswith("login-123456789012")
    assert directory.hosted_url


def test_a_laptop_has_the_emulators_pages() -> None:
    directory, template = synthesised(STAGES["local"])
    template.resource_count_is("AWS::Cognito::UserPoolDomain", 0)
    assert directory.hosted_url.startswith("http://127.0.0.1:")


def test_a_social_provider_is_configuration() -> None:
    _, template = synthesised(Stage("dev", social=Social("client.apps.example", SECRET)))
    provider = only(template, "AWS::Cognito::UserPoolIdentityProvider")
    assert (provider["ProviderName"], provider["ProviderDetails"]["client_id"]) == ("Google", "client.apps.example")
    assert SECRET in provider["ProviderDetails"]["client_secret"]
    assert provider["AttributeMapping"]["custom:verified"] == "email_verified"
    assert only(template, "AWS::Cognito::UserPoolClient")["SupportedIdentityProviders"] == ["COGNITO", "Google"]
