"""The certificate that a server shows: the names on it, its life, its issuer and its strength."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType, canonical_host
from functions.collection.endpoints import host_and_port
from functions.collection.module import Config, Context, Found, Module
from functions.collection.weakness import misconfiguration
from kernel.clock import now
from kernel.egress import EgressProtocolError, careless_context

if TYPE_CHECKING:
    from cryptography import x509

CWE = "https://cwe.mitre.org/data/definitions/295.html"
EXPIRED = misconfiguration(
    "certificate-expired", Severity.HIGH, "The certificate has expired",
    "Clients refuse the connection, or their users learn to click warnings away.",
    "Renew the certificate and automate its renewal.", "https://cwe.mitre.org/data/definitions/298.html",
)  # fmt: skip
EXPIRES_SOON = misconfiguration(
    "certificate-expires-soon", Severity.LOW, "The certificate expires soon",
    "The certificate is about to expire, so its renewal seems not to run by itself.",
    "Renew the certificate and automate its renewal.", CWE,
)  # fmt: skip
SELF_SIGNED = misconfiguration(
    "certificate-self-signed", Severity.MEDIUM, "The certificate is signed by nobody but itself",
    "Nobody vouches for the server, so its clients cannot tell it from an impostor.",
    "Use a certificate of an authority that the clients trust.", CWE,
)  # fmt: skip
WRONG_HOST = misconfiguration(
    "certificate-wrong-host", Severity.MEDIUM, "The certificate belongs to another host",
    "The name of the host is not on the certificate, so clients refuse it or learn to ignore warnings.",
    "Use a certificate that names the host.", "https://cwe.mitre.org/data/definitions/297.html",
)  # fmt: skip
WEAK_KEY = misconfiguration(
    "certificate-weak-key", Severity.HIGH, "The certificate's key is too short",
    "RSA keys of less than 2048 bits and curves of less than 224 bits can be computed by a strong attacker.",
    "Make a new key: RSA 2048 or more, or P-256.", "https://cwe.mitre.org/data/definitions/326.html",
)  # fmt: skip
WEAK_SIGNATURE = misconfiguration(
    "certificate-weak-signature", Severity.HIGH, "The certificate's signature is forgeable",
    "Signatures over MD5 and SHA-1 can be forged.", "Have the certificate signed with SHA-256 or better.",
    "https://cwe.mitre.org/data/definitions/328.html",
)  # fmt: skip


class CertificateConfig(Config):
    """When a certificate's end is near."""

    soon_days: Annotated[int, Field(ge=1, le=365, description="Days before the end that count as soon.")] = 14


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate (DER), the instant it was shown, and the days that count as soon."""

    der: bytes
    at: datetime.datetime
    soon_days: int


class Certificate(Module[Shown]):
    """Completes a handshake with whatever certificate there is, and reads it."""

    face = ModuleFace(
        name="certificate",
        version="1.0.0",
        summary="Reads a server's certificate: names, expiry, issuer, key and signature",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.CERTIFICATE, ObservationType.HOST, ObservationType.MISCONFIGURATION),
        matching=r"^(https|tls|imaps|pop3s|smtps|ldaps)://",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="tcp",
        oracle="sslscan",
    )
    config = CertificateConfig

    async def get(self, observation: Observation, context: Context) -> Shown:
        """The certificate. Raises `EgressError`."""
        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port, tls=careless_context()) as connection:
            der = connection.tls.getpeercert(binary_form=True) if connection.tls else None
        if not der:
            raise EgressProtocolError("the server shows no certificate")
        return Shown(der, now(), context.config.soon_days)

    def transform(self, observation: Observation, raw: Shown) -> Iterable[Found]:
        """The certificate, the hosts it names, and its weaknesses."""
        from cryptography import x509

        shown = x509.load_der_x509_certificate(raw.der)
        asset = observation.value.rpartition("://")[2]
        attributes = describe(shown)
        found = Found(ObservationType.CERTIFICATE, attributes["sha256"], {**attributes, "asset": asset})
        yield found
        for name in attributes["names"]:
            if _is_host(name):
                yield Found(ObservationType.HOST, name, {"from": "certificate"}, confidence=0.9, parent=found)
        yield from _weaknesses(shown, attributes, raw, asset, found)


def describe(shown: x509.Certificate) -> dict[str, Any]:
    """A certificate in words. Times are RFC 3339."""
    from cryptography.hazmat.primitives import hashes

    key = shown.public_key()
    digest = shown.signature_hash_algorithm
    return {
        "sha256": shown.fingerprint(hashes.SHA256()).hex(),
        "subject": shown.subject.rfc4514_string(),
        "issuer": shown.issuer.rfc4514_string(),
        "serial": f"{shown.serial_number:x}",
        "not_before": shown.not_valid_before_utc.isoformat(),
        "not_after": shown.not_valid_after_utc.isoformat(),
        "names": names_on(shown),
        "key": type(key).__name__.lstrip("_").removesuffix("PublicKey"),
        "key_bits": getattr(key, "key_size", 256),
        "signature": digest.name if digest else "intrinsic",
    }


def names_on(shown: x509.Certificate) -> list[str]:
    """The DNS names and addresses of the subject alternative name extension, sorted; of an old certificate without
    one, its common name."""
    from cryptography import x509

    try:
        extension = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = shown.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return sorted(str(item.value) for item in common)
    addresses = [str(address) for address in extension.get_values_for_type(x509.IPAddress)]
    return sorted({canonical_host(name) for name in extension.get_values_for_type(x509.DNSName)} | set(addresses))


def matches(names: Iterable[str], host: str) -> bool:
    """Whether a certificate with these names is good for the host (RFC 6125: a star stands for one label)."""
    parent = host.partition(".")[2]
    return any(name == host or (name.startswith("*.") and parent and name[2:] == parent) for name in names)


def _weaknesses(
    shown: x509.Certificate, attributes: dict[str, Any], raw: Shown, asset: str, found: Found
) -> Iterator[Found]:
    evidence = {name: attributes[name] for name in ("subject", "issuer", "not_after", "sha256")}
    host, _ = host_and_port(asset)
    left = shown.not_valid_after_utc - raw.at
    if left < datetime.timedelta():
        yield EXPIRED.at(asset, evidence, parent=found)
    elif left < datetime.timedelta(days=raw.soon_days):
        yield EXPIRES_SOON.at(asset, evidence, parent=found)
    if shown.issuer == shown.subject:
        yield SELF_SIGNED.at(asset, evidence, parent=found)
    if not matches(attributes["names"], host):
        yield WRONG_HOST.at(asset, {**evidence, "names": attributes["names"][:50]}, parent=found)
    if attributes["key_bits"] < {"RSA": 2048, "DSA": 2048}.get(attributes["key"], 224):
        yield WEAK_KEY.at(asset, {**evidence, "key": attributes["key"], "bits": attributes["key_bits"]}, parent=found)
    if attributes["signature"] in ("md5", "sha1"):
        yield WEAK_SIGNATURE.at(asset, {**evidence, "signature": attributes["signature"]}, parent=found)


def _is_host(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "*" not in name and "." in name
    return False
