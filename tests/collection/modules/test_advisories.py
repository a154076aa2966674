# ruff: noqa: E501 - documents of others read best as they stand
"""Bills of materials, versions, and a snapshot of advisories: made, read, and asked."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.collection.advisories.build import build, main
from functions.collection.advisories.packages import make_purl, parse_purl
from functions.collection.advisories.sbom import NotAnSbom, read_sbom
from functions.collection.advisories.scores import base_score, severity_of
from functions.collection.advisories.snapshot import SETTING, Folder, Snapshot, SnapshotError, open_snapshot
from functions.collection.advisories.versions import UnknownVersion, is_affected, version_of
from functions.collection.modules.known_vulnerabilities import KnownVulnerabilities
from functions.collection.modules.sbom import SbomReader
from functions.collection.web import Site
from tests.collection.sites import files, site
from tests.collection.world import observed, run, values
from tests.kit import own_session

LODASH = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2021-23337"],
    "summary": "Command injection in lodash",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H"}],
    "references": [{"type": "WEB", "url": "https://example.test/lodash"}],
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "lodash"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "4.17.21"}]}],
        }
    ],
}
DJANGO = {
    "id": "PYSEC-2022-1",
    "aliases": ["CVE-2022-28346"],
    "details": "SQL injection",
    "database_specific": {"severity": "CRITICAL"},
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "Django"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "2.2"}, {"fixed": "2.2.28"}, {"introduced": "3.2"}, {"fixed": "3.2.13"}]},
                {"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]},
            ],
        }
    ],
}  # fmt: skip
OPENSSL = {
    "id": "DSA-1-1",
    "aliases": ["CVE-2014-0160"],
    "affected": [
        {
            "package": {"ecosystem": "Debian:12", "name": "openssl"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.0.11-1~deb12u2"}]}],
        }
    ],
}
GONE = {"id": "GHSA-gone", "withdrawn": "2024-01-01T00:00:00Z", "affected": LODASH["affected"]}
KEV = {"vulnerabilities": [{"cveID": "CVE-2014-0160", "dateAdded": "2022-05-04"}]}
EPSS = "#model_version:v2025,score_date:2026-01-01\ncve,epss,percentile\nCVE-2021-23337,0.0123,0.79\nCVE-2014-0160,0.94,0.99\n"
NGINX = {
    "id": "CVE-2021-23017",
    "descriptions": [{"lang": "en", "value": "Off-by-one in the resolver"}],
    "metrics": {"cvssMetricV31": [{"cvssData": {"baseScore": 7.7}}]},
    "configurations": [
        {
            "nodes": [
                {
                    "cpeMatch": [
                        {
                            "vulnerable": True,
                            "criteria": "cpe:2.3:a:f5:nginx:*:*:*:*:*:*:*:*",
                            "versionStartIncluding": "0.6.18",
                            "versionEndExcluding": "1.20.1",
                        }
                    ]
                }
            ]
        }
    ],
}


@pytest.fixture(name="snapshot")
def made_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A snapshot made from files as the sources publish them; the deployment's own."""
    osv = tmp_path / "osv"
    osv.mkdir()
    for entry in (LODASH, DJANGO, OPENSSL, GONE):
        (osv / f"{entry['id']}.json").write_text(json.dumps(entry))
    (tmp_path / "kev.json").write_text(json.dumps(KEV))
    (tmp_path / "epss.csv.gz").write_bytes(gzip.compress(EPSS.encode()))
    (tmp_path / "nvd.json").write_text(json.dumps({"vulnerabilities": [{"cve": NGINX}]}))
    out = tmp_path / "snapshot"
    build(out, osv=[osv], kev=tmp_path / "kev.json", epss=tmp_path / "epss.csv.gz", nvd=[tmp_path / "nvd.json"])
    monkeypatch.setenv(SETTING, str(out))
    open_snapshot.cache_clear()
    yield out
    open_snapshot.cache_clear()


CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "metadata": {"component": {"name": "shop", "version": "2.0"}},
    "components": [
        {"name": "lodash", "purl": "pkg:npm/lodash@4.17.20"},
        {"name": "inner", "components": [{"name": "django", "purl": "pkg:pypi/Django@3.2.12"}]},
        {"name": "no purl"},
    ],
}
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "name": "image",
    "packages": [
        {"name": "openssl", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:deb/debian/libssl3@3.0.9-1?arch=arm64&distro=debian-12&upstream=openssl"}]},
        {"name": "x", "externalRefs": "nonsense"},
    ],
}  # fmt: skip


async def judged(*observations: Any, **config: Any) -> Any:
    return await run(KnownVulnerabilities(), *observations, config=config)


def package(purl: str) -> Any:
    found = parse_purl(purl)
    return observed("software", purl.partition("?")[0], product=found.name, version=found.version, purl=purl,
                    asset="https://127.0.0.1/bom.json")  # fmt: skip


async def test_bills_are_found_where_sites_publish_them() -> None:
    pages = {"/bom.json": ("application/json", json.dumps(CYCLONEDX)), "/sbom.json": ("application/json", '{"a": 1}')}
    async with site(files(pages)) as root:
        result = await run(SbomReader(), observed("service", Site.of(root).service))
    assert values(result, "software") == ["pkg:npm/lodash@4.17.20", "pkg:pypi/Django@3.2.12"]
    document = next(o for o in result.observations if o.type == "file")
    assert (document.attributes["subject"], document.attributes["without_purl"]) == ("shop 2.0", 2)


async def test_a_named_document_that_is_none_is_named_in_the_log() -> None:
    pages = {
        "/app-sbom.json": ("application/json", "{" * 100_000),
        "/x.spdx.json": ("application/json", json.dumps(SPDX)),
    }
    async with site(files(pages)) as root:
        result = await run(SbomReader(), *(observed("url", root + path[1:]) for path in pages))
    assert values(result, "software") == ["pkg:deb/debian/libssl3@3.0.9-1"]
    assert any("app-sbom.json" in entry.message for entry in result.log)
    assert result.stats.failed == 0


async def test_what_is_known_of_packages_and_products_is_told(snapshot: Path) -> None:
    result = await judged(
        package("pkg:npm/lodash@4.17.20"),
        package("pkg:npm/lodash@4.17.21"),
        package("pkg:pypi/django@3.2.12"),
        package("pkg:pypi/django@3.1"),
        package("pkg:deb/debian/libssl3@3.0.9-1?distro=debian-12&upstream=openssl"),
        package("pkg:deb/debian/libssl3@3.0.9-1?distro=debian-11&upstream=openssl"),
        observed(
            "software", "cpe:2.3:a:f5:nginx:1.18.0:*:*:*:*:*:*:*", product="nginx", version="1.18.0", asset="h:80"
        ),
        observed(
            "software", "cpe:2.3:a:f5:nginx:1.20.1:*:*:*:*:*:*:*", product="nginx", version="1.20.1", asset="h:81"
        ),
    )
    found = {(o.attributes["check"], o.attributes["asset"].rpartition("/")[2]): o for o in result.observations}
    assert set(found) == {
        ("known-cve-2021-23337", "lodash"),
        ("known-cve-2022-28346", "django"),
        ("known-cve-2014-0160", "libssl3"),
        ("known-cve-2021-23017", "h:80"),
    }
    lodash = found["known-cve-2021-23337", "lodash"]
    assert lodash.attributes["severity"] == "high"
    assert lodash.attributes["remedy"] == "Update lodash to 4.17.21."
    assert lodash.attributes["evidence"]["cvss"] == 7.2
    assert lodash.attributes["evidence"]["epss"] == 0.0123
    heartbleed = found["known-cve-2014-0160", "libssl3"]
    assert heartbleed.attributes["evidence"]["known_exploited_since"] == "2022-05-04"
    assert heartbleed.attributes["severity"] == "high"
    assert found["known-cve-2022-28346", "django"].attributes["severity"] == "critical"
    assert found["known-cve-2021-23017", "h:80"].confidence == 0.5
    assert {o.confidence for o in found.values()} == {0.5, 0.95}


async def test_what_is_worth_a_finding_can_be_set(snapshot: Path) -> None:
    both = (package("pkg:npm/lodash@4.17.20"), package("pkg:pypi/django@3.2.12"))
    assert len((await judged(*both, least_severity="critical")).observations) == 1
    likely = await judged(*both, least_probability=0.5)
    assert {o.attributes["check"] for o in likely.observations} == {"known-cve-2022-28346"}


async def test_without_a_snapshot_the_log_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    result = await judged(package("pkg:npm/lodash@4.17.20"))
    assert (result.observations, ["no snapshot" in entry.message for entry in result.log]) == ([], [True])


async def test_a_damaged_snapshot_is_not_believed(snapshot: Path) -> None:
    for path in snapshot.glob("osv/npm/*"):
        path.write_bytes(path.read_bytes() + b"x")
    result = await judged(package("pkg:npm/lodash@4.17.20"))
    assert result.observations == []
    assert any("damaged" in entry.message for entry in result.log)
    (snapshot / "manifest.json").write_text("{}")
    with pytest.raises(SnapshotError):
        Snapshot(Folder(snapshot))


def test_a_snapshot_is_read_from_a_bucket(snapshot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto import mock_aws

    from kernel import aws

    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with own_session(), mock_aws():
        client = aws.client("s3")
        client.create_bucket(Bucket="facts")
        for path in snapshot.rglob("*"):
            if path.is_file():
                key = f"platform/advisories/{path.relative_to(snapshot).as_posix()}"
                client.put_object(Bucket="facts", Key=key, Body=path.read_bytes())
        found = open_snapshot("s3://facts/platform/advisories")
        assert found is not None
        assert [entry["id"] for entry in found.advisories("npm", "lodash")] == ["GHSA-aaaa-bbbb-cccc"]
        assert found.advisories("npm", "left-pad") == []
        assert open_snapshot("s3://facts/elsewhere") is None


def test_a_snapshot_is_made_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kev.json").write_text(json.dumps(KEV))
    assert main([str(tmp_path / "out"), "--kev", str(tmp_path / "kev.json")]) == 0
    assert json.loads(capsys.readouterr().out)["kev"]["entries"] == 1
    assert main([str(tmp_path / "none")]) == 1


def span(*events: dict[str, str], kind: str = "ECOSYSTEM") -> dict[str, Any]:
    return {"ranges": [{"type": kind, "events": list(events)}]}


@pytest.mark.parametrize(
    ("ecosystem", "version", "affected", "verdict"),
    [
        ("npm", "4.17.20", span({"introduced": "0"}, {"fixed": "4.17.21"}, kind="SEMVER"), True),
        ("npm", "4.17.21-rc.1", span({"introduced": "0"}, {"fixed": "4.17.21"}, kind="SEMVER"), True),
        ("npm", "4.9.0", span({"introduced": "4.10.0"}), False),
        ("npm", "10.0.0", span({"introduced": "9.0.0"}, {"last_affected": "10.0.0"}), True),
        ("npm", "10.0.1", span({"introduced": "9.0.0"}, {"last_affected": "10.0.0"}), False),
        ("PyPI", "1.0rc1", span({"introduced": "1.0"}), False),
        ("PyPI", "1.0.post1", span({"introduced": "0"}, {"fixed": "1.0"}), False),
        ("PyPI", "2!0.1", span({"introduced": "0"}, {"fixed": "99"}), False),
        ("Maven", "1.0-SNAPSHOT", span({"introduced": "0"}, {"fixed": "1.0"}), True),
        ("Maven", "2.0.10", span({"introduced": "2.0.9"}), True),
        ("Go", "v1.9.0", span({"introduced": "0"}, {"fixed": "1.10.0"}, kind="SEMVER"), True),
        ("Go", "1.10.0", span({"introduced": "0"}, {"fixed": "1.10.0"}, kind="SEMVER"), False),
        ("RubyGems", "1.0.0.pre", span({"introduced": "1.0.0"}), False),
        ("Packagist", "v2.1.0", span({"introduced": "2.0"}, {"fixed": "2.2.0"}), True),
        ("NuGet", "1.0.0-beta", span({"introduced": "0"}, {"fixed": "1.0.0"}), True),
        ("crates.io", "0.3.9", span({"introduced": "0.3.0"}, {"fixed": "0.3.10"}, kind="SEMVER"), True),
        ("Debian:12", "1:2.0-1~deb12u1", span({"introduced": "0"}, {"fixed": "1:2.0-1"}), True),
        ("Debian:12", "1:1.0-1", span({"introduced": "0"}, {"fixed": "2.0-1"}), False),
        ("Alpine:v3.19", "1.2.3-r2", span({"introduced": "0"}, {"fixed": "1.2.3-r10"}), True),
        ("Red Hat", "1:1.0-3.el9", span({"introduced": "0"}, {"fixed": "1:1.0-12.el9"}), True),
        ("npm", "2.0.0", span({"introduced": "1.0.0"}, {"fixed": "1.5.0"}, {"introduced": "2.0.0"}, {"fixed": "2.1.0"}), True),
        ("npm", "1.7.0", span({"introduced": "1.0.0"}, {"fixed": "1.5.0"}, {"introduced": "2.0.0"}), False),
        ("npm", "1.0.0", {"versions": ["1.0.0"]}, True),
        ("npm", "1.0.1", {"versions": ["1.0.0"]}, False),
        ("npm", "1.0.0", {"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, False),
        ("npm", "1.0.0", span({"introduced": "nonsense"}), False),
    ],
)  # fmt: skip
def test_ranges_follow_the_rules_of_each_ecosystem(
    ecosystem: str, version: str, affected: dict[str, Any], verdict: bool
) -> None:
    assert is_affected(ecosystem, version, affected) is verdict


@pytest.mark.parametrize(
    ("older", "newer"),
    [("1.18.0", "1.20.1"), ("9.6", "9.6p1"), ("1.0.2k", "1.0.2l"), ("1.0.2", "1.0.2k"), ("2.4.9", "2.4.10"),
     ("1.0rc1", "1.0"), ("1.0-beta", "1.0"), ("8.9p1", "9.0p1"), ("1.0", "1.0.1")],
)  # fmt: skip
def test_products_compare_by_the_natural_order(older: str, newer: str) -> None:
    assert version_of("", older) < version_of("", newer)
    assert version_of("", newer) > version_of("", older)


def test_a_version_that_is_none_is_unknown() -> None:
    for ecosystem in ("npm", "PyPI", "Go", "NuGet", ""):
        with pytest.raises(UnknownVersion):
            version_of(ecosystem, "no version")
        with pytest.raises(UnknownVersion):
            version_of(ecosystem, "1" * 5000)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_the_natural_order_is_that_of_numbers(one: list[int], other: list[int]) -> None:
    left, right = (version_of("", ".".join(map(str, parts))) for parts in (one, other))
    padded = [parts + [0] * (4 - len(parts)) for parts in (one, other)]
    assert (left < right) == (padded[0] < padded[1])
    assert (left == right) == (padded[0] == padded[1])


@pytest.mark.parametrize(
    ("purl", "ecosystem", "name", "version"),
    [
        ("pkg:npm/%40scope/name@1.0.0", "npm", "@scope/name", "1.0.0"),
        ("pkg:maven/org.apache/log4j@2.0?type=jar", "Maven", "org.apache:log4j", "2.0"),
        ("pkg:golang/github.com/a/b@v1.0.0#sub", "Go", "github.com/a/b", "v1.0.0"),
        ("pkg:deb/ubuntu/x@1%3A2-1?distro=ubuntu-22.04", "Ubuntu:22.04", "x", "1:2-1"),
        ("pkg:apk/alpine/musl@1.2.4-r0?distro=alpine-3.19.1", "Alpine:v3.19", "musl", "1.2.4-r0"),
        ("pkg:composer/a/b", "Packagist", "a/b", ""),
        ("pkg:unheard/of@1", "", "of", "1"),
    ],
)
def test_package_urls(purl: str, ecosystem: str, name: str, version: str) -> None:
    found = parse_purl(purl)
    assert (found.ecosystem, found.name, found.version) == (ecosystem, name, version)


@given(st.text(min_size=1, max_size=60))
def test_any_text_is_a_package_url_or_an_error(text: str) -> None:
    for candidate in (text, f"pkg:npm/{text}", make_purl("npm", text, "1.0")):
        try:
            parse_purl(candidate)
        except ValueError:
            continue


HOSTILE = [
    b"", b"[]", b"{}", b"null", b'{"bomFormat": "CycloneDX", "bomFormat": "x"}', b"\xff\xfe{\x00}\x00", b"[" * 200_000,
    b'{"bomFormat": 7}', json.dumps({**CYCLONEDX, "components": [{"purl": f"pkg:npm/x{n}@1"} for n in range(20_001)]}).encode(),
    b"<?xml version='1.0'?><bom/>", b'{"a": ' * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_documents_are_refused(body: bytes) -> None:
    with pytest.raises(NotAnSbom):
        read_sbom(body)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(["components", "purl", "packages", "externalRefs", "metadata", "component", "name"]), x
            )
        ),
        max_leaves=8,
    )
)
def test_odd_documents_are_read_or_refused(value: object) -> None:
    for head in ({"bomFormat": "CycloneDX"}, {"spdxVersion": "SPDX-2.3"}):
        body = json.dumps({**head, **(value if isinstance(value, dict) else {"components": value, "packages": value})})
        assert read_sbom(body.encode()).skipped >= 0


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 1.8),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:4.0/AV:N", None),
        ("CVSS:3.1/AV:X", None),
        ("", None),
    ],
)
def test_scores_are_those_of_the_specification(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


def test_scores_have_words() -> None:
    assert [severity_of(s).value for s in (9.0, 7.0, 4.0, 0.1)] == ["critical", "high", "medium", "low"]
    assert severity_of(None, "MODERATE").value == "medium"
