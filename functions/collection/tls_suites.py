"""Handshakes that offer chosen suites of TLS 1.3 alone, which Python's own `ssl` cannot.

OpenSSL works on two buffers in memory; the bytes between them and the target travel through the egress client.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from functions.collection.module import Context
from kernel.egress import Connection, EgressError

if TYPE_CHECKING:
    from OpenSSL import SSL

SUITES: Final = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
)
"""All suites of RFC 8446, appendix B.4."""
WAIT_SECONDS: Final = 5.0
MAX_ROUNDS: Final = 20
"""Reads of one handshake: a server that dribbles is left."""
CHUNK: Final = 16 * 1024


async def accepted_suites(host: str, port: int, context: Context) -> list[str]:
    """The suites that a server accepts, in the order of its preference."""
    accepted: list[str] = []
    while len(accepted) < len(SUITES) and not context.is_over:
        chosen = await chosen_suite(host, port, [suite for suite in SUITES if suite not in accepted], context)
        if not chosen or chosen in accepted:
            break
        accepted.append(chosen)
    return accepted


async def chosen_suite(host: str, port: int, suites: Sequence[str], context: Context) -> str:
    """The suite that a server chooses of those offered, or empty when it refuses them all."""
    from OpenSSL import SSL

    client = _client(host, suites)
    try:
        async with await context.session.connect(host, port, timeout_seconds=WAIT_SECONDS) as connection:
            await _shake_hands(client, connection)
    except (EgressError, SSL.Error) as error:
        context.log.debug("%s:%d refuses %s: %s", host, port, ", ".join(suites), error)
        return ""
    return client.get_cipher_name() or ""


def _client(host: str, suites: Sequence[str]) -> SSL.Connection:
    from OpenSSL import SSL

    offered = SSL.Context(SSL.TLS_CLIENT_METHOD)
    offered.set_min_proto_version(SSL.TLS1_3_VERSION)
    # Level 0 offers the suite with the short tag too, which OpenSSL takes for too weak.
    offered.set_cipher_list(b"ALL:@SECLEVEL=0")
    offered.set_tls13_ciphersuites(":".join(suites).encode())
    # Which certificate is shown is judged elsewhere: here only what the server would speak is asked.
    offered.set_verify(SSL.VERIFY_NONE)
    client = SSL.Connection(offered, None)
    if not host.replace(".", "").isdigit() and ":" not in host:
        client.set_tlsext_host_name(host.encode("ascii", "ignore"))
    client.set_connect_state()
    return client


async def _shake_hands(client: SSL.Connection, connection: Connection) -> None:
    """Move bytes until the handshake is done. Raises `SSL.Error` when it fails, `EgressError`."""
    from OpenSSL import SSL

    for _ in range(MAX_ROUNDS):
        try:
            client.do_handshake()
            return
        except SSL.WantReadError:
            await _flush(client, connection)
        received = await connection.read(CHUNK, WAIT_SECONDS)
        if not received:
            raise SSL.Error("the server closed the connection")
        client.bio_write(received)
    raise SSL.Error("the handshake does not come to an end")


async def _flush(client: SSL.Connection, connection: Connection) -> None:
    from OpenSSL import SSL

    try:
        await connection.send(client.bio_read(CHUNK), WAIT_SECONDS)
    except SSL.WantReadError:
        return
