"""Which protocol versions and ciphers a TLS server accepts, found by offering them one after another."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port
from functions.collection.module import Context, Found, Module
from functions.collection.tls_suites import accepted_suites
from functions.collection.weakness import misconfiguration
from kernel.egress import EgressError, EgressTlsError, EgressUnreachable, careless_context

RFC = "https://www.rfc-editor.org/rfc/rfc9325"
OLD_PROTOCOL = misconfiguration(
    "tls-old-protocol", Severity.MEDIUM, "The server accepts outdated TLS versions",
    "TLS 1.0 and 1.1 rest on broken hashes and are withdrawn (RFC 8996).", "Accept TLS 1.2 and 1.3 only.",
    "https://www.rfc-editor.org/rfc/rfc8996",
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
    """The ciphers that the server accepted, by protocol version, in the order of its preference."""

    ciphers: dict[str, list[str]]


class TlsConfig(Module[Accepted]):
    """One handshake per version, and one more per cipher that the server chooses."""

    face = ModuleFace(
        name="tls_config",
        version="1.1.0",
        summary="Finds the TLS versions and ciphers that a server accepts",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.TLS_CONFIG, ObservationType.MISCONFIGURATION),
        matching=r"^(https|tls|imaps|pop3s|smtps|ldaps)://",
        invasiveness=Invasiveness.ACTIVE,
        cost_class=CostClass.MEDIUM,
        rate_group="tcp",
        concurrency=8,
        oracle="sslscan",
    )

    async def get(self, observation: Observation, context: Context) -> Accepted:
        """The accepted ciphers. Raises `EgressUnreachable` for a server that is not there."""
        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port):
            pass
        accepted = {name: await _ciphers(host, port, version, context) for name, version in VERSIONS}
        accepted["TLSv1.3"] = await accepted_suites(host, port, context)
        return Accepted({name: ciphers for name, ciphers in accepted.items() if ciphers})

    def transform(self, observation: Observation, raw: Accepted) -> Iterable[Found]:
        """The configuration and its weaknesses."""
        if not raw.ciphers:
            return
        asset = observation.value.rpartition("://")[2]
        attributes = {"versions": list(raw.ciphers), "ciphers": raw.ciphers, "asset": asset}
        found = Found(ObservationType.TLS_CONFIG, f"tls:{asset}", attributes)
        yield found
        yield from _weaknesses(raw.ciphers, asset, found)


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
