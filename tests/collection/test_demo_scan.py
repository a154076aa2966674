"""A whole scan of the demo targets, wave after wave: exactly the weaknesses that were put there, on every run."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.targets.__main__ import Running, serving
from infra.local.targets.sites import FAKE_KEY, FAKE_PASSWORD
from kernel.egress import DnsSettings
from tests.collection.waves import Scan, scan

ANY_PORTS = {"dns": 0, "shop": 0, "portal": 0, "ssh": 0, "mail": 0}
EXPECTED = {
    "zone": {"zone-transfer", "spf-allows-all", "dmarc-missing", "caa-missing"},
    "alias": {"dangling-alias"},
    "name server": {"dns-version-disclosed"},
    "shop": {
        "content-type-sniffing", "cookie-no-samesite", "cookie-not-httponly", "csp-missing", "exposed-backup",
        "exposed-env", "exposed-git", "frame-protection-missing", "login-over-http", "referrer-policy-missing",
        "security-txt-missing", "server-version-disclosed",
    },
    "settings page": {"secret-in-page"},
    "portal": {"hsts-missing"},
    "portal certificate": {"certificate-expired"},
    "ssh": {"ssh-weak-kex", "ssh-weak-host-key", "ssh-weak-cipher", "ssh-weak-mac"},
    "mail": {"smtp-no-starttls"},
}  # fmt: skip


def expected(running: Running) -> dict[str, set[str]]:
    """The expected checks by asset, where the servers happen to listen."""
    zone, shop, portal, ssh, mail = (target.address.rstrip("/") for target in running.targets)
    places = {
        "zone": zone,
        "alias": f"shop.{zone}",
        "name server": running.nameservers.partition("=")[2],
        "shop": shop,
        "settings page": f"{shop}/config.js",
        "portal": portal,
        "portal certificate": portal.removeprefix("https://"),
        "ssh": ssh,
        "mail": mail,
    }
    return {places[name]: checks for name, checks in EXPECTED.items()}


async def scanned(running: Running) -> Scan:
    own = running.nameservers.partition("=")[2]
    dns = DnsSettings.parse(f"{own} {running.nameservers}")
    return await scan([target.address for target in running.targets], dns=dns)


async def test_a_scan_finds_exactly_what_is_weak(tmp_path: Path) -> None:
    async with serving(tmp_path, ANY_PORTS) as running:
        found = await scanned(running)
        assert found.weaknesses() == expected(running)
        assert found.errors() == []
        again = await scanned(running)
    assert again.observations == found.observations
    assert {o.value for o in found.of_type("host")} >= {
        f"{name}.demo.palisade.test" for name in ("www", "mail", "intranet", "staging", "payroll-archive", "portal")
    }
    assert {o.attributes["product"] for o in found.of_type("software")} == {
        "http_server", "php", "jquery", "openssh", "exim", "bind",
    }  # fmt: skip


async def test_no_secret_is_stored_whole(tmp_path: Path) -> None:
    """The canary: both planted secrets are seen, and neither is in any fact."""
    async with serving(tmp_path, ANY_PORTS) as running:
        found = await scanned(running)
    assert {o.attributes["kind"] for o in found.of_type("secret")} == {"aws-access-key", "assigned-secret"}
    everything = repr(list(found.observations.values()))
    assert FAKE_KEY not in everything
    assert FAKE_PASSWORD not in everything


async def test_every_weakness_says_what_to_do(tmp_path: Path) -> None:
    async with serving(tmp_path, ANY_PORTS) as running:
        found = await scanned(running)
    for item in found.of_type("misconfiguration", "exposure", "vulnerability"):
        attributes = item.attributes
        assert item.value == f"{attributes['check']}:{attributes['asset']}"
        assert attributes["severity"] in ("critical", "high", "medium", "low", "info")
        assert all(attributes[name] for name in ("title", "description", "remedy", "references", "evidence"))


@pytest.mark.parametrize("modules", [("crawler",), ("resolve", "zone_transfer"), ("http_probe", "web_headers")])
async def test_a_scan_runs_the_modules_it_names(tmp_path: Path, modules: tuple[str, ...]) -> None:
    async with serving(tmp_path, ANY_PORTS) as running:
        found = await scan(
            [target.address for target in running.targets], modules, dns=DnsSettings.parse(running.nameservers)
        )
    assert {o.module for o in found.observations.values()} == {"target", *modules}
