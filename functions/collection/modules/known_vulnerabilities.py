"""Known vulnerabilities of what was found: packages by the rules of their ecosystem, products by their CPE."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from contracts.findings import SEVERITY_ORDER, Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.advisories.packages import parse_purl
from functions.collection.advisories.scores import severity_of
from functions.collection.advisories.snapshot import Snapshot, SnapshotError, deployed_snapshot
from functions.collection.advisories.versions import UnknownVersion, is_affected, version_of
from functions.collection.module import Config, Context, Found, Module
from functions.collection.weakness import Check

NVD = "https://nvd.nist.gov/vuln/detail/{}"
OSV = "https://osv.dev/vulnerability/{}"
PRODUCT = ""
"""The ecosystem of products that belong to none: their versions compare by the natural order."""


class KnownVulnerabilitiesConfig(Config):
    """Which vulnerabilities are worth a finding."""

    least_severity: Annotated[Severity, Field(description="Vulnerabilities below it are left out.")] = Severity.LOW
    least_probability: Annotated[
        float,
        Field(ge=0, le=1, description="Leave out what is less likely to be exploited (EPSS) and is not known to be."),
    ] = 0.0


@dataclass(frozen=True, slots=True)
class Flaw:
    """A vulnerability that a product at a version has. `probability` is EPSS' (score, percentile)."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: Severity
    score: float | None
    fixed: tuple[str, ...]
    references: tuple[str, ...]
    exploited_since: str = ""
    probability: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The flaws of one product, and how sure its version is."""

    flaws: list[Flaw] = field(default_factory=list)
    confidence: float = 0.0


class KnownVulnerabilities(Module[Verdict]):
    """Looks software up in the deployment's snapshot of advisories; nothing is sent to anybody."""

    face = ModuleFace(
        name="known_vulnerabilities",
        version="1.0.0",
        summary="Looks software up in offline snapshots of OSV, NVD, KEV and EPSS",
        consumes=(ObservationType.SOFTWARE,),
        produces=(ObservationType.VULNERABILITY,),
        matching=r"^(pkg:|cpe:2\.3:[aoh]:)",
        invasiveness=Invasiveness.PASSIVE,
        batch_size=500,
        concurrency=8,
        data_source="OSV, NVD, CISA KEV and FIRST EPSS, as a snapshot that the deployment provides (see advisories.md)",
    )
    config = KnownVulnerabilitiesConfig

    async def get(self, observation: Observation, context: Context) -> Verdict:
        """The flaws of one product. Without a snapshot there are none, and the log says so."""
        try:
            snapshot = await asyncio.to_thread(deployed_snapshot)
            if snapshot is None:
                context.log.info("no snapshot of advisories is configured: software is not looked up")
                return Verdict()
            flaws = await asyncio.to_thread(lambda: list(_flaws(observation, snapshot)))
        except SnapshotError as error:
            context.log.warning("the snapshot of advisories cannot be used: %s", error)
            return Verdict()
        except UnknownVersion as error:
            context.log.debug("%s: %s", observation.value, error)
            return Verdict()
        wanted = [flaw for flaw in flaws if _is_wanted(flaw, context.config)]
        return Verdict(wanted, 0.95 if observation.value.startswith("pkg:") else 0.5)

    def transform(self, observation: Observation, raw: Verdict) -> Iterable[Found]:
        """A vulnerability for each. A version in a banner may be one that a distribution has mended."""
        product = str(observation.attributes.get("product") or observation.value)
        version = str(observation.attributes.get("version") or "")
        asset = str(observation.attributes.get("asset") or observation.value)
        if observation.value.startswith("pkg:"):
            asset = f"{asset}#{observation.value.partition('@')[0]}"
        for flaw in raw.flaws:
            yield _check(flaw, product, version).at(asset, _evidence(flaw, product, version), confidence=raw.confidence)


def _flaws(observation: Observation, snapshot: Snapshot) -> Iterator[Flaw]:
    if observation.value.startswith("pkg:"):
        package = parse_purl(str(observation.attributes.get("purl") or observation.value))
        if package.ecosystem and package.version:
            yield from _of_package(package.ecosystem, package.name, package.version, snapshot)
        return
    fields = observation.value.split(":")
    if len(fields) > 5 and fields[5] not in ("*", "-", ""):
        yield from _of_product(fields[3].replace("\\", ""), fields[4].replace("\\", ""), fields[5], snapshot)


def _of_package(ecosystem: str, name: str, version: str, snapshot: Snapshot) -> Iterator[Flaw]:
    seen: set[str] = set()
    for advisory in snapshot.advisories(ecosystem, name):
        if not _same_release(ecosystem, str(advisory["ecosystem"])) or seen & {advisory["id"], *advisory["aliases"]}:
            continue
        if is_affected(str(advisory["ecosystem"]), version, advisory):
            seen |= {advisory["id"], *advisory["aliases"]}
            fixed = [str(e["fixed"]) for r in advisory.get("ranges", ()) for e in r["events"] if "fixed" in e]
            yield _flaw(advisory, tuple(fixed), snapshot)


def _of_product(vendor: str, product: str, version: str, snapshot: Snapshot) -> Iterator[Flaw]:
    subject = version_of(PRODUCT, version)
    seen: set[str] = set()
    for entry in snapshot.products(vendor, product):
        if entry["id"] not in seen and _is_within(subject, version, entry):
            seen.add(entry["id"])
            yield _flaw(entry, (entry["before"],) if "before" in entry else (), snapshot)


def _is_within(subject: Any, version: str, entry: dict[str, Any]) -> bool:
    """Whether a version lies within the bounds that NVD states; an entry about any version at all tells nothing."""
    if "exactly" in entry:
        return bool(entry["exactly"] == version)
    tests = {
        "from": lambda bound: bound <= subject,
        "after": lambda bound: bound < subject,
        "to": lambda bound: subject <= bound,
        "before": lambda bound: subject < bound,
    }
    bounds = {name: entry[name] for name in tests if name in entry}
    try:
        return bool(bounds) and all(tests[name](version_of(PRODUCT, text)) for name, text in bounds.items())
    except UnknownVersion:
        return False


def _same_release(ecosystem: str, affected: str) -> bool:
    """A package of one release of a distribution is judged by that release; where it is not known, by none."""
    base, _, release = ecosystem.partition(":")
    other, _, about = affected.partition(":")
    return base == other and (not about or (bool(release) and about.split(":")[0] == release))


def _flaw(entry: dict[str, Any], fixed: tuple[str, ...], snapshot: Snapshot) -> Flaw:
    names = [entry["id"], *entry.get("aliases", [])]
    cve = next((name for name in names if name.startswith("CVE-")), "")
    score = entry.get("score")
    since = snapshot.exploited_since(cve) if cve else ""
    severity = severity_of(score, str(entry.get("word", "")))
    if since and SEVERITY_ORDER[severity] > SEVERITY_ORDER[Severity.HIGH]:
        severity = Severity.HIGH
    link = NVD.format(cve) if cve else OSV.format(entry["id"])
    return Flaw(
        cve or entry["id"],
        tuple(name for name in names if name != cve),
        str(entry.get("summary") or ""),
        severity,
        score,
        fixed,
        (link, *entry.get("references", [])[:5]),
        since,
        snapshot.probability(cve) if cve else None,
    )


def _is_wanted(flaw: Flaw, config: KnownVulnerabilitiesConfig) -> bool:
    likely = flaw.probability is None or flaw.probability[0] >= config.least_probability
    is_grave = SEVERITY_ORDER[flaw.severity] <= SEVERITY_ORDER[config.least_severity]
    return is_grave and (likely or bool(flaw.exploited_since))


def _check(flaw: Flaw, product: str, version: str) -> Check:
    remedy = f"Update {product} to {' or '.join(flaw.fixed)}." if flaw.fixed else f"Update or replace {product}."
    known = " It is known to be exploited." if flaw.exploited_since else ""
    return Check(
        f"known-{flaw.id.lower()}",
        ObservationType.VULNERABILITY,
        flaw.severity,
        f"{product} {version} has the vulnerability {flaw.id}",
        (flaw.summary or f"{product} {version} is listed as vulnerable.") + known,
        remedy,
        flaw.references,
    )


def _evidence(flaw: Flaw, product: str, version: str) -> dict[str, Any]:
    return {
        "product": product,
        "version": version,
        "aliases": list(flaw.aliases),
        "cvss": flaw.score,
        "fixed": list(flaw.fixed),
        "known_exploited_since": flaw.exploited_since,
        "epss": flaw.probability[0] if flaw.probability else None,
        "epss_percentile": flaw.probability[1] if flaw.probability else None,
    }
