"""What correlation costs: all rules of the product on a scan's facts, at once and wave by wave, beside SpiderFoot.

Each figure is measured in a process of its own, so that its memory is its own:
`python -m tests.bench.bench_correlation at_once 50000` prints one measurement as JSON.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from contracts.facts import encode_rows
from contracts.observations import Observation, observation_id
from functions.intelligence.model.correlation.builtin import builtin_rules, rule_texts
from functions.intelligence.model.correlation.engine import RuleSet, compile_rules
from functions.intelligence.model.reducer import Scan
from functions.intelligence.model.state import ReducerState
from functions.intelligence.model.wave import reduce_wave
from tests.bench.figure import Figure
from tests.bench.surroundings import Surroundings

GROUP = "correlation"
LIMITS = {50_000: 3.0, 500_000: 30.0}
"""Seconds of all rules on so many facts."""
STATED = {10_000: 8.4, 50_000: 88.7}
"""Seconds of SpiderFoot 4.0's 37 rules on so many of its events, as this project's design states."""
MEMORY = 512
WAVES = 10
BATCH = 1_000
SHARED = 100_000
NO_RULES = RuleSet(())
ROOT = Path(__file__).resolve().parents[2]

EVERYTHING = """id: everything
version: 1
meta: {name: Everything, description: Matches all there is., risk: INFO}
collections:
  - collect:
      - {method: regex, field: type, value: '.'}
      - {method: regex, field: data, value: '(.*)*(a|b|[a-z0-9]+)*$'}
aggregation: {field: data}
headline: "{data}"
"""
"""A rule that matches everything, by a pattern over which others search for ever."""

CHECKS = (
    ("misconfiguration", "tls-old-protocol"), ("misconfiguration", "tls-weak-cipher"), ("exposure", "exposed-git"),
    ("misconfiguration", "certificate-expired"), ("misconfiguration", "csp-missing"), ("exposure", "smb-null-session"),
    ("misconfiguration", "hsts-missing"), ("misconfiguration", "cookie-not-secure"), ("vulnerability", "reflected-xss"),
    ("vulnerability", "sql-injection"), ("exposure", "redis-without-password"), ("exposure", "ntp-control"),
)  # fmt: skip


def company(number: int) -> Iterator[Observation]:
    """Facts of every kind that rules read: sites with pages, forms and software, ports with banners, weaknesses."""
    chance = random.Random(1)
    made = 0

    def fact(type_: str, value: str, source: str, module: str, **attributes: object) -> Observation:
        nonlocal made
        made += 1
        at = f"2026-01-01T{made // 3_600_000:02}:{made // 60_000 % 60:02}:{made // 1000 % 60:02}.{made % 1000:03}Z"
        return Observation(
            id=observation_id("scan", type_, value, source), type=type_, value=value, source_id=source, module=module,
            module_version="1.0.0", observed_at=at, attributes=attributes, confidence=0.9,
        )  # fmt: skip

    root = fact("domain", "example.com", "", "target")
    yield root
    for site in range(number):
        name = f"{chance.choice(('www', 'dev', 'db', 'app', 'mail'))}{site}.example.com"
        host = fact("host", name, root.id, chance.choice(("subdomains", "certificate_transparency", "crawler")))
        yield host
        address = fact("ip", f"10.{site // 65536 % 256}.{site // 256 % 256}.{site % 256}", host.id, "resolve")
        yield address
        for open_port in (22, 443, chance.choice((25, 445, 3389, 5432, 6379, 8080))):
            port = fact("port", f"{address.value}:{open_port}", address.id, "tcp_connect", protocol="tcp")
            yield port
            words = f"SSH-2.0-OpenSSH_{chance.choice(('9.9', '9.6', '7.4'))}"
            yield fact("banner", f"{port.value} {words}", port.id, "banner", text=words)
            if chance.random() < 0.3:
                kind, check = chance.choice(CHECKS)
                yield fact(
                    kind, f"{check}:{port.value}", port.id, "audit", check=check, asset=port.value,
                    severity="medium", title="T", description="D" * 100, remedy="R" * 60,
                )  # fmt: skip
        service = fact("service", f"https://{name}:443", host.id, "http_probe", protocol="https")
        yield service
        asset = f"https://{name}"
        for page in range(8):
            url = fact("url", f"{asset}/page/{page}", service.id, "crawler")
            yield url
            answer = fact(
                "http_response", url.value, url.id, "crawler", status=200, title=f"Page {page}",
                headers={"server": chance.choice(("nginx", "apache", "iis"))},
            )  # fmt: skip
            yield answer
        yield fact("web_form", f"{asset}/login#post:name,password", answer.id, "crawler")
        version = chance.choice(("7.4.3", "8.1.2", "8.4.1"))
        software = fact("software", f"cpe:2.3:a:php:php:{version}:*", answer.id, "technology", asset=asset)
        yield software
        if version < "8.2":
            known = {"known_exploited_since": "2026-01-01"} if chance.random() < 0.2 else {"epss": chance.random()}
            yield fact(
                "vulnerability", f"known-cve-{site % 300}:{asset}", software.id, "known_vulnerabilities",
                check=f"known-cve-{site % 300}", asset=asset, severity="high", evidence=known,
            )  # fmt: skip
        if made >= number:
            return


def shared_address(number: int) -> Iterator[Observation]:
    """So many hosts with one address: one fact, however many edges lead to it."""
    facts = company(1)
    root = next(facts)
    yield root
    for each in range(number // 2):
        name = f"h{each}.example.com"
        host = Observation(
            id=observation_id("scan", "host", name, root.id), type="host", value=name, source_id=root.id,
            module="subdomains", module_version="1.0.0", observed_at=root.observed_at,
        )  # fmt: skip
        yield host
        yield Observation(
            id=observation_id("scan", "ip", "192.0.2.1", host.id), type="ip", value="192.0.2.1", source_id=host.id,
            module="resolve", module_version="1.0.0", observed_at=root.observed_at,
        )  # fmt: skip


def batches(facts: Iterator[Observation], number: int) -> Iterator[bytes]:
    """Encoded segments of `number` facts in all; their making is not measured."""
    rows: list[Observation] = []
    for count, observation in enumerate(facts, 1):
        rows.append(observation)
        if len(rows) == BATCH or count == number:
            yield encode_rows(rows)
            rows = []
        if count == number:
            return
    if rows:
        yield encode_rows(rows)


def _measured(facts: Iterator[Observation], rules: RuleSet, number: int) -> dict[str, float]:
    """All rules over facts at once, nothing matched before, the columns being loaded."""
    kept: dict[str, bytes] = {}
    scan = Scan("tenant", "scan", keep_attributes=rules.attributes)
    manifest = reduce_wave(scan, 0, [], batches(facts, number), NO_RULES, kept.__setitem__)
    state = ReducerState.load([kept[manifest.state]])
    begin = time.process_time()
    results = rules.evaluate(state, rules.absorb(state, 0), set(state.types.all))
    seconds = time.process_time() - begin
    hits = [each for each in results if each.detections]
    return {"seconds": seconds, "rules": len(rules.rules), "hit": len(hits), "left_out": sum(e.left_out for e in hits)}


def at_once(number: int) -> dict[str, float]:
    """The product's rules over a company's facts."""
    return _measured(company(number), builtin_rules(), number)


def shared(number: int) -> dict[str, float]:
    """The same over hosts that share an address."""
    return _measured(shared_address(number), builtin_rules(), number)


def everything(number: int) -> dict[str, float]:
    """The product's rules and one that matches everything."""
    return _measured(company(number), compile_rules({**rule_texts(), "everything.yaml": EVERYTHING}), number)


def by_wave(number: int) -> dict[str, float]:
    """The reducing worker over ten waves: what correlation adds to its time, and its memory at the most."""
    segments = list(batches(company(number), number))
    states: list[bytes] = []
    per_wave = -(-len(segments) // WAVES)
    slowest = 0.0
    for wave in range(WAVES):
        kept: dict[str, bytes] = {}

        def keep(key: str, body: bytes, kept: dict[str, bytes] = kept) -> None:
            if "/state/" in key:
                kept[key] = body

        begin = time.process_time()
        own = segments[wave * per_wave : (wave + 1) * per_wave]
        manifest = reduce_wave(Scan("tenant", "scan"), wave, states, own, builtin_rules(), keep)
        slowest = max(slowest, time.process_time() - begin)
        states.append(kept[manifest.state])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return {"slowest": slowest, "megabytes": peak}


def figures(_surroundings: Surroundings) -> Iterator[Figure]:
    """All figures, each measured in a process of its own."""
    for number in sorted({*LIMITS, *STATED}):
        found = _apart("at_once", number)
        name = f"{found['rules']:.0f} rules ({found['hit']:.0f} hit) on {number:,} facts"
        if number in LIMITS:
            yield Figure(GROUP, name, found["seconds"], "s", LIMITS[number])
        if number in STATED:
            against = "SpiderFoot 4.0, 37 rules (stated)"
            yield Figure(GROUP, name, found["seconds"], "s", STATED[number], against=against, is_peer=True)
    found = _apart("by_wave", 500_000)
    yield Figure(GROUP, "reducing worker at 500,000 facts in 10 waves, memory", found["megabytes"], "MB", MEMORY)
    yield Figure(GROUP, "the same, its slowest wave", found["slowest"], "s", 30)
    for what, words in (("shared", "hosts on one address"), ("everything", "and a rule that matches all of them")):
        found = _apart(what, SHARED)
        yield Figure(GROUP, f"rules on {SHARED:,} facts: {words}", found["seconds"], "s", 6)


def _apart(what: str, number: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.bench_correlation", what, str(number)]
    paths = f"{ROOT}:{ROOT / 'layers/kernel/python'}"
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": paths}, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def main() -> None:
    """One measurement as JSON: its name, then its size."""
    measures: tuple[Callable[[int], dict[str, float]], ...] = (at_once, shared, everything, by_wave)
    measure = {each.__name__: each for each in measures}[sys.argv[1]]
    print(json.dumps(measure(int(sys.argv[2]))))


if __name__ == "__main__":
    main()
