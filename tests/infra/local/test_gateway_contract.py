"""What the platform's HTTP and WebSocket APIs and its log-in rely on, as the emulator does it with its mends."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import jwt
import pytest
from yarl import URL

from infra.local import clients
from infra.local.emulator import Handle
from tests.infra.local.cloud_kit import ROLE, Function, deploy, until

pytestmark = pytest.mark.emulator
Aws = Callable[[str], Any]
Make = Callable[..., Function]

ECHO = (
    "import json\ndef handler(e, c):\n  r = e['requestContext']\n"
    "  return {'statusCode': 200, 'body': json.dumps({'route': r['routeKey'], 'path': e['rawPath'],"
    " 'parameters': e.get('pathParameters'), 'authorizer': r.get('authorizer'), 'body': e.get('body')})}"
)
GATEKEEPER = (
    "calls = []\ndef handler(e, c):\n  token = e['headers'].get('authorization', '')\n  calls.append(token)\n"
    "  return {'isAuthorized': token == 'Bearer good', 'context': {'actor': 'ann', 'calls': len(calls)}}"
)


@dataclass
class Api:
    """An HTTP or WebSocket API of a test."""

    gateway: Any
    id: str

    def route(self, key: str, function: Function, **settings: Any) -> None:
        integration = self.gateway.create_integration(
            ApiId=self.id, IntegrationType="AWS_PROXY", IntegrationUri=_uri(function), PayloadFormatVersion="2.0"
        )
        target = f"integrations/{integration['IntegrationId']}"
        self.gateway.create_route(ApiId=self.id, RouteKey=key, Target=target, **settings)

    def authorizer(self, function: Function, **settings: Any) -> dict[str, Any]:
        made = self.gateway.create_authorizer(
            ApiId=self.id, Name="a", AuthorizerType="REQUEST", AuthorizerUri=_uri(function), **settings
        )
        return {"AuthorizationType": "CUSTOM", "AuthorizerId": made["AuthorizerId"]}


def _uri(function: Function) -> str:
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function.arn}/invocations"


@pytest.fixture
def http_api(aws: Aws) -> Api:
    gateway = aws("apigatewayv2")
    made = Api(gateway, gateway.create_api(Name="a", ProtocolType="HTTP")["ApiId"])
    gateway.create_stage(ApiId=made.id, StageName="$default", AutoDeploy=True)
    return made


@pytest.fixture
def socket_api(aws: Aws) -> Api:
    gateway = aws("apigatewayv2")
    made = gateway.create_api(Name="s", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")[
        "ApiId"
    ]
    gateway.create_stage(ApiId=made, StageName="live", AutoDeploy=True)
    return Api(gateway, made)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


def url(handle: Handle, api: Api, path: str) -> str:
    return f"{handle.endpoint}/_aws/execute-api/{api.id}/{path}"


async def test_the_most_specific_route_wins(
    handle: Handle, http_api: Api, function: Make, session: aiohttp.ClientSession
) -> None:
    echo = function(ECHO)
    keys = (
        "ANY /api/v1/scans/{proxy+}",
        "GET /api/v1/scans/{scan_id}/graph",
        "GET /api/v1/scans",
        "ANY /api/v1/scans",
        "ANY /api/{anything+}",
    )
    for key in keys:
        http_api.route(key, echo)
    for method, path, wanted in (
        ("GET", "api/v1/scans/s1/graph", keys[1]),
        ("POST", "api/v1/scans/s1/graph", keys[0]),
        ("GET", "api/v1/scans/s1/log/x", keys[0]),
        ("GET", "api/v1/scans", keys[2]),
        ("POST", "api/v1/scans", keys[3]),
        ("GET", "api/v1/other/x", keys[4]),
    ):
        async with session.request(method, url(handle, http_api, f"$default/{path}")) as answer:
            assert (await answer.json(content_type=None))["route"] == wanted, path


async def test_an_authorizer_decides_and_hands_its_context_on(
    handle: Handle, http_api: Api, function: Make, session: aiohttp.ClientSession
) -> None:
    settings = http_api.authorizer(
        function(GATEKEEPER),
        IdentitySource=["$request.header.Authorization"],
        AuthorizerPayloadFormatVersion="2.0",
        EnableSimpleResponses=True,
        AuthorizerResultTtlInSeconds=60,
    )
    http_api.route("GET /guarded", function(ECHO), **settings)
    address = url(handle, http_api, "$default/guarded")
    async with session.get(address) as answer:
        assert answer.status == 401
    async with session.get(address, headers={"Authorization": "Bearer bad"}) as answer:
        assert answer.status == 403
    for _ in range(2):  # the second time from the cache
        async with session.get(address, headers={"Authorization": "Bearer good"}) as answer:
            context = (await answer.json(content_type=None))["authorizer"]["lambda"]
            assert context == {"actor": "ann", "calls": 2}


async def test_a_handler_that_fails_is_a_server_error(
    handle: Handle, http_api: Api, function: Make, session: aiohttp.ClientSession
) -> None:
    http_api.route("GET /broken", function("def handler(e, c): raise ValueError('secret detail')"))
    async with session.get(url(handle, http_api, "$default/broken")) as answer:
        assert answer.status >= 500


SOCKET = (
    "import boto3, json, os\ndef handler(e, c):\n  r = e['requestContext']\n"
    "  if r['routeKey'] == 'fail': raise ValueError('no')\n"
    "  if r['routeKey'] != 'subscribe': return {'statusCode': 200}\n"
    "  url = os.environ['AWS_ENDPOINT_URL'] + '/_aws/execute-api/' + r['apiId'] + '/' + r['stage']\n"
    "  client = boto3.client('apigatewaymanagementapi', endpoint_url=url)\n"
    "  text = json.dumps({'to': json.loads(e['body'])['topic'], 'actor': r['authorizer']['actor']})\n"
    "  client.post_to_connection(ConnectionId=r['connectionId'], Data=text.encode())\n"
    "  return {'statusCode': 200}\n"
)
SOCKET_GATEKEEPER = (
    "def handler(e, c):\n  good = (e.get('queryStringParameters') or {}).get('token') == 'good'\n"
    "  effect = 'Allow' if good else 'Deny'\n"
    "  statement = {'Action': 'execute-api:Invoke', 'Effect': effect, 'Resource': e['methodArn']}\n"
    "  return {'principalId': 'ann', 'policyDocument': {'Version': '2012-10-17', 'Statement': [statement]},"
    " 'context': {'actor': 'ann'}}"
)


async def test_a_web_socket_is_guarded_routed_and_written_to(
    handle: Handle, socket_api: Api, function: Make, session: aiohttp.ClientSession
) -> None:
    room = function(SOCKET)
    guard = socket_api.authorizer(function(SOCKET_GATEKEEPER), IdentitySource=["route.request.querystring.token"])
    socket_api.route("$connect", room, **guard)
    for key in ("subscribe", "$default", "$disconnect"):
        socket_api.route(key, room)
    address = url(handle, socket_api, "live").replace("http", "ws", 1)
    for token in ("", "?token=bad"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(address + token)
        assert refused.value.status in (401, 403)
    async with session.ws_connect(f"{address}?token=good") as socket:
        await socket.send_str(json.dumps({"action": "unknown"}))
        await socket.send_str(json.dumps({"action": "subscribe", "topic": "scan:1"}))
        assert json.loads(await socket.receive_str(timeout=20)) == {"to": "scan:1", "actor": "ann"}


async def test_a_connect_handler_that_fails_refuses_the_connection_and_is_logged(
    handle: Handle, socket_api: Api, function: Make, session: aiohttp.ClientSession, aws: Aws
) -> None:
    failing = function("def handler(e, c): raise ValueError('not today')")
    socket_api.route("$connect", failing)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(url(handle, socket_api, "live").replace("http", "ws", 1))
    events = aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{failing.name}")["events"]
    assert any("not today" in event["message"] for event in events)


async def test_a_connection_that_is_gone_is_said_to_be_gone(handle: Handle, socket_api: Api) -> None:
    management = clients.client("apigatewaymanagementapi", url(handle, socket_api, "live"))
    with pytest.raises(management.exceptions.GoneException):
        await asyncio.to_thread(management.post_to_connection, ConnectionId="abcdef0123456789", Data=b"x")
    management.close()


CLAIMS = (
    "def handler(e, c):\n"
    "  e['response'] = {'claimsAndScopeOverrideDetails': {'accessTokenGeneration': {'claimsToAddOrOverride':"
    " {'organization_id': 'org_1', 'permissions': ['scans:read', 'scans:create']}}}}\n  return e"
)


def test_a_pre_token_trigger_puts_claims_into_access_tokens_that_the_published_keys_verify(
    aws: Aws, handle: Handle, function: Make
) -> None:
    users = aws("cognito-idp")
    trigger = {"PreTokenGenerationConfig": {"LambdaArn": function(CLAIMS).arn, "LambdaVersion": "V2_0"}}
    pool = users.create_user_pool(PoolName="p", LambdaConfig=trigger)["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    client = users.create_user_pool_client(UserPoolId=pool, ClientName="c", ExplicitAuthFlows=flows)["UserPoolClient"]
    users.admin_create_user(UserPoolId=pool, Username="ann@example.com")
    password = "Correct-Horse-1"
    users.admin_set_user_password(UserPoolId=pool, Username="ann@example.com", Password=password, Permanent=True)
    parameters = {"USERNAME": "ann@example.com", "PASSWORD": password}
    tokens = users.initiate_auth(ClientId=client["ClientId"], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)[
        "AuthenticationResult"
    ]
    keys = jwt.PyJWKClient(f"{handle.endpoint}/{pool}/.well-known/jwks.json")
    key = keys.get_signing_key_from_jwt(tokens["AccessToken"]).key
    claims = jwt.decode(tokens["AccessToken"], key, algorithms=["RS256"], options={"verify_aud": False})
    assert claims["organization_id"] == "org_1"
    assert claims["permissions"] == ["scans:read", "scans:create"]
    assert claims["client_id"] == client["ClientId"]
    with pytest.raises(users.exceptions.NotAuthorizedException):
        users.initiate_auth(
            ClientId=client["ClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters=parameters | {"PASSWORD": "Wrong-Horse-1"},
        )


def test_an_event_reaches_its_consumer_through_a_queue_and_a_failed_one_comes_again(
    aws: Aws, function: Make, tmp_path: Any
) -> None:
    seen = tmp_path / "seen"
    source = (
        "import json\nfailed = []\ndef handler(e, c):\n  failures = []\n  for r in e['Records']:\n"
        "    event = json.loads(r['body'])\n"
        f"    with open({str(seen)!r}, 'a') as out: out.write(event['detail']['n'] + ' ')\n"
        "    if event['detail']['n'] == 'bad' and not failed:\n"
        "      failed.append(1); failures.append({'itemIdentifier': r['messageId']})\n"
        "  return {'batchItemFailures': failures}\n"
    )
    consumer = function(source, Timeout=1)
    bus = f"bus{uuid.uuid4().hex[:6]}"
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 1}}
    arn = {"Fn::GetAtt": ["Queue", "Arn"]}
    rule = {
        "EventBusName": {"Ref": "Bus"},
        "EventPattern": {"source": ["palisade.scans"], "detail-type": ["ScanFinished.v1"]},
        "Targets": [{"Id": "q", "Arn": arn}],
    }
    mapping = {
        "EventSourceArn": arn,
        "FunctionName": consumer.arn,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    deploy(
        aws("cloudformation"),
        {
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": bus}},
            "Queue": queue,
            "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
            "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
        },
    )
    entry = {"EventBusName": bus, "Source": "palisade.scans"}
    for kind, number in (("ScanFinished.v1", "good"), ("Other.v1", "other"), ("ScanFinished.v1", "bad")):
        aws("events").put_events(Entries=[entry | {"DetailType": kind, "Detail": json.dumps({"n": number})}])
    until(lambda: seen.exists() and seen.read_text().split().count("bad") == 2, "the second delivery")
    assert "other" not in seen.read_text()


def test_a_schedule_calls_its_function(aws: Aws, function: Make, tmp_path: Any) -> None:
    seen = tmp_path / "seen"
    clock = function(f"import json\ndef handler(e, c): open({str(seen)!r}, 'w').write(json.dumps(e))")
    moment = datetime.now(UTC) + timedelta(seconds=1)
    aws("scheduler").create_schedule(
        Name="s",
        ScheduleExpression=f"at({moment:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": clock.arn, "RoleArn": ROLE, "Input": '{"schedule": "s1"}'},
    )
    try:
        until(lambda: seen.exists() and seen.read_text(), "the schedule")
    finally:
        aws("scheduler").delete_schedule(Name="s")
    assert json.loads(seen.read_text()) == {"schedule": "s1"}


async def test_a_presigned_link_works_and_a_forged_one_does_not(aws: Aws, session: aiohttp.ClientSession) -> None:
    storage = aws("s3")
    bucket = f"b{uuid.uuid4().hex[:8]}"
    storage.create_bucket(Bucket=bucket)
    storage.put_object(Bucket=bucket, Key="reports/r.pdf", Body=b"%PDF", ContentType="application/pdf")
    link = storage.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "reports/r.pdf"}, ExpiresIn=60)
    async with session.get(URL(link, encoded=True), headers={"Referer": "http://localhost:8080/"}) as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (200, "application/pdf", b"%PDF")
    async with session.get(URL(link.replace("r.pdf", "s.pdf"), encoded=True)) as answer:
        assert answer.status == 403


def test_the_context_of_an_encryption_is_demanded_for_its_decryption(aws: Aws) -> None:
    keys = aws("kms")
    key = keys.create_key()["KeyMetadata"]["KeyId"]
    data = keys.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"tenant": "a"})
    opened = keys.decrypt(CiphertextBlob=data["CiphertextBlob"], EncryptionContext={"tenant": "a"})
    assert opened["Plaintext"] == data["Plaintext"]
    with pytest.raises(keys.exceptions.InvalidCiphertextException):
        keys.decrypt(CiphertextBlob=data["CiphertextBlob"], EncryptionContext={"tenant": "b"})


async def test_sent_mail_can_be_read(aws: Aws, handle: Handle, session: aiohttp.ClientSession) -> None:
    mail = aws("sesv2")
    mail.create_email_identity(EmailIdentity="platform@example.com")
    mail.send_email(
        FromEmailAddress="platform@example.com",
        Destination={"ToAddresses": ["ann@example.com"]},
        Content={"Simple": {"Subject": {"Data": "Scan finished"}, "Body": {"Text": {"Data": "12 findings"}}}},
    )
    async with session.get(f"{handle.endpoint}/_ministack/ses/messages") as answer:
        text = await answer.text()
        assert answer.status == 200
    assert "Scan finished" in text
