"""Documents, pictures and programs on a site: what they tell of their makers, and what should not lie there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from contracts.findings import SEVERITY_ORDER, Severity
from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.files.apart import metadata_of, signatures_in
from functions.collection.files.metadata import Unreadable
from functions.collection.files.signatures import Hit, NoEngine, RulesError
from functions.collection.module import Config, Context, Found, Module
from functions.collection.weakness import Check, exposure
from functions.collection.web import content_type
from kernel.egress import Limits, Request

MIB = 1024 * 1024
PERSONAL = ("author", "last_author", "manager", "printed_by", "camera_serial", "place", "computer")
DISCLOSES = exposure(
    "file-metadata", Severity.LOW, "A file tells of those who made it",
    "The file's metadata names people, computers or places, which helps those who prepare an attack.",
    "Remove metadata before files are published.", "https://cwe.mitre.org/data/definitions/1230.html",
)  # fmt: skip
CWE_MALWARE = "https://cwe.mitre.org/data/definitions/506.html"


class FilesConfig(Config):
    """What is fetched, and what is looked for in it."""

    max_mib: Annotated[int, Field(ge=1, le=64, description="Files that are larger are left alone (MiB).")] = 16
    metadata: Annotated[bool, Field(description="Read authors, software and places out of files.")] = True
    signatures: Annotated[bool, Field(description="Try the YARA rules that ship with the product.")] = True
    own_rules: Annotated[str, Field(max_length=200_000, description="YARA rules of your own.")] = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a file shows."""

    length: int
    media_type: str
    sha256: str
    told: dict[str, Any] = field(default_factory=dict)
    hits: tuple[Hit, ...] = ()


class Files(Module[Looked | None]):
    """Fetches a file, reads its metadata in a process of its own, and tries YARA rules on it."""

    face = ModuleFace(
        name="files",
        version="1.1.0",
        summary="Reads metadata of documents and pictures, and tries YARA rules on files",
        consumes=(ObservationType.URL, ObservationType.FILE),
        produces=(
            ObservationType.FILE,
            ObservationType.METADATA,
            ObservationType.PERSON,
            ObservationType.USERNAME,
            ObservationType.EXPOSURE,
        ),
        matching=r"(?i)^https?://[^?]+\.(pdf|docx|docm|xlsx|xlsm|pptx|pptm|od[tsp]|jpe?g|tiff?|png|webp|heic|zip|jar|apk"
        r"|exe|dll|msi|js|php\d?|phtml|jsp|bak|old|sql|key|pem)(\?|$)",
        invasiveness=Invasiveness.ACTIVE,
        cost_class=CostClass.MEDIUM,
        rate_group="http",
        concurrency=2,
        oracle="exiftool",
    )
    config = FilesConfig

    async def get(self, observation: Observation, context: Context) -> Looked | None:
        """The file, looked at; None when there is none. Raises `EgressError`."""
        limits = Limits(body=context.config.max_mib * MIB, total_seconds=60.0, connect_seconds=5.0, truncate=True)
        answer = await context.session.http(Request("GET", observation.value, verify=False), limits)
        if answer.status != 200 or not answer.body:
            return None
        if answer.truncated:
            context.log.info("%s is larger than %d MiB", observation.value, context.config.max_mib)
            return None
        told = await _told(answer.body, observation.value, context) if context.config.metadata else {}
        hits = await _hits(answer.body, observation.value, context)
        digest = hashlib.sha256(answer.body).hexdigest()
        return Looked(len(answer.body), content_type(answer), digest, told, tuple(hits))

    def transform(self, observation: Observation, raw: Looked | None) -> Iterable[Found]:
        """The file, what it tells, and what should not lie there."""
        if raw is None:
            return
        attributes = {"length": raw.length, "content_type": raw.media_type, "sha256": raw.sha256}
        attributes |= {"kind": raw.told.get("kind", ""), "also": raw.told.get("also", [])}
        file = Found(ObservationType.FILE, observation.value, attributes, consumed=True)
        yield file
        yield from _metadata_facts(observation.value, raw.told, file)
        for hit in raw.hits:
            evidence = {"rule": hit.rule, "rules": hit.namespace, "tags": list(hit.tags), "sha256": raw.sha256}
            yield _check(hit).at(observation.value, evidence, confidence=0.8, parent=file)


async def _told(body: bytes, url: str, context: Context) -> dict[str, Any]:
    try:
        return await metadata_of(body)
    except Unreadable as error:
        context.log.info("%s cannot be read: %s", url, error)
        return {}


async def _hits(body: bytes, url: str, context: Context) -> list[Hit]:
    config: FilesConfig = context.config
    if not config.signatures and not config.own_rules:
        return []
    try:
        return await signatures_in(body, config.own_rules, shipped=config.signatures)
    except NoEngine as error:
        context.log.warning("files are not searched: %s", error)
    except RulesError as error:
        context.log.warning("the YARA rules cannot be used: %s", error)
    except TimeoutError as error:
        context.log.warning("%s: %s", url, error)
    return []


def _metadata_facts(url: str, told: dict[str, Any], file: Found) -> Iterator[Found]:
    fields: dict[str, str] = told.get("fields", {})
    users: list[str] = told.get("users", [])
    about = Found(ObservationType.METADATA, url, {"kind": told["kind"], **fields}, parent=file) if fields else file
    if fields:
        yield about
    for role in ("author", "last_author", "manager"):
        if len(fields.get(role, "")) > 1:
            yield Found(ObservationType.PERSON, fields[role], {"role": role, "file": url}, 0.6, parent=about)
    for user in users:
        yield Found(ObservationType.USERNAME, user, {"from": "path", "file": url}, 0.6, parent=about)
    personal = {name: fields[name] for name in PERSONAL if name in fields}
    if personal or users:
        yield DISCLOSES.at(url, {"fields": personal, "users": users}, confidence=0.9, parent=file)


def _check(hit: Hit) -> Check:
    """What a rule says of itself, as a weakness."""
    severity = str(hit.metadata.get("severity", "medium")).lower()
    title = str(hit.metadata.get("title") or f"A file matches the rule {hit.rule}")[:200]
    return Check(
        f"yara-{hit.rule.lower().replace('_', '-')[:80]}",
        ObservationType.EXPOSURE,
        Severity(severity) if severity in SEVERITY_ORDER else Severity.MEDIUM,
        title,
        str(hit.metadata.get("description") or f"{title}: a file on the server matches the YARA rule {hit.rule}.")[
            :1000
        ],
        str(hit.metadata.get("remedy") or "Find out where the file comes from, and remove it.")[:500],
        (CWE_MALWARE,),
    )
