"""A refresh knows neither the caller's metadata nor rotation, and a mailed code is not compared.

In AWS, `GetTokensFromRefreshToken` hands its `ClientMetadata` to the trigger before the tokens; a client that rotates
gives a new refresh token each time, and refuses the old one when its grace period is over. `ConfirmSignUp` and
`ConfirmForgotPassword` compare the code; here it is the same for everybody, but at least it must be that one, once.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from infra.local.mends import part

Request = dict[str, Any]
ROTATION = "RefreshTokenRotation"


def apply() -> None:
    """Replace the refresh, keep what a client says of rotation, and look at codes before they are taken."""
    cognito = part("services.cognito")
    cognito._get_tokens_from_refresh_token = _refresh
    cognito._create_user_pool_client = _keeping_rotation(cognito, cognito._create_user_pool_client)
    part("services.cloudformation.provisioners")._COGNITO_USER_POOL_CLIENT_UPDATABLE[ROTATION] = {}
    for action, name in (("ConfirmSignUp", "_confirm_sign_up"), ("ConfirmForgotPassword", "_confirm_forgot_password")):
        setattr(cognito, name, _compared(cognito, action, getattr(cognito, name)))


def _refresh(request: Request) -> Any:
    cognito, error = part("services.cognito"), part("core.responses").error_response_json
    client_id, token = request.get("ClientId"), str(request.get("RefreshToken", ""))
    pool, pool_id = cognito._pool_for_client(client_id)
    if not pool:
        return error("ResourceNotFoundException", f"Client {client_id} not found.", 400)
    user, refused = cognito._refresh_auth_user(pool, pool_id, client_id, token)
    if refused:
        return refused
    rotation = pool["_clients"][client_id].get(ROTATION) or {}
    rotates = rotation.get("Feature") == "ENABLED"
    if rotates and not _use(user, token, float(rotation.get("RetryGracePeriodSeconds") or 0)):
        return error("RefreshTokenReuseException", "Refresh token has been used before.", 400)
    claims = cognito._token_claims(token)
    result = cognito._build_auth_result(
        pool_id,
        client_id,
        user,
        trigger_source="TokenGeneration_RefreshTokens",
        client_metadata=request.get("ClientMetadata"),
        origin_jti=claims.get("origin_jti", ""),
        scope=claims.get("scope"),
    )
    if not rotates:
        result.pop("RefreshToken")
    return cognito.json_response({"AuthenticationResult": result})


def _use(user: Request, token: str, grace: float) -> bool:
    """Note when a token was first used; whether it may be used now."""
    used = user.setdefault("_used_refresh_tokens", {})
    now = time.time()
    first = used.setdefault(hashlib.sha256(token.encode()).hexdigest(), now)
    return bool(now - first <= grace)


def _compared(cognito: Any, action: str, confirm: Any) -> Any:
    def compared(request: Request) -> Any:
        return cognito._confirmation_code_error(action, request) or confirm(request)

    return compared


def _keeping_rotation(cognito: Any, create: Any) -> Any:
    def keeping(request: Request) -> Any:
        status, headers, body = create(request)
        if status < 300 and ROTATION in request:
            made = json.loads(body)["UserPoolClient"]
            cognito._user_pools[made["UserPoolId"]]["_clients"][made["ClientId"]][ROTATION] = request[ROTATION]
        return status, headers, body

    return keeping
