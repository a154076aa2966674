"""What pages give away: e-mail addresses and secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.error_marks import errors_in
from functions.collection.module import Context, Found, Module
from functions.collection.secret_patterns import Sighting, masked, secret_fact, secrets_in
from functions.collection.weakness import exposure, misconfiguration

SECRET_IN_PAGE = exposure(
    "secret-in-page",
    Severity.HIGH,
    "A page gives a secret away",
    "A key, token or password stands in what the server sends to everybody.",
    "Remove it, and change the secret: whoever has seen the page may have it.",
    "https://cwe.mitre.org/data/definitions/615.html",
)
ERROR_IN_PAGE = misconfiguration(
    "error-in-page",
    Severity.LOW,
    "A page shows an error of the program behind it",
    "Error messages tell strangers what the program is written in, where it lies and what it asks its database: where"
    " to look next.",
    "Answer with a page that says only that something went wrong, and write the error to a log.",
    "https://cwe.mitre.org/data/definitions/209.html",
)
MAX_EMAILS = 200
_EMAIL = re.compile(
    r"(?<![\w.+-])([\w.+-]{1,64})@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})(?![\w-])", re.I
)
_FILE_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".css", ".js")


@dataclass(frozen=True, slots=True)
class GivenAway:
    """What stands in one page."""

    emails: list[str]
    secrets: list[Sighting]
    errors: list[tuple[str, str]]


class Extraction(Module[GivenAway]):
    """Searches the stored body of an answer; nothing is fetched."""

    face = ModuleFace(
        name="extraction",
        version="1.1.0",
        summary="Extracts e-mail addresses, (masked) secrets and error messages from pages",
        consumes=(ObservationType.HTTP_RESPONSE,),
        produces=(
            ObservationType.EMAIL,
            ObservationType.SECRET,
            ObservationType.EXPOSURE,
            ObservationType.MISCONFIGURATION,
        ),
        invasiveness=Invasiveness.PASSIVE,
        batch_size=1000,
        concurrency=8,
    )

    async def get(self, observation: Observation, context: Context) -> GivenAway:
        """What the stored body gives away; nothing when there is none."""
        reference = observation.attributes.get("body")
        body = await context.blobs.get(reference) if reference else b""
        text = body.decode("utf-8", "replace")
        return GivenAway(emails_in(text), list(secrets_in(text)), list(errors_in(text)))

    def transform(self, observation: Observation, raw: GivenAway) -> Iterable[Found]:
        """Addresses, secrets, and the exposure that a secret is; errors that are shown to everybody."""
        for address in raw.emails:
            yield Found(ObservationType.EMAIL, address, {"page": observation.value}, 0.9)
        if raw.errors:
            errors = [{"of": name, "says": masked(words)} for name, words in raw.errors]
            yield ERROR_IN_PAGE.at(observation.value, {"url": observation.value, "errors": errors}, confidence=0.8)
        if raw.secrets:
            masks = [f"{sighting.kind} {sighting.mask}" for sighting in raw.secrets]
            found = SECRET_IN_PAGE.at(observation.value, {"url": observation.value, "secrets": masks}, confidence=0.8)
            yield found
            for sighting in raw.secrets:
                yield secret_fact(sighting, observation.value, parent=found)


def emails_in(text: str) -> list[str]:
    """The e-mail addresses in a text, sorted; names of files such as `logo@2x.png` are none."""
    if "@" not in text:
        return []
    found = {f"{local}@{domain.lower()}" for local, domain in _EMAIL.findall(text)}
    return sorted(address for address in found if not address.lower().endswith(_FILE_ENDINGS))[:MAX_EMAILS]
