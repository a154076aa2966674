"""The algorithms that an SSH server offers, read from the first packet it sends (RFC 4253 section 7.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port
from functions.collection.module import Context, Found, Module
from functions.collection.weakness import Check, misconfiguration
from kernel.egress import Connection, EgressProtocolError

KEXINIT = 20
MAX_PACKET = 35_000
WAIT = 5.0
BCP = "https://www.rfc-editor.org/rfc/rfc9142"
OLD_PROTOCOL = misconfiguration(
    "ssh-protocol-1", Severity.HIGH, "The SSH server speaks protocol version 1",
    "SSH 1 has flaws by design that let an attacker read and change a session.", "Allow protocol version 2 only.",
    "https://cwe.mitre.org/data/definitions/327.html",
)  # fmt: skip
WEAK_KEX = misconfiguration(
    "ssh-weak-kex", Severity.MEDIUM, "The SSH server offers weak key exchanges",
    "Key exchanges with SHA-1 or a 1024-bit group can be broken or downgraded by a strong attacker.",
    "Offer curve25519-sha256, ecdh-sha2-nistp* and Diffie-Hellman groups 14 and up with SHA-2 only.", BCP,
)  # fmt: skip
WEAK_HOST_KEY = misconfiguration(
    "ssh-weak-host-key", Severity.LOW, "The SSH server proves itself with weak keys",
    "DSA keys, and RSA signatures with SHA-1, no longer prove that the server is the real one.",
    "Use ssh-ed25519, and RSA keys with rsa-sha2-256 and rsa-sha2-512.", BCP,
)  # fmt: skip
WEAK_CIPHER = misconfiguration(
    "ssh-weak-cipher", Severity.MEDIUM, "The SSH server offers weak ciphers",
    "RC4, ciphers with 64-bit blocks and CBC modes leak the content of a session to an attacker on the way.",
    "Offer chacha20-poly1305, AES-GCM and AES-CTR only.", "https://www.rfc-editor.org/rfc/rfc8758",
)  # fmt: skip
WEAK_MAC = misconfiguration(
    "ssh-weak-mac", Severity.LOW, "The SSH server offers weak message authentication",
    "MACs built on MD5 or cut to 64 or 96 bits protect a session badly against changes.",
    "Offer hmac-sha2-256-etm, hmac-sha2-512-etm and umac-128-etm.", "https://www.rfc-editor.org/rfc/rfc6668",
)  # fmt: skip
WEAK: tuple[tuple[str, Check, tuple[str, ...]], ...] = (
    ("kex", WEAK_KEX, ("diffie-hellman-group1-", "-sha1", "rsa1024-sha1", "gss-group1-")),
    ("host_key", WEAK_HOST_KEY, ("ssh-dss", "ssh-rsa")),
    ("cipher", WEAK_CIPHER, ("arcfour", "-cbc", "blowfish", "cast128", "3des", "des-", "none", "rijndael-cbc")),
    ("mac", WEAK_MAC, ("md5", "-96", "umac-64", "none", "ripemd")),
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server says it is, and its algorithms by purpose in its order."""

    banner: str
    algorithms: dict[str, tuple[str, ...]]


class SshAudit(Module[Offer]):
    """Exchanges versions, reads the server's offer, and leaves."""

    face = ModuleFace(
        name="ssh_audit",
        version="1.1.0",
        summary="Audits the key exchanges, host keys, ciphers and MACs of an SSH server",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.MISCONFIGURATION, ObservationType.METADATA),
        matching=r"^ssh://",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="tcp",
        oracle="ssh-audit",
    )

    async def get(self, observation: Observation, context: Context) -> Offer:
        """The server's offer. Raises `EgressError`, also for a server that is none."""
        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port) as connection:
            banner = await _banner(connection)
            if not banner.startswith(("SSH-2.", "SSH-1.99")):
                return Offer(banner, {})
            await connection.send(b"SSH-2.0-Palisade_1.0\r\n", WAIT)
            return Offer(banner, parse_offer(await _packet(connection)))

    def transform(self, observation: Observation, raw: Offer) -> Iterable[Found]:
        """The offer, and its weak parts."""
        asset = observation.value.rpartition("://")[2]
        if raw.banner.startswith("SSH-1."):
            yield OLD_PROTOCOL.at(asset, {"banner": raw.banner})
        if raw.algorithms:
            attributes = {name: list(offered) for name, offered in raw.algorithms.items()}
            yield Found(ObservationType.METADATA, f"ssh-algorithms:{asset}", {**attributes, "asset": asset})
        for purpose, check, marks in WEAK:
            weak = list(weak_ones(raw.algorithms.get(purpose, ()), marks))
            if weak:
                yield check.at(asset, {"algorithms": weak})


def weak_ones(offered: Iterable[str], marks: tuple[str, ...]) -> Iterator[str]:
    """The algorithms whose name carries one of the marks; a mark without a dash is matched whole for host keys."""
    for name in offered:
        base = name.partition("@")[0]
        if any(mark == base or (mark not in ("ssh-rsa", "ssh-dss", "none") and mark in base) for mark in marks):
            yield name


def parse_offer(payload: bytes) -> dict[str, tuple[str, ...]]:
    """The name lists of a KEXINIT payload. Raises `EgressProtocolError` when it is none."""
    if not payload or payload[0] != KEXINIT:
        raise EgressProtocolError("the SSH server does not begin with its algorithms")
    lists: list[tuple[str, ...]] = []
    at = 17  # after the message number and the cookie
    while len(lists) < 8 and at + 4 <= len(payload):
        end = at + 4 + int.from_bytes(payload[at : at + 4], "big")
        lists.append(tuple(payload[at + 4 : end].decode("ascii", "replace").split(",")))
        at = end
    if len(lists) < 8 or at > len(payload):
        raise EgressProtocolError("the SSH server's algorithms are cut short")
    kex, host_key, cipher, cipher_back, mac, mac_back, compression, compression_back = lists
    both = {
        "cipher": (*cipher, *cipher_back),
        "mac": (*mac, *mac_back),
        "compression": (*compression, *compression_back),
    }
    return {"kex": kex, "host_key": host_key, **{name: tuple(dict.fromkeys(found)) for name, found in both.items()}}


async def _banner(connection: Connection) -> str:
    """The version line; RFC 4253 allows other lines before it."""
    for _ in range(20):
        line = (await connection.read_line(WAIT)).decode("utf-8", "replace").strip()
        if line.startswith("SSH-"):
            return line[:255]
    raise EgressProtocolError("the SSH server does not say its version")


async def _packet(connection: Connection) -> bytes:
    """The payload of a packet in clear (RFC 4253 section 6)."""
    length = int.from_bytes(await connection.read_exactly(4, WAIT), "big")
    if not 2 <= length <= MAX_PACKET:
        raise EgressProtocolError(f"an SSH packet of {length} bytes")
    packet = await connection.read_exactly(length, WAIT)
    return packet[1 : length - packet[0]]
