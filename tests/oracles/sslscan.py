"""sslscan beside the module that tries TLS versions and ciphers."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

from defusedxml import ElementTree

from functions.collection.modules.tls_config import TlsConfig
from functions.collection.tls_suites import SUITES
from tests.collection.servers import free_port, nginx, program
from tests.collection.world import observed, run
from tests.kernel.egress_servers import certificate
from tests.oracles.comparison import Comparison


def compare(folder: Path) -> Comparison:
    """Protocol and cipher, for everything that a server with old and new settings accepts."""
    sslscan, port = program("sslscan", "sslscan"), free_port()
    certificate(folder, "localhost")
    settings = (
        "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;"
        f"ssl_conf_command Ciphersuites {':'.join(SUITES)};"
    )
    keys = f"ssl_certificate {folder}/localhost.pem; ssl_certificate_key {folder}/localhost.pem;"
    with nginx(folder, f"server {{ listen 127.0.0.1:{port} ssl; {settings} {keys} }}"):
        ours = asyncio.run(_ours(port))
        command = [sslscan, "--no-colour", "--no-heartbleed", "--xml=-", f"127.0.0.1:{port}"]
        answer = subprocess.run(command, check=True, capture_output=True).stdout
    ciphers = ElementTree.fromstring(answer).iter("cipher")
    theirs = {f"{cipher.get('sslversion')} {cipher.get('cipher')}" for cipher in ciphers}
    return Comparison.of("sslscan", "protocols and ciphers of nginx", ours, theirs)


async def _ours(port: int) -> set[str]:
    result = await run(TlsConfig(), observed("service", f"https://127.0.0.1:{port}"))
    config = next(each for each in result.observations if each.type == "tls_config")
    return {f"{version} {name}" for version, names in config.attributes["ciphers"].items() for name in names}
