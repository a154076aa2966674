"""nmap beside the modules that look for open ports and read greetings."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from pathlib import Path

from defusedxml import ElementTree

from functions.collection.modules.banner import Banner
from functions.collection.modules.tcp_connect import TcpConnect
from tests.collection.servers import free_port, nginx, program, sshd
from tests.collection.world import observed, run, values
from tests.oracles.comparison import Comparison

AROUND = 100
"""Ports on either side of each server's that are tried too: most are closed."""


def compare(folder: Path) -> Comparison:
    """Open ports around those of real servers, and the protocol of those that greet."""
    nmap, web = program("nmap", "nmap"), free_port()
    with contextlib.ExitStack() as stack:
        (folder / "www").mkdir()
        stack.enter_context(nginx(folder, f"server {{ listen 127.0.0.1:{web}; root {{root}}; }}"))
        ssh, _ = stack.enter_context(sshd(folder))
        ports = sorted({port for each in (web, ssh) for port in range(each - AROUND, each + AROUND)})
        ours = asyncio.run(_ours(ports))
        words = ",".join(map(str, ports))
        command = [nmap, "-sT", "-sV", "-Pn", "-n", "-oX", "-", "-p", words, "127.0.0.1"]
        answer = subprocess.run(command, check=True, capture_output=True).stdout
    return Comparison.of("nmap", "open ports and services that greet", ours, set(_facts(answer)))


def _facts(answer: bytes) -> list[str]:
    found = []
    for port in ElementTree.fromstring(answer).iter("port"):
        if port.find("state").get("state") == "open":
            found.append(f"open {port.get('portid')}")
            if (name := port.find("service").get("name")) == "ssh":
                found.append(f"{name} {port.get('portid')}")
    return found


async def _ours(ports: list[int]) -> set[str]:
    scan = await run(TcpConnect(), observed("ip", "127.0.0.1"), config={"ports": ports, "own_machine": True})
    open_ports = [each for each in scan.observations if each.type == "port"]
    greetings = await run(Banner(), *open_ports, config={"wait_seconds": 1})
    services = {f"{value.partition(':')[0]} {value.rpartition(':')[2]}" for value in values(greetings, "service")}
    return {f"open {each.value.rpartition(':')[2]}" for each in open_ports} | services
