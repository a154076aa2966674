"""delv beside the module that validates DNSSEC chains."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from functions.collection.modules.dnssec_chain import DnssecChain
from kernel.egress import DnsSettings
from tests.collection.servers import program
from tests.collection.signed import ZONES, World, signed_world
from tests.collection.world import observed, run
from tests.oracles.comparison import Comparison


def compare(folder: Path) -> Comparison:
    """A verdict for each of the zones: `secure`, `unsigned` or `refused`."""
    delv = program("delv", "bind9-dnsutils")
    with signed_world(folder) as world:
        zone, tag, algorithm, kind, digest = world.anchor.split()
        anchor = folder / "anchor"
        anchor.write_text(f'trust-anchors {{ {zone} static-ds {tag} {algorithm} {kind} "{digest}"; }};')
        command = [delv, "@127.0.0.1", "-p", str(world.port), "-a", str(anchor), "+root=."]
        theirs = {f"{name} {_verdict([*command, name, 'SOA'])}" for name in ZONES}
        ours = asyncio.run(_ours(world))
    return Comparison.of("delv", f"DNSSEC of {len(ZONES)} zones", ours, theirs)


def _verdict(command: list[str]) -> str:
    said = subprocess.run(command, capture_output=True, text=True).stdout
    if "unsigned answer" in said:
        return "unsigned"
    return "secure" if "fully validated" in said else "refused"


async def _ours(world: World) -> set[str]:
    dns, config = DnsSettings(nameservers=(("127.0.0.1", world.port),)), {"anchors": [world.anchor]}
    facts = [observed("domain", name) for name in ZONES]
    result = await run(DnssecChain(), *facts, targets=tuple(ZONES), dns=dns, config=config)
    words = {"secure": "secure", "unsigned": "unsigned", "island": "unsigned"}
    chains = [each for each in result.observations if each.type == "metadata"]
    return {f"{each.attributes['asset']} {words.get(each.attributes['state'], 'refused')}" for each in chains}
