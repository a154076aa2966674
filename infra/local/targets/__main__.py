"""`python -m infra.local.targets serve --state DIR`: the demo targets, until they are told to end."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import logging
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

from aiohttp import web

from infra.local.targets import mail, sites, ssh, zone

HOST = "127.0.0.1"
PORTS = {"dns": 15353, "shop": 18081, "portal": 18443, "ssh": 12222, "mail": 12525}
"""The usual ports; a taken one is replaced by a free one."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a scan can be pointed at."""

    name: str
    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class Running:
    """The targets, and the name servers that a scan needs for them (in the words of `DnsSettings.parse`)."""

    targets: list[Target]
    nameservers: str


@contextlib.asynccontextmanager
async def serving(state: Path, wanted: dict[str, int] | None = None) -> AsyncIterator[Running]:
    """All servers, on the wanted ports where those are free."""
    ports = {name: free_port(port) for name, port in (wanted or PORTS).items()}
    async with contextlib.AsyncExitStack() as stack:
        await _name_server(stack, ports["dns"])
        await _site(stack, sites.SHOP, ports["shop"], None)
        await _site(stack, sites.PORTAL, ports["portal"], sites.expired_certificate(state))
        await _tcp(stack, await asyncio.start_server(ssh.door, HOST, ports["ssh"]))
        loop = asyncio.get_running_loop()
        await _tcp(stack, await loop.create_server(mail.protocol, HOST, ports["mail"]))
        yield Running(_targets(ports), f"{zone.PARENT}={HOST}:{ports['dns']}")


def _targets(ports: dict[str, int]) -> list[Target]:
    return [
        Target("Demo zone", "domain", zone.ZONE),
        Target("Demo shop", "url", f"http://{HOST}:{ports['shop']}/"),
        Target("Demo portal", "url", f"https://{HOST}:{ports['portal']}/"),
        Target("Demo SSH server", "port", f"{HOST}:{ports['ssh']}"),
        Target("Demo mail server", "port", f"{HOST}:{ports['mail']}"),
    ]


def free_port(wanted: int) -> int:
    """The wanted port if both TCP and UDP can be had there, else one that is free."""
    for port in (wanted, 0):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tcp.bind((HOST, port))
                found: int = tcp.getsockname()[1]
                udp.bind((HOST, found))
            except OSError:
                continue
            return found
    raise OSError("this machine has no free port")


async def _name_server(stack: contextlib.AsyncExitStack, port: int) -> None:
    server = zone.NameServer()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: zone.UdpDoor(server), local_addr=(HOST, port))
    stack.callback(transport.close)
    await _tcp(stack, await asyncio.start_server(functools.partial(zone.tcp_door, server), HOST, port))


async def _site(stack: contextlib.AsyncExitStack, site: sites.Site, port: int, tls: ssl.SSLContext | None) -> None:
    runner = web.AppRunner(sites.application(site), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, HOST, port, ssl_context=tls).start()


async def _tcp(stack: contextlib.AsyncExitStack, server: asyncio.Server) -> None:
    stack.callback(server.close)


async def serve(state: Path) -> None:
    """Serve until SIGTERM or SIGINT. `targets.json` and `nameservers` in the folder tell where, meanwhile."""
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    async with serving(state) as running:
        text = json.dumps([asdict(target) for target in running.targets], indent=2)
        written = {state / "nameservers": running.nameservers + "\n", state / "targets.json": text + "\n"}
        for path, content in written.items():
            path.write_text(content)
        print(text, flush=True)
        await done.wait()
    for path in written:
        path.unlink(missing_ok=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.targets", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("serve", help="start the demo targets and keep them running")
    start.add_argument("--state", type=Path, required=True, help="folder for the certificate and targets.json")
    state: Path = parser.parse_args().state
    state.mkdir(parents=True, exist_ok=True)
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # the library warns of every odd command of a scan
    asyncio.run(serve(state))


if __name__ == "__main__":
    main()
