"""What was sent and received: counted bytes, and packets estimated from them."""

from __future__ import annotations

from dataclasses import dataclass

SEGMENT_BYTES = 1460
"""Payload of a full TCP segment over Ethernet (1,500 less 40 bytes of IPv4 and TCP headers)."""
HANDSHAKE_PACKETS = 3
"""SYN, SYN and ACK, ACK (RFC 9293 section 3.5)."""


@dataclass(slots=True)
class Meter:
    """Counts of one client. TCP packets are the full segments that the bytes would fill, in both directions, with the
    handshakes; acknowledgements and repeats are left out."""

    packets: int = 0
    bytes: int = 0

    def dialled(self) -> None:
        """A TCP connection was attempted."""
        self.packets += HANDSHAKE_PACKETS

    def stream(self, size: int) -> None:
        """Bytes went one way over a connection."""
        self.packets += -(-size // SEGMENT_BYTES)
        self.bytes += size

    def datagram(self, size: int) -> None:
        """A datagram was sent or received."""
        self.packets += 1
        self.bytes += size
