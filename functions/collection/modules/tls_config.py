"""Which protocol versions and ciphers a TLS server accepts, found by offering them one after another."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port
from functions.collection.module import Config, Context, Found, Module
from functions.collection.ssl_hellos import accepted_ssl
from functions.collection.tls_groups import LEAST_BITS, Group, accepted_groups
from functions.collection.tls_suites import accepted_suites
from functions.collection.weakness import misconfiguration
from kernel.egress import EgressError, EgressTlsError, EgressUnreachable, careless_context

RFC = "https://www.rfc-editor.org/rfc/rfc9325"
OLD_PROTOCOL = misconfiguration(
    "tls-old-protocol", Severity.MEDIUM, "The server accepts outdated TLS versions",
    "TLS 1.0 and 1.1 rest on broken hashes and are withdrawn (RFC 8996).", "Accept TLS 1.2 and 1.3 only.",
    "https://www.rfc-editor.org/rfc/rfc8996",
)  # fmt: skip
SSL_PROTOCOL = misconfiguration(
    "tls-ssl-protocol", Severity.HIGH, "The server accepts SSL 2 or SSL 3",
    "SSL 3 gives its content away to who can make a browser send requests (POODLE). SSL 2 lets traffic be read that was"
    " sent by TLS with the same key (DROWN), whichever server has it.", "Accept TLS 1.2 and 1.3 only.",
    "https://www.rfc-editor.org/rfc/rfc7568", "https://www.rfc-editor.org/rfc/rfc6176",
)  # fmt: skip
WEAK_CIPHER = misconfiguration(
    "tls-weak-cipher", Severity.HIGH, "The server accepts weak ciphers",
    "Ciphers without encryption or authentication, RC4, DES and 3DES let an attacker on the way read the traffic.",
    "Accept AES-GCM and ChaCha20-Poly1305 only.", RFC,
)  # fmt: skip
NO_FORWARD_SECRECY = misconfiguration(
    "tls-no-forward-secrecy", Severity.LOW, "The server accepts ciphers without forward secrecy",
    "Who records the traffic today and obtains the server's key later can decrypt all of it.",
    "Accept ECDHE key exchanges only.", RFC,
)  # fmt: skip
NO_TLS_1_3 = misconfiguration(
    "tls-no-1-3", Severity.INFO, "The server does not speak TLS 1.3",
    "TLS 1.3 is faster and leaves out all weak options.", "Update the server and enable TLS 1.3.", RFC,
)  # fmt: skip
WEAK_GROUP = misconfiguration(
    "tls-weak-group", Severity.MEDIUM, "The server exchanges keys in weak groups",
    "Keys that are agreed in a group of less than 112 bits of strength can be worked out by who records the traffic.",
    "Accept X25519, secp256r1 and secp384r1 only.", RFC,
)  # fmt: skip
VERSIONS = (
    ("TLSv1.0", ssl.TLSVersion.TLSv1),
    ("TLSv1.1", ssl.TLSVersion.TLSv1_1),
    ("TLSv1.2", ssl.TLSVersion.TLSv1_2),
)
EVERY_CIPHER = "ALL:COMPLEMENTOFALL"
MAX_CIPHERS = 80
WEAK_MARKS = ("NULL", "EXP-", "RC4", "RC2", "DES-", "ADH-", "AECDH-", "MD5")
FORWARD_SECRET = ("ECDHE-", "DHE-", "TLS_", "ADH-", "AECDH-", "EDH-")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The ciphers that the server accepted, by protocol version, in the order of its preference; the groups in which
    it exchanges keys."""

    ciphers: dict[str, list[str]]
    groups: dict[str, list[Group]] = field(default_factory=dict)
    ssl: list[str] = field(default_factory=list)

    @property
    def versions(self) -> list[str]:
        """All versions that the server speaks, the oldest first."""
        return [*self.ssl, *self.ciphers]


class TlsConfigConfig(Config):
    """How much is tried."""

    groups: Annotated[bool, Field(description="Also try the groups in which keys are exchanged, one by one.")] = True


class TlsConfig(Module[Accepted]):
    """One handshake per version, one more per cipher that the server chooses, and one per group."""

    face = ModuleFace(
        name="tls_config",
        version="1.1.0",
        summary="Finds the TLS versions, ciphers and key exchange groups that a server accepts",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.TLS_CONFIG, ObservationType.MISCONFIGURATION),
        matching=r"^(https|tls|imaps|pop3s|smtps|ldaps)://",
        invasiveness=Invasiveness.ACTIVE,
        cost_class=CostClass.MEDIUM,
        rate_group="tcp",
        concurrency=8,
        oracle="sslscan",
    )
    config = TlsConfigConfig

    async def get(self, observation: Observation, context: Context) -> Accepted:
        """The accepted ciphers. Raises `EgressUnreachable` for a server that is not there."""
        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port):
            pass
        accepted = {name: await _ciphers(host, port, version, context) for name, version in VERSIONS}
        accepted["TLSv1.3"] = await accepted_suites(host, port, context)
        ciphers = {name: chosen for name, chosen in accepted.items() if chosen}
        groups = await _groups(host, port, set(ciphers), context) if context.config.groups else {}
        return Accepted(ciphers, groups, await accepted_ssl(host, port, context))

    def transform(self, observation: Observation, raw: Accepted) -> Iterable[Found]:
        """The configuration and its weaknesses."""
        if not raw.versions:
            return
        asset = observation.value.rpartition("://")[2]
        groups = {version: [group.name for group in found] for version, found in raw.groups.items()}
        attributes = {"versions": raw.versions, "ciphers": raw.ciphers, "groups": groups, "asset": asset}
        found = Found(ObservationType.TLS_CONFIG, f"tls:{asset}", attributes)
        yield found
        yield from _weaknesses(raw.ciphers, asset, found)
        if raw.ssl:
            yield SSL_PROTOCOL.at(asset, {"versions": raw.ssl}, parent=found)
        weak = {group.name for groups in raw.groups.values() for group in groups if group.bits < LEAST_BITS}
        if weak:
            yield WEAK_GROUP.at(asset, {"groups": sorted(weak)}, parent=found)


def _weaknesses(ciphers: dict[str, list[str]], asset: str, found: Found) -> Iterator[Found]:
    old = [version for version in ciphers if version in ("TLSv1.0", "TLSv1.1")]
    every = sorted({cipher for accepted in ciphers.values() for cipher in accepted})
    weak = [cipher for cipher in every if any(mark in cipher for mark in WEAK_MARKS)]
    static = [cipher for cipher in every if not cipher.startswith(FORWARD_SECRET)]
    if old:
        yield OLD_PROTOCOL.at(asset, {"versions": old}, parent=found)
    if weak:
        yield WEAK_CIPHER.at(asset, {"ciphers": weak}, parent=found)
    if static:
        yield NO_FORWARD_SECRECY.at(asset, {"ciphers": static}, parent=found)
    if "TLSv1.3" not in ciphers:
        yield NO_TLS_1_3.at(asset, {"versions": list(ciphers)}, parent=found)


async def _ciphers(host: str, port: int, version: ssl.TLSVersion, context: Context) -> list[str]:
    """The accepted ciphers of one version: each round offers all but those that the server has chosen already."""
    accepted: list[str] = []
    while len(accepted) < MAX_CIPHERS and not context.is_over:
        chosen = await _handshake(host, port, offering(version, accepted), context)
        if not chosen or chosen in accepted:
            break
        accepted.append(chosen)
    return accepted


async def _groups(host: str, port: int, versions: set[str], context: Context) -> dict[str, list[Group]]:
    """The groups by protocol version, of those that the server speaks and in which groups are named."""
    found: dict[str, list[Group]] = {}
    for name, version in (("TLSv1.2", ssl.TLSVersion.TLSv1_2), ("TLSv1.3", ssl.TLSVersion.TLSv1_3)):
        if name in versions and not context.is_over:
            client, offer = partial(_elliptic, version), partial(_offer, host, port, context)
            found[name] = await accepted_groups(version, client, offer)
    return {name: groups for name, groups in found.items() if groups}


def _elliptic(version: ssl.TLSVersion) -> ssl.SSLContext:
    """A client of one version whose ciphers all exchange keys in a named group."""
    tls = careless_context()
    tls.maximum_version = tls.minimum_version = version
    tls.set_ciphers("ECDHE:@SECLEVEL=0")
    return tls


async def _offer(host: str, port: int, context: Context, tls: ssl.SSLContext) -> str:
    return await _handshake(host, port, tls, context)


def offering(version: ssl.TLSVersion, without: list[str]) -> ssl.SSLContext | None:
    """A client that offers one version and every cipher but some; None when nothing is left to offer."""
    tls = careless_context()
    with warnings.catch_warnings():
        # Offering what is deprecated is the purpose here.
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.maximum_version = version
        tls.minimum_version = version
    try:
        tls.set_ciphers(":".join([EVERY_CIPHER, *(f"!{cipher}" for cipher in without), "@SECLEVEL=0"]))
    except ssl.SSLError:
        return None
    return tls


async def _handshake(host: str, port: int, tls: ssl.SSLContext | None, context: Context) -> str:
    """The cipher that the server chose, or empty when it refused."""
    if tls is None:
        return ""
    try:
        async with await context.session.connect(host, port, tls=tls) as connection:
            cipher = connection.tls.cipher() if connection.tls else None
    except (EgressTlsError, EgressUnreachable):
        return ""
    except EgressError as error:
        context.log.debug("%s: %s", host, error)
        return ""
    return cipher[0] if cipher else ""
