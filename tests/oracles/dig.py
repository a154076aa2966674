"""dig beside the modules that resolve names and read records."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from functions.collection.modules.records import RECORD_TYPES, Records
from functions.collection.modules.resolve import Resolve
from kernel.egress import DnsSettings
from tests.collection.servers import named, program
from tests.collection.world import observed, run
from tests.oracles.comparison import Comparison

NAMES = ("example.test", "www.example.test", "web.example.test", "mail.example.test", "gone.example.test")


def compare(folder: Path) -> Comparison:
    """Name, type and data of every record that answers a question about these names."""
    dig = program("dig", "bind9-dnsutils")
    with named(folder) as port:
        theirs = {
            fact
            for name in NAMES
            for kind in ("A", "AAAA", *(RECORD_TYPES if name == "example.test" else ()))
            for fact in _dug(dig, port, name, kind)
        }
        ours = asyncio.run(_ours(port))
    return Comparison.of("dig", "records of five names", ours, theirs)


async def _ours(port: int) -> set[str]:
    dns = DnsSettings(nameservers=(("127.0.0.1", port),))
    addresses = await run(Resolve(), *(observed("host", name) for name in NAMES), dns=dns)
    records = await run(Records(), observed("domain", "example.test"), dns=dns)
    found = [*addresses.observations, *records.observations]
    return {each.value for each in found if each.type == "dns_record"}


def _dug(dig: str, port: int, name: str, kind: str) -> set[str]:
    command = [dig, "@127.0.0.1", "-p", str(port), "+noall", "+answer", "+tries=1", name, kind]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    parts = (line.split(maxsplit=4) for line in lines if line and not line.startswith(";"))
    return {f"{owner.rstrip('.')} {kind} {data}" for owner, _, _, kind, data in parts}
