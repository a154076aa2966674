"""Name resolution for the HTTP library: only addresses that the policy has passed come out."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

from aiohttp.abc import AbstractResolver, ResolveResult


class CheckedResolver(AbstractResolver):
    """Hands the HTTP library addresses that `Egress.resolve` has checked."""

    def __init__(self, resolve: Callable[[str, int], Awaitable[list[str]]]) -> None:
        self._resolve = resolve

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - the library's interface
    ) -> list[ResolveResult]:
        """Checked addresses of a host. Raises `EgressDenied`, `EgressUnreachable`."""
        return [_entry(host, address, port) for address in await self._resolve(host, port)]

    async def close(self) -> None:
        """Nothing is held."""


def _entry(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=socket.IPPROTO_TCP, flags=flags)
