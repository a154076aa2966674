"""ssh-audit beside the module that reads an SSH server's algorithms."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from functions.collection.modules.ssh_audit import SshAudit
from tests.collection.servers import sshd
from tests.collection.world import observed, run
from tests.oracles.comparison import Comparison

PURPOSES = {"kex": "kex", "host_key": "key", "cipher": "enc", "mac": "mac"}
"""Ours, and what ssh-audit calls it."""


def compare(folder: Path) -> Comparison:
    """Purpose and name of every algorithm that a server with old and new ones offers."""
    options = ("KexAlgorithms +diffie-hellman-group1-sha1", "Ciphers +aes128-cbc,3des-cbc", "MACs +hmac-md5")
    with sshd(folder, *options) as (port, _):
        ours = asyncio.run(_ours(port))
        command = [sys.executable, "-m", "ssh_audit.ssh_audit", "--json", "--skip-rate-test", "-p", str(port)]
        answer = subprocess.run([*command, "127.0.0.1"], capture_output=True, text=True).stdout
    said = json.loads(answer)
    theirs = {f"{name} {entry['algorithm']}" for name, theirs in PURPOSES.items() for entry in said[theirs]}
    return Comparison.of("ssh-audit", "algorithms of OpenSSH", ours, theirs)


async def _ours(port: int) -> set[str]:
    result = await run(SshAudit(), observed("service", f"ssh://127.0.0.1:{port}"))
    offer = next(each.attributes for each in result.observations if each.type == "metadata")
    return {f"{purpose} {name}" for purpose in PURPOSES for name in offer[purpose]}
