"""The first words of an old SSH server: its version, and algorithms of long ago. Nobody can log in."""

from __future__ import annotations

import asyncio

BANNER = b"SSH-2.0-OpenSSH_7.4\r\n"
KEXINIT = 20
OFFER = (
    "curve25519-sha256,diffie-hellman-group14-sha1,diffie-hellman-group1-sha1",
    "ssh-rsa,ssh-dss",
    "aes128-ctr,3des-cbc,arcfour",
    "aes128-ctr,3des-cbc,arcfour",
    "hmac-sha2-256,hmac-md5",
    "hmac-sha2-256,hmac-md5",
    "none",
    "none",
    "",
    "",
)
"""In the order of RFC 4253 section 7.1."""


def offer_packet() -> bytes:
    """The algorithm offer as a packet in clear (RFC 4253 section 6); its cookie is constant, as nothing follows."""
    lists = b"".join(len(names).to_bytes(4, "big") + names.encode() for names in OFFER)
    payload = bytes([KEXINIT]) + bytes(16) + lists + bytes(5)
    padding = 8 - (len(payload) + 5) % 8 + 8
    return (len(payload) + padding + 1).to_bytes(4, "big") + bytes([padding]) + payload + bytes(padding)


async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Greet, wait for the client's version, offer, and hang up."""
    try:
        writer.write(BANNER)
        async with asyncio.timeout(10):
            await reader.readline()
            writer.write(offer_packet())
            await writer.drain()
    except (TimeoutError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()
