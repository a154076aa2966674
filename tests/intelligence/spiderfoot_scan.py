"""A small scan with a fact of each sort that the modules find, chained as they chain them."""

from __future__ import annotations

from typing import Any

from contracts.observations import Observation
from tests.intelligence.scans import fact

NETWORK = "198.51.100.0/24"


def weakness(
    type_: str, check: str, asset: str, source: Observation, evidence: Any = None, **other: Any
) -> Observation:
    told = {"check": check, "asset": asset, "title": "T", "severity": "high", "evidence": evidence or {}}
    return fact(type_, f"{check}:{asset}", source, attributes=told, **other)


def whole_scan() -> list[Observation]:
    """Names, addresses, ports, sites, registrations, reports and an account of one organisation."""
    domain = fact("domain", "example.com", module="target")
    return [domain, *_names(domain), *_hosts(domain), *_registration(domain), *_reports(domain), *_account()]


def _names(domain: Observation) -> list[Observation]:
    guessed = fact("host", "intern.example.com", domain, module="subdomains")
    logged = fact("host", "logged.example.com", domain, module="certificate_transparency")
    server = fact("dns_record", "example.com NS ns1.example.com", domain, attributes={"type": "NS"}, module="records")
    transferred = weakness("misconfiguration", "zone-transfer", "example.com", domain, module="zone_transfer")
    often = [
        fact("host", "www.example.com", fact("host", f"h{n}.example.com", domain, module="crawler"), module="crawler")
        for n in range(12)
    ]
    dev = fact("host", "dev.example.com", domain, module="crawler")
    return [guessed, logged, server, transferred, dev, *often]


def _hosts(domain: Observation) -> list[Observation]:
    found: list[Observation] = []
    for number in range(2):
        host = fact("host", f"shop{number}.example.com", domain, module="crawler")
        address = fact("ip", f"198.51.100.{number + 7}", host)
        found += [host, address, fact("ip", "10.0.0.9", host)]
        for port in (3306, 3389, 8080, 443):
            found.append(fact("port", f"{address.value}:{port}", address, attributes={"protocol": "tcp"}))
        found += _banner(found[-4])
        found += _site(host)
        # The machine that most names lead to, so that the others are rare.
        found += [fact("ip", "203.0.113.1", name) for name in _many(domain, number)]
    return found


def _many(domain: Observation, number: int) -> list[Observation]:
    return [fact("host", f"n{number}-{each}.example.com", domain, module="crawler") for each in range(10)]


def _banner(port: Observation) -> list[Observation]:
    text = "5.7.33-log"
    return [fact("banner", f"{port.value} {text}", port, attributes={"text": text, "service": "mysql"})]


def _site(host: Observation) -> list[Observation]:
    site = f"https://{host.value}"
    service = fact("service", f"{site}:443", host, module="http_probe")
    certificate = fact("certificate", "ab" * 32, service, module="certificate", attributes={"issuer": "CN=CA"})
    found = [
        service,
        certificate,
        fact("host", "partner.test", certificate, module="certificate", scope_distance=1),
        weakness("misconfiguration", "certificate-expired", f"{host.value}:443", certificate),
        _answer(f"{site}/", 403, service, "nginx"),
        weakness("exposure", "exposed-backup", site, service),
    ]
    for number in range(2):
        found.append(_answer(f"{site}/{number}", 500, found[4], "nginx" if number else "Rare/1"))
        found.append(fact("email", f"a{number}@example.com", found[4], module="extraction"))
    found += [_answer(f"{site}/ok{number}", 200, found[4], "nginx") for number in range(20)]
    found += [fact("email", "info@example.com", page, module="extraction") for page in found[-20:]]
    software = fact("software", "nginx 1.0", service, module="technology")
    severities = {"critical": 1, "high": 1, "medium": 2}
    for severity, count in severities.items():
        for number in range(count):
            flaw = {"check": f"CVE-2026-{severity}-{number}", "asset": f"{host.value}:443", "severity": severity}
            found.append(fact("vulnerability", f"{flaw['check']}:{host.value}", software, attributes=flaw))
    document = fact("file", f"{site}/a.pdf", found[4], attributes={"kind": "pdf"}, module="files")
    about = fact("metadata", f"{site}/a.pdf", document, attributes={"kind": "pdf"}, module="files")
    return [*found, software, document, about, fact("person", "Ada Lovelace", about, module="files")]


def _answer(url: str, status: int, source: Observation, server: str) -> Observation:
    attributes = {"status": status, "headers": {"server": server}, "content_type": "text/html"}
    return fact("http_response", url, source, attributes=attributes, module="crawler")


def _registration(domain: Observation) -> list[Observation]:
    found: list[Observation] = []
    for number in range(11):
        name = fact("domain", f"d{number}.example.com", domain, module="crawler") if number else domain
        about = fact(
            "metadata", f"registration of {name.value}", name, attributes={"kind": "registration"}, module="rdap"
        )
        registrar = "Rare Registrar" if number == 3 else "Usual Registrar"
        found += [name, about]
        found.append(fact("organisation", registrar, about, attributes={"roles": ["registrar"]}, module="rdap"))
        country = {"country": "KP" if number == 4 else "DE"}
        found.append(fact("cidr", f"198.51.{number}.0/24", about, attributes=country, module="rdap"))
    found.append(fact("person", "Bob Admin", found[1], module="rdap"))
    found.append(fact("email", "bob@example.com", found[1], module="rdap"))
    return found


def _reports(domain: Observation) -> list[Observation]:
    email = fact("email", "ada@example.com", domain, module="breach")
    breached = weakness("exposure", "address-in-breach", email.value, email, {"count": 3}, module="breach")
    found = [email, breached]
    for number in range(11):
        distance = 1 if number == 10 else 0
        address = fact("ip", f"203.0.113.{number + 20}", domain, scope_distance=distance)
        about = fact("metadata", f"reputation of {address.value}", address, module="reputation")
        provider = "Rare Cloud" if number == 5 else "Usual Cloud"
        found += [address, about]
        found.append(fact("organisation", provider, about, attributes={"role": "provider"}, module="reputation"))
        if number >= 9:
            evidence = {"reporters": 4}
            reported = weakness("exposure", "address-reported", address.value, about, evidence, scope_distance=distance)
            found.append(reported)
    return found


def _account() -> list[Observation]:
    account = fact("cloud_resource", "arn:aws:iam::1:root", module="target")
    bucket = fact("cloud_resource", "arn:aws:s3:::files", account, attributes={"kind": "s3 bucket"})
    return [account, bucket, weakness("misconfiguration", "aws-s3-public-acl", bucket.value, bucket)]


def few_names() -> list[Observation]:
    """A scan of few names and addresses, two of which almost everything leads to: where something can be rare."""
    domain = fact("domain", "example.com", module="target")
    pages = [_answer(f"https://www.example.com/{number}", 200, domain, "nginx") for number in range(15)]
    usual = [fact("host", "www.example.com", page, module="crawler") for page in pages]
    addresses = [fact("ip", "198.51.100.7", name) for name in usual]
    rare = fact("host", "old.example.com", domain, module="records")
    return [domain, *pages, *usual, *addresses, rare, fact("ip", "203.0.113.1", rare)]
