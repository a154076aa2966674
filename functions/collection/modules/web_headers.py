"""What a site's headers and cookies leave open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Context, Found, Module
from functions.collection.weakness import misconfiguration
from functions.collection.web import ROOT_URL, Site

OWASP = "https://owasp.org/www-project-secure-headers/"
HSTS_MIN_SECONDS = 15_552_000
"""Half a year: less does not outlive a visitor's pause."""
NO_CSP = misconfiguration(
    "csp-missing", Severity.MEDIUM, "The site has no content security policy",
    "Without Content-Security-Policy, a script that is smuggled into a page runs without restraint.",
    "Send a Content-Security-Policy that allows the site's own scripts only.", OWASP,
)  # fmt: skip
CSP_UNSAFE = misconfiguration(
    "csp-unsafe", Severity.LOW, "The content security policy allows any inline script",
    "The policy allows 'unsafe-inline', 'unsafe-eval' or scripts from everywhere, so it stops little.",
    "Use nonces or hashes instead, and name the origins of scripts.", OWASP,
)  # fmt: skip
NO_HSTS = misconfiguration(
    "hsts-missing", Severity.MEDIUM, "The site does not insist on HTTPS",
    "Without Strict-Transport-Security, or with less than half a year, a first visit over HTTP can be intercepted.",
    "Send Strict-Transport-Security: max-age=31536000; includeSubDomains.",
    "https://www.rfc-editor.org/rfc/rfc6797",
)  # fmt: skip
NO_FRAME_PROTECTION = misconfiguration(
    "frame-protection-missing", Severity.LOW, "The site can be framed by others",
    "Another site can show this one in a frame and trick its users into clicks (clickjacking).",
    "Send frame-ancestors in the Content-Security-Policy, or X-Frame-Options: DENY.", OWASP,
)  # fmt: skip
NO_NOSNIFF = misconfiguration(
    "content-type-sniffing", Severity.LOW, "Browsers may guess what a file is",
    "Without X-Content-Type-Options: nosniff, a browser may run an upload as a script.",
    "Send X-Content-Type-Options: nosniff.", OWASP,
)  # fmt: skip
NO_REFERRER_POLICY = misconfiguration(
    "referrer-policy-missing", Severity.INFO, "The site leaves the referrer to the browser",
    "Addresses of pages, with what they hold in their parameters, may be told to other sites.",
    "Send Referrer-Policy: strict-origin-when-cross-origin.", OWASP,
)  # fmt: skip
VERSION_TOLD = misconfiguration(
    "server-version-disclosed", Severity.LOW, "The server tells its version",
    "A header names the software with its version, which tells an attacker which flaws to try.",
    "Leave the version out (server_tokens off; ServerTokens Prod; expose_php Off).",
    "https://cwe.mitre.org/data/definitions/200.html",
)  # fmt: skip
CORS_ANY = misconfiguration(
    "cors-any-origin", Severity.HIGH, "Any site may read answers in a user's name",
    "The server allows every origin and credentials at once, so that any site a user visits can act for that user.",
    "Allow the origins that need it by name.", "https://cwe.mitre.org/data/definitions/942.html",
)  # fmt: skip
COOKIE_NOT_SECURE = misconfiguration(
    "cookie-not-secure", Severity.MEDIUM, "A cookie may travel in clear",
    "A cookie without Secure is also sent over HTTP, where it can be read.", "Add Secure to the cookie.",
    "https://cwe.mitre.org/data/definitions/614.html",
)  # fmt: skip
COOKIE_NOT_HTTPONLY = misconfiguration(
    "cookie-not-httponly", Severity.LOW, "A session cookie is open to scripts",
    "A session cookie without HttpOnly can be stolen by a smuggled script.", "Add HttpOnly to the cookie.",
    "https://cwe.mitre.org/data/definitions/1004.html",
)  # fmt: skip
COOKIE_NO_SAMESITE = misconfiguration(
    "cookie-no-samesite", Severity.LOW, "A session cookie is sent from other sites",
    "A session cookie without SameSite helps other sites to forge requests in older browsers.",
    "Add SameSite=Lax or Strict.", "https://cwe.mitre.org/data/definitions/1275.html",
)  # fmt: skip
_SESSION = re.compile(r"sess|sid\b|auth|token|login|jwt|remember", re.I)
_VERSION = re.compile(r"\d+\.\d+|/\d+")
_VERSION_HEADERS = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator")


class WebHeaders(Module[dict[str, Any]]):
    """Judges the headers of a site's first page; nothing is fetched."""

    face = ModuleFace(
        name="web_headers",
        version="1.0.0",
        summary="Judges security headers and cookies of a web site",
        consumes=(ObservationType.HTTP_RESPONSE,),
        produces=(ObservationType.MISCONFIGURATION,),
        matching=ROOT_URL,
        invasiveness=Invasiveness.PASSIVE,
        batch_size=500,
    )

    async def get(self, observation: Observation, context: Context) -> dict[str, Any]:
        """What the answer's fact says."""
        return observation.attributes

    def transform(self, observation: Observation, raw: dict[str, Any]) -> Iterable[Found]:
        """The weaknesses of the site."""
        headers: dict[str, str] = raw.get("headers", {})
        origin = Site.of(observation.value).origin
        is_tls = origin.startswith("https://")
        if raw.get("status", 0) < 500:
            yield from _transport(headers, origin, is_tls=is_tls)
            yield from _disclosure(headers, origin)
            yield from _cookies(raw.get("cookies", []), origin, is_tls=is_tls)
        if raw.get("status") == 200 and raw.get("content_type") == "text/html":
            yield from _page(headers, origin)


def _page(headers: dict[str, str], origin: str) -> Iterator[Found]:
    policy = headers.get("content-security-policy", "").lower()
    if not policy:
        yield NO_CSP.at(origin, {"header": "content-security-policy"})
    elif _is_unsafe(policy):
        yield CSP_UNSAFE.at(origin, {"content-security-policy": policy})
    if "frame-ancestors" not in policy and "x-frame-options" not in headers:
        yield NO_FRAME_PROTECTION.at(origin, {"header": "x-frame-options"})
    if "referrer-policy" not in headers:
        yield NO_REFERRER_POLICY.at(origin, {"header": "referrer-policy"})


def _is_unsafe(policy: str) -> bool:
    """Whether the rule for scripts lets everything through. A nonce or hash makes browsers ignore unsafe-inline."""
    rules = {words[0]: words[1:] for rule in policy.split(";") if (words := rule.split())}
    scripts = rules.get("script-src", rules.get("default-src"))
    if scripts is None:
        return True
    is_pinned = any(word.startswith(("'nonce-", "'sha256-", "'sha384-", "'sha512-")) for word in scripts)
    return "'unsafe-eval'" in scripts or (
        not is_pinned and bool({"'unsafe-inline'", "*", "http:", "https:"} & set(scripts))
    )


def _transport(headers: dict[str, str], origin: str, *, is_tls: bool) -> Iterator[Found]:
    hsts = headers.get("strict-transport-security", "")
    age = re.search(r"max-age\s*=\s*\"?(\d+)", hsts, re.I)
    if is_tls and (age is None or int(age.group(1)) < HSTS_MIN_SECONDS):
        yield NO_HSTS.at(origin, {"strict-transport-security": hsts})
    if headers.get("x-content-type-options", "").lower() != "nosniff":
        yield NO_NOSNIFF.at(origin, {"header": "x-content-type-options"})
    if headers.get("access-control-allow-origin") == "*" and headers.get("access-control-allow-credentials") == "true":
        yield CORS_ANY.at(origin, {"access-control-allow-origin": "*", "access-control-allow-credentials": "true"})


def _disclosure(headers: dict[str, str], origin: str) -> Iterator[Found]:
    told = {name: headers[name] for name in _VERSION_HEADERS if _VERSION.search(headers.get(name, ""))}
    if told:
        yield VERSION_TOLD.at(origin, told)


def _cookies(cookies: list[str], origin: str, *, is_tls: bool) -> Iterator[Found]:
    bare = [cookie for cookie in cookies if is_tls and not _has(cookie, "secure")]
    sessions = [cookie for cookie in cookies if _SESSION.search(cookie.partition("=")[0])]
    open_to_scripts = [cookie for cookie in sessions if not _has(cookie, "httponly")]
    sent_from_others = [cookie for cookie in sessions if not _has(cookie, "samesite")]
    if bare:
        yield COOKIE_NOT_SECURE.at(origin, {"cookies": bare})
    if open_to_scripts:
        yield COOKIE_NOT_HTTPONLY.at(origin, {"cookies": open_to_scripts})
    if sent_from_others:
        yield COOKIE_NO_SAMESITE.at(origin, {"cookies": sent_from_others})


def _has(cookie: str, attribute: str) -> bool:
    return any(part.partition("=")[0].strip().lower() == attribute for part in cookie.split(";")[1:])
