"""Real identity providers, run on loopback by Node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HERE = Path(__file__).parent


def are_installed() -> bool:
    """Whether `npm ci --prefix tests/identity/federation` was done."""
    return (HERE / "node_modules" / "oidc-provider").is_dir()


@dataclass
class Served:
    """A provider that serves."""

    address: str
    _ear: IO[str]

    def tell(self, settings: dict[str, Any]) -> None:
        """Something that it must know."""
        self._ear.write(json.dumps(settings) + "\n")
        self._ear.flush()


@contextmanager
def running(script: str, settings: dict[str, Any]) -> Iterator[Served]:
    """A provider that serves while this lasts."""
    command = ["node", "--no-warnings", str(HERE / script)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        served = Served("", process.stdin)
        served.tell(settings)
        try:
            served.address = process.stdout.readline().strip()
            assert served.address, "the identity provider did not start"
            yield served
        finally:
            process.stdin.close()
            process.wait(20)


def key_and_certificate() -> dict[str, str]:
    """What a SAML identity provider signs with."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Acme SAML")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    return {"key": plain.decode(), "certificate": made.sign(key, hashes.SHA256()).public_bytes(pem).decode()}
