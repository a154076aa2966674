"""The first message of SSL 2 and SSL 3, which no TLS library sends any more, and what a server answers to it.

Nothing is negotiated: a server that would speak such a version says so in its own first message (RFC 6101, section
5.6.1, and the appendix E.2 for SSL 2; both are withdrawn by RFC 6176 and RFC 7568), and the connection is closed.
"""

from __future__ import annotations

import struct
from typing import Final

from functions.collection.module import Context
from kernel.egress import EgressError

RANDOM: Final = bytes(range(32))
"""No secret: no keys are ever agreed."""
SSL3: Final = 0x0300
SSL2: Final = 0x0002
CIPHERS: Final = (
    0x0004, 0x0005, 0x0009, 0x000A, 0x0015, 0x0016, 0x0033, 0x0039, 0x002F, 0x0035, 0x0003, 0x0006, 0x0008, 0x0014,
    0x0018, 0x001B, 0x0001, 0x0002, 0xC007, 0xC008, 0xC009, 0xC00A, 0xC011, 0xC012, 0xC013, 0xC014, 0x0041, 0x0084,
)  # fmt: skip
"""RSA, DHE, ECDHE and nobody's key with RC4, DES, 3DES, AES and Camellia: those that servers had in those days."""
SSL2_CIPHERS: Final = (0x010080, 0x020080, 0x030080, 0x040080, 0x050080, 0x060040, 0x0700C0)
WAIT_SECONDS: Final = 4.0
MAX_ANSWER: Final = 16 * 1024
HANDSHAKE, SERVER_HELLO, SSL2_SERVER_HELLO = 22, 2, 4
ALERT: Final = b"\x15"


def ssl3_hello(version: int = SSL3) -> bytes:
    """A record with a ClientHello that knows nothing newer than SSL 3 (TLS 1.0 has the same form)."""
    ciphers = b"".join(struct.pack("!H", cipher) for cipher in CIPHERS)
    body = struct.pack("!H", version) + RANDOM + b"\x00" + struct.pack("!H", len(ciphers)) + ciphers + b"\x01\x00"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return struct.pack("!BHH", HANDSHAKE, version, len(message)) + message


def ssl2_hello() -> bytes:
    """A CLIENT-HELLO of SSL 2."""
    specs, challenge = b"".join(cipher.to_bytes(3, "big") for cipher in SSL2_CIPHERS), RANDOM[:16]
    body = struct.pack("!BHHHH", 1, SSL2, len(specs), 0, len(challenge)) + specs + challenge
    return struct.pack("!H", 0x8000 | len(body)) + body


def agrees_to_ssl3(answer: bytes) -> bool:
    """Whether an answer begins with a ServerHello of SSL 3."""
    if len(answer) < 11:
        return False
    kind, record, _ = struct.unpack_from("!BHH", answer)
    (version,) = struct.unpack_from("!H", answer, 9)
    return (kind, record, answer[5], version) == (HANDSHAKE, SSL3, SERVER_HELLO, SSL3)


def agrees_to_ssl2(answer: bytes) -> bool:
    """Whether an answer begins with a SERVER-HELLO of SSL 2. The first bit tells how long its header is."""
    if not answer:
        return False
    start = 2 if answer[0] & 0x80 else 3
    if len(answer) < start + 5:
        return False
    kind, _, _, version = struct.unpack_from("!BBBH", answer, start)
    return (kind, version) == (SSL2_SERVER_HELLO, SSL2)


async def accepted_ssl(host: str, port: int, context: Context) -> list[str]:
    """`SSLv2` and `SSLv3`, as far as a server would speak them."""
    tries = (("SSLv2", ssl2_hello(), agrees_to_ssl2), ("SSLv3", ssl3_hello(), agrees_to_ssl3))
    return [name for name, hello, agrees in tries if agrees(await _answer(host, port, hello, context))]


async def _answer(host: str, port: int, hello: bytes, context: Context) -> bytes:
    """The first bytes that come back; none from a server that says nothing, or is no longer there."""
    received = b""
    try:
        async with await context.session.connect(host, port, timeout_seconds=WAIT_SECONDS) as connection:
            await connection.send(hello, WAIT_SECONDS)
            while len(received) < 11 and not received.startswith(ALERT):
                more = await connection.read(MAX_ANSWER, WAIT_SECONDS)
                if not more:
                    break
                received += more
    except EgressError as error:
        context.log.debug("%s:%d says nothing to an old hello: %s", host, port, error)
    return received
