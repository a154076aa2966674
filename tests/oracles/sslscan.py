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
    """Protocol with cipher or group, for everything that a server with old and new settings accepts."""
    sslscan, port = program("sslscan", "sslscan"), free_port()
    certificate(folder, "localhost")
    settings = (
        "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0;"
        "ssl_ecdh_curve X25519:X448:prime256v1:secp384r1:secp521r1:secp256k1:brainpoolP256r1:prime192v1:ffdhe2048;"
        f"ssl_conf_command Ciphersuites {':'.join(SUITES)};"
    )
    keys = f"ssl_certificate {folder}/localhost.pem; ssl_certificate_key {folder}/localhost.pem;"
    with nginx(folder, f"server {{ listen 127.0.0.1:{port} ssl; {settings} {keys} }}"):
        ours = asyncio.run(_ours(port))
        command = [sslscan, "--no-colour", "--no-heartbleed", "--xml=-", f"127.0.0.1:{port}"]
        answer = subprocess.run(command, check=True, capture_output=True).stdout
    told = ElementTree.fromstring(answer)
    theirs = {f"{cipher.get('sslversion')} {cipher.get('cipher')}" for cipher in told.iter("cipher")}
    theirs |= {f"{group.get('sslversion')} {group.get('name', '').split(' ')[0]}" for group in told.iter("group")}
    return Comparison.of("sslscan", "protocols, ciphers and groups of nginx", ours, theirs)


async def _ours(port: int) -> set[str]:
    result = await run(TlsConfig(), observed("service", f"https://127.0.0.1:{port}"))
    config = next(each for each in result.observations if each.type == "tls_config")
    told = (config.attributes["ciphers"], config.attributes["groups"])
    return {f"{version} {name}" for each in told for version, names in each.items() for name in names}
