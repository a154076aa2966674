"""nmap's scripts beside the modules that look into stores, directories, brokers, file servers and SSH."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from defusedxml import ElementTree

from functions.collection.modules import load
from tests.collection import daemons
from tests.collection.servers import program, sshd
from tests.collection.world import observed, run
from tests.oracles.comparison import Comparison

SCRIPTS = {
    "redis": ("redis-info", "redis version", re.compile(r"Version: (\S+)")),
    "memcached": ("memcached-info", "memcached authentication", re.compile(r"Authentication: (\S+)")),
    "ldap": ("ldap-rootdse", "ldap context", re.compile(r"namingContexts: (\S+)")),
    "mqtt": ("mqtt-subscribe", "mqtt version", re.compile(r"mosquitto version (\S+)")),
    "ftp": ("ftp-anon", "ftp", re.compile(r"(Anonymous) FTP login allowed")),
    "ssh": ("ssh2-enum-algos", "", re.compile("")),
}
"""The script for each protocol, what it finds in our words, and how it says so."""
MODULES = {
    "redis": "redis_audit", "memcached": "memcached_audit", "ldap": "ldap_audit", "mqtt": "mqtt_audit",
    "ftp": "login_audit", "ssh": "ssh_audit",
}  # fmt: skip
CHECKS = {"login-anonymous": "ftp anonymous", "memcached-without-password": "memcached authentication no"}
LISTENS = "mqtt-subscribe.topic=$SYS/broker/version,mqtt-subscribe.listen-time=1s"


def compare(folder: Path) -> Comparison:
    """Versions, contexts, an anonymous log-in and the algorithms of SSH, from six servers."""
    nmap = program("nmap", "nmap")
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        places = {name: folder / name for name in MODULES}
        for place in places.values():
            place.mkdir()
        ports = {
            "redis": stack.enter_context(daemons.redis(places["redis"])),
            "memcached": stack.enter_context(daemons.memcached(places["memcached"])),
            "ldap": stack.enter_context(daemons.slapd(places["ldap"])),
            "mqtt": stack.enter_context(daemons.mosquitto(places["mqtt"], anonymous=True)),
            "ftp": stack.enter_context(daemons.vsftpd(places["ftp"], "anonymous_enable=YES")),
            "ssh": stack.enter_context(sshd(places["ssh"]))[0],
        }
        ours = asyncio.run(_ours(ports))
        theirs = {fact for protocol, port in ports.items() for fact in _theirs(nmap, protocol, port)}
    return Comparison.of("nmap scripts", "what six servers tell", ours, theirs)


def _theirs(nmap: str, protocol: str, port: int) -> Iterator[str]:
    script, what, pattern = SCRIPTS[protocol]
    # The plus makes a script run on any port, whatever nmap thinks is there.
    command = [nmap, "-sT", "-Pn", "-n", "-oX", "-", "-p", str(port), "--script", f"+{script}", "127.0.0.1"]
    done = subprocess.run([*command, "--script-args", LISTENS], check=True, capture_output=True)
    for said in ElementTree.fromstring(done.stdout).iter("script"):
        if protocol == "ssh":
            for table in said.iter("table"):
                yield from (f"{table.get('key')} {item.text}" for item in table.iter("elem"))
        else:
            yield from (f"{what} {found.lower()}" for found in pattern.findall(said.get("output")))


async def _ours(ports: dict[str, int]) -> set[str]:
    found: set[str] = set()
    for protocol, module in MODULES.items():
        result = await run(load(module)(), observed("service", f"{protocol}://127.0.0.1:{ports[protocol]}"))
        for each in result.observations:
            said = each.attributes
            if each.type == "software" and protocol != "memcached":  # whose version nmap does not tell
                found.add(f"{protocol} version {said['version']}")
            elif said.get("check") in CHECKS:
                found.add(CHECKS[said["check"]])
            elif each.type == "metadata" and protocol == "ldap":
                found.update(f"ldap context {name}" for name in said["namingcontexts"])
            elif each.type == "metadata" and protocol == "ssh":
                names = {"kex": "kex_algorithms", "host_key": "server_host_key_algorithms"}
                names |= {
                    "cipher": "encryption_algorithms",
                    "mac": "mac_algorithms",
                    "compression": "compression_algorithms",
                }
                found.update(f"{theirs} {name}" for ours, theirs in names.items() for name in said[ours])
    return found
