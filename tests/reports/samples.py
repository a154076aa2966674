"""Reports for tests: a small company as a scan would tell of it, and one of any size."""

from __future__ import annotations

from typing import Any

import msgspec

from contracts.reports import Evidence, GraphEdge, GraphNode, LogEntry, ModuleRun, ReportFinding, ReportGraph
from functions.reports.model import ReportData, ScanFacts

AT = "2026-05-04T09:{minute:02}:00.000Z"


def finding(**fields: Any) -> ReportFinding:
    """A finding with what a test does not care about filled in."""
    told: dict[str, Any] = {
        "finding_id": "fnd_1",
        "check": "module:headers/csp-missing",
        "title": "The site does not limit which scripts may run",
        "severity": "medium",
        "status": "open",
        "asset": "https://shop.example.com",
        "description": "Without a Content-Security-Policy, a script that is smuggled in runs with the page's rights.",
        "remedy": "Send a Content-Security-Policy that names the sources you use.",
        "first_seen": AT.format(minute=1),
        "last_seen": AT.format(minute=20),
    }
    return ReportFinding(**(told | fields))


def scan(**fields: Any) -> ScanFacts:
    """A scan with what a test does not care about filled in."""
    told: dict[str, Any] = {
        "scan_id": "scan_01JTEST",
        "name": "Quarterly perimeter",
        "profile": "comprehensive",
        "status": "finished",
        "targets": ("example.com", "192.0.2.0/28"),
        "started_at": AT.format(minute=0),
        "finished_at": AT.format(minute=47),
        "waves": 6,
        "observations": 1284,
        "entities": 412,
    }
    return ScanFacts(**(told | fields))


def report(**fields: Any) -> ReportData:
    """A report with what a test does not care about filled in."""
    told: dict[str, Any] = {
        "report_id": "rep_1",
        "client": "Example Trading Ltd",
        "generated_at": "2026-05-05T08:00:00.000Z",
        "scan": scan(),
    }
    return ReportData(**(told | fields))


def company() -> ReportData:
    """A report as a scan of a small company gives it."""
    zone = "https://cwe.mitre.org/data/definitions/350.html"
    findings = (
        finding(
            finding_id="fnd_a", check="rule:alias_found_through_open_zone", severity="critical",
            title="An abandoned alias can be found by copying the zone", asset="old-shop.example.com",
            description="A name server hands out the whole zone, and the zone holds an alias whose target no longer "
            "exists. Whoever copies the zone learns which name to take over.",
            remedy="Remove the alias, and restrict zone transfers to the secondary servers by address and key.",
            references=(zone,), controls=("ISO/IEC 27001:2022 A.8.9", "CIS Controls 4.9"), confidence=0.95,
            chain=(
                "target: domain example.com",
                "has host: host old-shop.example.com",
                "misconfigured as: misconfiguration dangling-alias:old-shop.example.com (found by dangling_alias)",
                "together with: misconfiguration zone-transfer:example.com (found by zone_transfer)",
            ),
            evidence=(
                Evidence(observation_id="obs_1", type="misconfiguration", value="dangling-alias:old-shop.example.com",
                         module="dangling_alias", observed_at=AT.format(minute=12)),
                Evidence(observation_id="obs_2", type="misconfiguration", value="zone-transfer:example.com",
                         module="zone_transfer", observed_at=AT.format(minute=9)),
            ),
            details={"alias": "old-shop.example.com", "target": "shop-legacy.cloud.example.net", "answer": "NXDOMAIN"},
        ),
        finding(
            finding_id="fnd_b", check="module:exposed_files/env", severity="critical",
            title="A file with credentials is published",
            asset="https://shop.example.com", description="The file .env can be fetched by anyone.",
            remedy="Remove the file and change every credential it held.",
            details={"url": "https://shop.example.com/.env", "status": 200},
            evidence=(Evidence(observation_id="obs_3", type="url", value="https://shop.example.com/.env",
                               module="exposed_files",
                               observed_at=AT.format(minute=21)),),
            chain=("target: domain example.com", "has host: host shop.example.com", "serves: url https://shop.example.com/",
                   "exposes: exposure env:https://shop.example.com (found by exposed_files)"),
        ),
        *(
            finding(finding_id=f"fnd_c{number}", asset=f"https://{name}.example.com", status=status, confidence=0.9)
            for number, (name, status) in enumerate(
                (("shop", "open"), ("www", "triaged"), ("blog", "open"), ("intranet", "accepted"), ("api", "open"),
                 ("status", "open"), ("docs", "in_progress"))
            )
        ),
        finding(finding_id="fnd_d", check="module:certificate/certificate-expired", severity="high",
                title="The certificate has expired", asset="mail.example.com:443",
                description="Visitors learn to click warnings away.", remedy="Renew the certificate automatically."),
        finding(finding_id="fnd_e", check="module:mail_policy/dmarc-missing", severity="medium",
                title="The domain has no DMARC policy",
                asset="example.com", description="Receivers are not told what to do with forged mail.",
                remedy="Publish a DMARC record.", first_seen="2026-02-01T00:00:00.000Z"),
        finding(finding_id="fnd_f", check="module:ssh_audit/ssh-weak-mac", severity="low",
                title="The SSH server offers weak message authentication", asset="192.0.2.3:22"),
        finding(finding_id="fnd_g", check="module:dns_server/dns-version-disclosed", severity="info",
                title="The name server tells its version", asset="192.0.2.2:53"),
    )  # fmt: skip
    return report(
        findings=findings,
        graph=graph(hosts=34),
        modules=tuple(
            ModuleRun(name=name, version="1.0.0", summary=text, tasks=tasks, observations=seen, errors=bad, seconds=t)
            for name, text, tasks, seen, bad, t in (
                ("resolve", "Looks names up and follows aliases.", 212, 318, 0, 4.2),
                ("zone_transfer", "Asks name servers for the whole zone.", 3, 57, 1, 0.4),
                ("crawler", "Walks a web site and reports its pages, forms and links.", 9, 640, 2, 31.7),
                ("certificate", "Reads the certificate that a server presents.", 14, 62, 0, 2.9),
            )
        ),
        observations_by_type={
            "host": 84, "ip": 36, "url": 540, "http_response": 498, "certificate": 12, "misconfiguration": 14,
        },
        log=(
            LogEntry(at=AT.format(minute=3), level="warning", module="zone_transfer",
                     message="192.0.2.2 refused: REFUSED"),
            LogEntry(at=AT.format(minute=30), level="error", module="crawler",
                     message="https://slow.example.com/: no answer within 10 s, tried 3 times"),
        ),
        notes=("The scan was paused for 12 minutes. Two pages of slow.example.com could not be read.",),
    )  # fmt: skip


def graph(hosts: int) -> ReportGraph:
    """A graph of a domain with so many hosts, each with an address, a port and a page, some at risk."""
    nodes = [GraphNode(id="d", label="example.com", type="domain")]
    edges: list[GraphEdge] = []

    def add(id_: str, label: str, type_: str, source: str, relation: str, risk: str = "") -> None:
        nodes.append(GraphNode(id=id_, label=label, type=type_, risk=risk))
        edges.append(GraphEdge(source, id_, relation))

    for number in range(hosts):
        risk = {3: "critical", 9: "high", 14: "medium"}.get(number % 20, "")
        add(f"h{number}", f"host{number}.example.com", "host", "d", "has_host", risk)
        address = f"a{number % 7}"
        if all(node.id != address for node in nodes):
            add(address, f"192.0.2.{number % 7}", "ip", f"h{number}", "resolves_to")
            add(f"p{number}", f"192.0.2.{number % 7}:443", "port", address, "listens_on")
        else:
            edges.append(GraphEdge(f"h{number}", address, "resolves_to"))
        if number % 3 == 0:
            add(f"u{number}", f"https://host{number}.example.com/", "url", f"h{number}", "serves")
        if risk:
            add(f"w{number}", f"csp-missing:host{number}", "misconfiguration", f"h{number}", "misconfigured_as", risk)
    return ReportGraph(nodes=tuple(nodes), edges=tuple(edges), nodes_left_out=261, edges_left_out=744)


def many(number: int) -> ReportData:
    """A report with so many findings, each of its own check."""
    severities = ("critical", "high", "medium", "low", "info")
    findings = tuple(
        finding(finding_id=f"fnd_{n}", check=f"module:m/c{n}", severity=severities[n % 5], asset=f"host{n}.example.com",
                title=f"Weakness number {n}")
        for n in range(number)
    )  # fmt: skip
    return msgspec.structs.replace(company(), findings=findings)
