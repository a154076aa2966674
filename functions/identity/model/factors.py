"""The second factor: enrolment and recovery codes. Pure."""

from __future__ import annotations

import io
import secrets
from typing import ClassVar
from urllib.parse import quote

from pydantic import Field

from kernel.records import Resource

ISSUER = "Palisade"
RECOVERY_CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, LETTERS = 4, 4


class Enrolment(Resource):
    """What an authenticator needs to know."""

    confidential: ClassVar[bool] = True

    secret: str
    otpauth_uri: str
    qr_svg: str = Field(description="The address as a picture to scan.")


class RecoveryCodes(Resource):
    """Codes that let the person in without the authenticator, each once. They are shown this once."""

    confidential: ClassVar[bool] = True

    recovery_codes: list[str]


def enrolment(secret: str, email: str) -> Enrolment:
    """The secret, as text, as an address and as a picture."""
    label = f"{quote(ISSUER)}:{quote(email)}"
    uri = f"otpauth://totp/{label}?secret={secret}&issuer={quote(ISSUER)}&algorithm=SHA1&digits=6&period=30"
    return Enrolment(secret=secret, otpauth_uri=uri, qr_svg=_picture(uri))


def new_recovery_codes() -> list[str]:
    """Ten codes of some 79 random bits each, so that a plain hash of each may be kept."""
    return [
        "-".join("".join(secrets.choice(ALPHABET) for _ in range(LETTERS)) for _ in range(GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def _picture(uri: str) -> str:
    import segno

    drawn = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(drawn, kind="svg", scale=4, border=2, xmldecl=False, svgns=True)
    return drawn.getvalue().decode().strip()
