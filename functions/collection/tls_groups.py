"""Which groups a TLS server exchanges keys in, found by offering them one after another."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

Offer = Callable[[ssl.SSLContext], Awaitable[str]]
"""Tries a handshake; returns the cipher that the server chose, or empty when it refused."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group by its name in the registry of IANA, and by OpenSSL's. `bits` is its strength."""

    name: str
    openssl: str
    bits: int
    modern: bool = False


GROUPS: Final = (
    Group("x25519", "X25519", 128, modern=True),
    Group("secp256r1", "prime256v1", 128, modern=True),
    Group("x448", "X448", 224, modern=True),
    Group("secp384r1", "secp384r1", 192, modern=True),
    Group("secp521r1", "secp521r1", 260, modern=True),
    Group("ffdhe2048", "ffdhe2048", 112, modern=True),
    Group("ffdhe3072", "ffdhe3072", 128, modern=True),
    Group("ffdhe4096", "ffdhe4096", 150, modern=True),
    Group("ffdhe6144", "ffdhe6144", 175, modern=True),
    Group("ffdhe8192", "ffdhe8192", 192, modern=True),
    Group("secp256k1", "secp256k1", 128),
    Group("brainpoolP256r1", "brainpoolP256r1", 128),
    Group("brainpoolP384r1", "brainpoolP384r1", 192),
    Group("brainpoolP512r1", "brainpoolP512r1", 256),
    Group("secp224r1", "secp224r1", 112),
    Group("secp192r1", "prime192v1", 80),
    Group("secp160r1", "secp160r1", 80),
    Group("sect233r1", "sect233r1", 112),
    Group("sect163r2", "sect163r2", 80),
    Group("sect163k1", "sect163k1", 80),
)
"""Those of RFC 8446 (`modern`), and of RFC 8422 and 7027 the ones that are met; TLS 1.2 has the fields of RFC 7919 by
its own ciphers."""
LEAST_BITS: Final = 112


def offered_groups(version: ssl.TLSVersion) -> tuple[Group, ...]:
    """The groups that a protocol version knows."""
    if version is ssl.TLSVersion.TLSv1_3:
        return tuple(group for group in GROUPS if group.modern)
    return tuple(group for group in GROUPS if not group.name.startswith("ffdhe"))


async def accepted_groups(version: ssl.TLSVersion, client: Callable[[], ssl.SSLContext], offer: Offer) -> list[Group]:
    """The groups that a server accepts in one protocol version, each offered alone."""
    accepted: list[Group] = []
    for group in offered_groups(version):
        tls = client()
        try:
            tls.set_ecdh_curve(group.openssl)
        except ValueError:  # this OpenSSL does without it
            continue
        if await offer(tls):
            accepted.append(group)
    return accepted
