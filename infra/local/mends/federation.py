"""A code of a federated log-in is good for whoever has it, and what a provider says of somebody in lists is lost.

In AWS the code is bound to the challenge of who began the log-in (RFC 7636), attributes with several values arrive as
`[one,two]`, each encoded for forms, and truth values in small letters. An identity provider sends people back from its
own pages, which are foreign: their answer counts by the state that comes with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

from infra.local.mends import MendError, part

Answer = tuple[int, dict[str, str], bytes]
CHALLENGE = "_challenge"
ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"


def apply() -> None:
    """Bind codes to challenges, and read what providers say as AWS does."""
    cognito = part("services.cognito")
    for name in ("_oauth2_authorize_federation", "_oauth2_idp_response", "_saml2_idp_response", "_oauth2_token"):
        if not callable(getattr(cognito, name, None)):
            raise MendError(f"the emulator's {name} is gone")
    cognito._oauth2_authorize_federation = _remembering(cognito, cognito._oauth2_authorize_federation)
    cognito._oauth2_idp_response = _carrying_on(cognito, cognito._oauth2_idp_response)
    cognito._saml2_idp_response = _carrying_on(cognito, cognito._saml2_idp_response)
    cognito._oauth2_token = _comparing(cognito, cognito._oauth2_token)
    for name in ("_oidc_callback_url", "_acs_url"):
        setattr(cognito, name, _at_address(getattr(cognito, name)))
    cognito._decode_id_token_unverified = _flattening(cognito._decode_id_token_unverified)
    cognito._parse_saml_response = _with_all_values(cognito, cognito._parse_saml_response)


def flat(value: Any) -> Any:
    """A claim as the pool keeps it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        texts = [str(each) for each in value]
        return texts[0] if len(texts) == 1 else f"[{','.join(quote_plus(each, safe='.-*_') for each in texts)}]"
    return value


def _at_address(callback: Callable[[Any], str]) -> Callable[[Any], str]:
    """Where the platform itself finds the emulator, so that all name it alike."""
    return lambda pool: callback(pool).replace("//localhost:", "//127.0.0.1:", 1)


def _remembering(cognito: Any, authorize: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """The challenge goes with the log-in."""

    def remembering(asked: Any) -> Answer:
        answer = authorize(asked)
        challenge = cognito._qp(asked, "code_challenge")
        relay = cognito._auth_codes.get(_state_in(answer))
        if relay is not None and challenge:
            relay[CHALLENGE] = (challenge, cognito._qp(asked, "code_challenge_method"))
        return answer

    return remembering


def _carrying_on(cognito: Any, respond: Callable[..., Answer]) -> Callable[..., Answer]:
    """From the log-in to its code."""

    def carrying_on(*arguments: Any) -> Answer:
        known = {key: entry[CHALLENGE] for key, entry in list(cognito._auth_codes.items()) if CHALLENGE in entry}
        sent = _sent(arguments)
        answer = respond(*arguments)
        code = cognito._auth_codes.get(_in_location(answer, "code"))
        if code is not None and sent in known:
            code[CHALLENGE] = known[sent]
        return answer

    return carrying_on


def _comparing(cognito: Any, exchange: Callable[..., Answer]) -> Callable[..., Answer]:
    """Who shows a code shows the verifier."""

    def comparing(data: Any, asked: Any, raw_body: bytes = b"", headers: Any = None) -> Answer:
        form = {name: values[0] for name, values in parse_qs(raw_body.decode("utf-8", "replace")).items()}
        code = cognito._auth_codes.get(form.get("code", ""))
        if code is not None and CHALLENGE in code:
            challenge, method = code[CHALLENGE]
            verifier = form.get("code_verifier", "")
            if not verifier.isascii() or not cognito._verify_pkce(verifier, challenge, method):
                refused: Answer = cognito._oauth2_error("invalid_grant", "PKCE verification failed.")
                return refused
        return exchange(data, asked, raw_body, headers)

    return comparing


def _flattening(decode: Callable[[str], dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    def flattening(token: str) -> dict[str, Any]:
        claims = decode(token)
        if not isinstance(claims, dict):
            return claims
        return {name: value if name == "aud" else flat(value) for name, value in claims.items()}

    return flattening


def _with_all_values(cognito: Any, parse: Callable[[str], dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    import base64

    def with_all_values(response: str) -> dict[str, Any]:
        said = parse(response)
        root = cognito.safe_xml_parse(base64.b64decode(response))
        for attribute in root.iter(f"{ASSERTION}Attribute"):
            values = [each.text for each in attribute.findall(f"{ASSERTION}AttributeValue") if each.text]
            if values:
                said["attributes"][attribute.get("Name", "")] = flat(values)
        return said

    return with_all_values


def _sent(arguments: tuple[Any, ...]) -> str:
    """The state that an identity provider sends back: in the address, or in a form."""
    for argument in arguments:
        if isinstance(argument, dict):
            found = argument.get("state") or argument.get("RelayState")
            if found:
                return str(found[0] if isinstance(found, list) else found)
        elif isinstance(argument, bytes) and argument:
            form = parse_qs(argument.decode("utf-8", "replace"))
            for name in ("state", "RelayState"):
                if form.get(name):
                    return form[name][0]
    return ""


def _state_in(answer: Answer) -> str:
    return _in_location(answer, "state") or _in_location(answer, "RelayState")


def _in_location(answer: Answer, name: str) -> str:
    asked = parse_qs(urlsplit(answer[1].get("Location", "")).query)
    return asked.get(name, [""])[0]
