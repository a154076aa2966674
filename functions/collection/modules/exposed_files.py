"""Files that were left on a web server: version control, settings, backups, diagnostics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Context, Found, Module
from functions.collection.secret_patterns import Sighting, secret_fact, secrets_in
from functions.collection.weakness import Check, exposure
from functions.collection.web import Site
from kernel.egress import EgressError, Limits, Request, Response

LIMITS = Limits(body=64 * 1024, total_seconds=15.0, connect_seconds=5.0, truncate=True)
CWE = "https://cwe.mitre.org/data/definitions/538.html"
GIT = exposure(
    "exposed-git", Severity.HIGH, "The version control folder can be downloaded",
    "The .git folder is served, so that the whole source code with its history can be rebuilt from it.",
    "Deploy without the folder, and deny paths that begin with a dot.", CWE,
)  # fmt: skip
OTHER_VCS = exposure(
    "exposed-version-control", Severity.HIGH, "A version control folder can be downloaded",
    "A Subversion or Mercurial folder is served, which gives the source code away.",
    "Deploy without the folder, and deny paths that begin with a dot.", CWE,
)  # fmt: skip
ENVIRONMENT = exposure(
    "exposed-env", Severity.CRITICAL, "The settings file with its secrets can be downloaded",
    "The .env file is served. It commonly holds passwords of databases and keys of services.",
    "Remove the file from the web root, change every secret in it, and deny paths that begin with a dot.", CWE,
)  # fmt: skip
CREDENTIALS = exposure(
    "exposed-credentials", Severity.CRITICAL, "A file with credentials can be downloaded",
    "A file with keys, password hashes or cloud credentials is served.",
    "Remove the file and change every secret in it.", CWE,
)  # fmt: skip
BACKUP = exposure(
    "exposed-backup", Severity.HIGH, "A backup can be downloaded",
    "An archive or a database dump lies in the web root. It may hold the source code or personal data.",
    "Keep backups outside the web root and remove this one.", "https://cwe.mitre.org/data/definitions/530.html",
)  # fmt: skip
SOURCE = exposure(
    "exposed-source", Severity.HIGH, "A copy of a source file can be downloaded",
    "A copy that an editor or a person left is served as text, with what the program keeps to itself.",
    "Remove the copy and change secrets in it.", "https://cwe.mitre.org/data/definitions/530.html",
)  # fmt: skip
DIAGNOSTICS = exposure(
    "exposed-diagnostics", Severity.MEDIUM, "Diagnostics are open to everybody",
    "A page shows how the server is set up and what it is doing.",
    "Limit the page to administrators, or switch it off.", "https://cwe.mitre.org/data/definitions/497.html",
)  # fmt: skip
LISTING = exposure(
    "directory-listing", Severity.LOW, "A folder lists its files",
    "The server lists the content of a folder, so that files nobody links to are found.",
    "Switch listings off (autoindex off; Options -Indexes).", "https://cwe.mitre.org/data/definitions/548.html",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trace:
    """A path, and by what the real file is told from a page that answers everything."""

    path: str
    check: Check
    proof: re.Pattern[bytes]


def _trace(path: str, check: Check, proof: bytes) -> Trace:
    return Trace(path, check, re.compile(proof, re.I | re.M))


ZIP, GZIP, DUMP = (
    rb"\APK\x03\x04",
    rb"\A\x1f\x8b\x08",
    rb"^(?:-- (?:MySQL|MariaDB|PostgreSQL)|CREATE TABLE|INSERT INTO)",
)
SETTING = rb"^(?:export )?[A-Z][A-Z0-9_]{2,60}=.*$"
TRACES = (
    _trace(".git/HEAD", GIT, rb"\A(?:ref: refs/|[0-9a-f]{40}\s*\Z)"),
    _trace(".git/config", GIT, rb"^\[core\]"),
    _trace(".svn/wc.db", OTHER_VCS, rb"\ASQLite format 3"),
    _trace(".hg/requires", OTHER_VCS, rb"^(?:revlogv1|store|share-safe)$"),
    _trace(".env", ENVIRONMENT, SETTING),
    _trace(".env.local", ENVIRONMENT, SETTING),
    _trace(".env.production", ENVIRONMENT, SETTING),
    _trace(".aws/credentials", CREDENTIALS, rb"^aws_secret_access_key"),
    _trace(".htpasswd", CREDENTIALS, rb"^[\w.@-]+:(?:\$apr1\$|\$2[aby]\$|\{SHA\}|[./\w]{13}$)"),
    _trace(".ssh/id_rsa", CREDENTIALS, rb"BEGIN (?:[A-Z]+ )*PRIVATE KEY"),
    _trace("id_rsa", CREDENTIALS, rb"BEGIN (?:[A-Z]+ )*PRIVATE KEY"),
    _trace("server.key", CREDENTIALS, rb"BEGIN (?:[A-Z]+ )*PRIVATE KEY"),
    _trace(".npmrc", CREDENTIALS, rb"_authToken\s*="),
    _trace(".pgpass", CREDENTIALS, rb"^[^:\s]+:\d+:[^:]+:[^:]+:\S+$"),
    _trace(".vscode/sftp.json", CREDENTIALS, rb"\"(?:password|privateKeyPath)\"\s*:"),
    _trace("backup.zip", BACKUP, ZIP),
    _trace("www.zip", BACKUP, ZIP),
    _trace("site.zip", BACKUP, ZIP),
    _trace("backup.tar.gz", BACKUP, GZIP),
    _trace("www.tar.gz", BACKUP, GZIP),
    _trace("backup.sql", BACKUP, DUMP),
    _trace("backup.sql.gz", BACKUP, GZIP),
    _trace("dump.sql", BACKUP, DUMP),
    _trace("database.sql", BACKUP, DUMP),
    _trace("db.sqlite3", BACKUP, rb"\ASQLite format 3"),
    _trace("wp-config.php.bak", SOURCE, rb"DB_PASSWORD"),
    _trace("wp-config.php~", SOURCE, rb"DB_PASSWORD"),
    _trace("config.php.bak", SOURCE, rb"<\?php"),
    _trace("index.php.bak", SOURCE, rb"<\?php"),
    _trace("index.php~", SOURCE, rb"<\?php"),
    _trace("settings.py.bak", SOURCE, rb"^(?:SECRET_KEY|DATABASES)\s*="),
    _trace(".DS_Store", SOURCE, rb"\A\x00\x00\x00\x01Bud1"),
    _trace("web.config.bak", SOURCE, rb"<configuration"),
    _trace("docker-compose.yml", SOURCE, rb"^services:"),
    _trace("phpinfo.php", DIAGNOSTICS, rb"<title>(?:PHP [\d.]+ - )?phpinfo\(\)"),
    _trace("info.php", DIAGNOSTICS, rb"<title>(?:PHP [\d.]+ - )?phpinfo\(\)"),
    _trace("server-status", DIAGNOSTICS, rb"<title>Apache Status</title>"),
    _trace("nginx_status", DIAGNOSTICS, rb"\AActive connections: \d+"),
    _trace("actuator/env", DIAGNOSTICS, rb"\"propertySources\"\s*:"),
    _trace("debug/pprof/", DIAGNOSTICS, rb"/debug/pprof/"),
    _trace("metrics", DIAGNOSTICS, rb"^# (?:HELP|TYPE) \w+"),
    _trace("backup/", LISTING, rb"<title>(?:Index of /|Directory listing for )"),
    _trace("backups/", LISTING, rb"<title>(?:Index of /|Directory listing for )"),
    _trace("uploads/", LISTING, rb"<title>(?:Index of /|Directory listing for )"),
)


@dataclass(frozen=True, slots=True)
class Exposed:
    """A file that was there: how much of it came, and the secrets in it."""

    trace: Trace
    url: str
    status: int
    length: int
    secrets: tuple[Sighting, ...]


class ExposedFiles(Module[list[Exposed]]):
    """Asks for each path and believes an answer only if its content is that of the file."""

    face = ModuleFace(
        name="exposed_files",
        version="1.0.0",
        summary="Looks for .git, .env, backups, credentials and diagnostics on a web server",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.EXPOSURE, ObservationType.SECRET, ObservationType.FILE),
        matching=r"^https?://",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="http",
        concurrency=8,
        oracle="curl",
    )

    async def get(self, observation: Observation, context: Context) -> list[Exposed]:
        """The files that are there. Raises `EgressError` when the site does not answer at all."""
        root = Site.of(observation.value).root
        await context.session.fetch(root)
        found = []
        for trace in TRACES:
            if context.is_over:
                break
            exposed = await _try(trace, root, context)
            if exposed:
                found.append(exposed)
        return found

    def transform(self, observation: Observation, raw: list[Exposed]) -> Iterable[Found]:
        """One exposure per kind and site, with every file as evidence; the files; the secrets in them."""
        origin = Site.of(observation.value).origin
        for check in dict.fromkeys(exposed.trace.check for exposed in raw):
            files = [exposed for exposed in raw if exposed.trace.check == check]
            yield from _facts(check, origin, files)


def _facts(check: Check, origin: str, files: list[Exposed]) -> Iterator[Found]:
    masks = [f"{s.kind} {s.mask}" for exposed in files for s in exposed.secrets]
    found = check.at(origin, {"files": [exposed.url for exposed in files], "secrets": masks})
    yield found
    for exposed in files:
        file = Found(ObservationType.FILE, exposed.url, {"length": exposed.length, "check": check.id}, parent=found)
        yield file
        for sighting in exposed.secrets:
            yield secret_fact(sighting, exposed.url, parent=file)


async def _try(trace: Trace, root: str, context: Context) -> Exposed | None:
    url = root + trace.path
    try:
        response = await context.session.http(Request("GET", url, verify=False), LIMITS)
    except EgressError as error:
        context.log.debug("%s: %s", url, error)
        return None
    if response.status != 200 or not is_real(trace, response):
        return None
    secrets = tuple(secrets_in(response.body.decode("utf-8", "replace")))
    return Exposed(trace, url, response.status, len(response.body), secrets)


def is_real(trace: Trace, response: Response) -> bool:
    """Whether an answer is the file itself. A page of HTML is one only where a page is expected."""
    if trace.check not in (DIAGNOSTICS, LISTING) and re.match(rb"\s*<(?:!doctype|html|head)", response.body, re.I):
        return False
    return trace.proof.search(response.body) is not None
