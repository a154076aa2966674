"""The feeds against answers written after their documentation: what they tell, and that nobody is asked uninvited.

The files under `feeds/` follow RFC 9083, and the documented formats of crt.sh, AlienVault OTX, Have I Been Pwned and
AbuseIPDB.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import time_machine
from aiohttp import web

from contracts.modules import catalogue
from functions.collection.modules import all_modules, describe
from functions.collection.modules.breach import Breach
from functions.collection.modules.certificate_transparency import CertificateTransparency
from functions.collection.modules.passive_dns import PassiveDns
from functions.collection.modules.rdap import Rdap
from functions.collection.modules.reputation import Reputation
from functions.collection.providers import FeedConfig
from tests.collection.sites import site
from tests.collection.world import facts, observed, run, values

FILES = Path(__file__).parent / "feeds"
FEEDS = (Rdap, CertificateTransparency, PassiveDns, Breach, Reputation)
PUBLIC = "8.8.8.8"
"""An address whose owner is never asked: it only stands in questions to a server on loopback."""
ANSWERS = {
    "/domain/example.test": "rdap_domain.json",
    f"/ip/{PUBLIC}": "rdap_ip.json",
    "/": "crtsh.json",
    "/api/v1/indicators/domain/example.test/passive_dns": "otx_domain.json",
    "/api/v3/breacheddomain/example.test": "hibp_domain.json",
    "/api/v3/breaches": "hibp_breaches.json",
    "/api/v2/check": "abuseipdb.json",
}


class Provider:
    """Answers as the feeds do, and remembers what it was asked."""

    def __init__(self, status: int = 200, body: bytes | None = None) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._status = status
        self._body = body

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path_qs, dict(request.headers)))
        if self._body is not None or self._status != 200:
            return web.Response(status=self._status, body=self._body or b"{}", content_type="application/json")
        if request.path not in ANSWERS:
            return web.Response(status=404, text="{}")
        return web.Response(body=(FILES / ANSWERS[request.path]).read_bytes(), content_type="application/json")


async def told(
    module: type[Any], value: str, provider: Provider | None = None, kind: str = "domain", **config: Any
) -> Any:
    provider = provider or Provider()
    async with site(provider.handle) as root:
        settings = {"enabled": True, "base_url": root.rstrip("/"), **config}
        if "api_key" in module.config.model_fields:
            settings.setdefault("api_key", "k-123")
        return await run(module(), observed(kind, value), config=settings, targets=("example.test", PUBLIC))


@time_machine.travel("2026-01-15T00:00:00Z")
async def test_a_registration_is_read() -> None:
    result = await told(Rdap, "example.test")
    about = next(o for o in result.observations if o.type == "metadata").attributes
    assert (about["registered"], about["dnssec"]) == ("2001-02-03T04:05:06Z", True)
    assert about["name_servers"] == ["ns1.example.test"]
    assert values(result, "organisation") == ["Example Ltd", "Registrar Ltd"]
    assert values(result, "person") == ["Abuse Desk"]
    assert values(result, "email") == ["abuse@registrar.test"]
    assert set(values(result, "misconfiguration")) == {
        "domain-expires:example.test", "domain-transfer-unlocked:example.test",
    }  # fmt: skip


@time_machine.travel("2025-01-15T00:00:00Z")
async def test_a_registration_with_time_left_is_no_weakness() -> None:
    assert values(await told(Rdap, "example.test"), "misconfiguration") == ["domain-transfer-unlocked:example.test"]


async def test_the_network_of_an_address_is_read() -> None:
    result = await told(Rdap, PUBLIC, kind="ip")
    assert facts(result, "cidr", "organisation") == {("cidr", "198.51.100.0/24"), ("organisation", "Example Networks")}


async def test_logged_certificates_name_hosts() -> None:
    provider = Provider()
    result = await told(CertificateTransparency, "example.test", provider)
    assert values(result, "host") == ["shop.example.test", "www.example.test"]
    newest = next(o for o in result.observations if o.value == "www.example.test")
    assert newest.attributes["issuer"] == "C=US, O=Another"
    assert provider.asked[0][0] == "/?q=%25.example.test&output=json&exclude=expired"


async def test_records_that_others_saw_name_hosts() -> None:
    provider = Provider()
    result = await told(PassiveDns, "example.test", provider)
    assert values(result, "host") == ["example.test", "old.example.test"]
    assert values(result, "dns_record") == ["example.test MX mail.elsewhere.test", "old.example.test A 192.0.2.7"]
    assert provider.asked[0][1]["X-OTX-API-KEY"] == "k-123"


async def test_addresses_in_breaches_are_told_with_what_was_lost() -> None:
    result = await told(Breach, "example.test")
    assert values(result, "email") == ["ann@example.test", "bob@example.test"]
    found = {o.attributes["asset"]: o.attributes for o in result.observations if o.type == "exposure"}
    assert found["ann@example.test"]["check"] == "password-in-breach"
    assert found["bob@example.test"]["check"] == "address-in-breach"
    assert found["ann@example.test"]["evidence"]["breaches"][0] == {"name": "Adobe", "date": "2013-10-04"}


async def test_a_reported_address_is_told() -> None:
    result = await told(Reputation, PUBLIC, kind="ip")
    assert values(result, "exposure") == [f"address-reported:{PUBLIC}"]
    assert values(result, "organisation") == ["Example Hosting"]
    assert values(await told(Reputation, PUBLIC, kind="ip", least_score=90), "exposure") == []


@pytest.mark.parametrize("module", FEEDS)
async def test_nobody_is_asked_until_a_tenant_says_so(module: type[Any]) -> None:
    provider = Provider()
    for value, kind in (("example.test", "domain"), (PUBLIC, "ip")):
        result = await told(module, value, provider, kind, enabled=False)
        assert result.observations == []
    assert provider.asked == []
    assert module.config().enabled is False


@pytest.mark.parametrize("module", FEEDS)
async def test_nobody_is_asked_about_what_is_out_of_scope(module: type[Any]) -> None:
    provider = Provider()
    for value, kind in (("elsewhere.test", "domain"), ("9.9.9.9", "ip")):
        assert (await told(module, value, provider, kind)).observations == []
    assert provider.asked == []


@pytest.mark.parametrize("module", [Breach, Reputation])
async def test_a_missing_key_is_named(module: type[Any]) -> None:
    value, kind = ("example.test", "domain") if module is Breach else (PUBLIC, "ip")
    result = await told(module, value, None, kind, api_key="")
    assert any("asks for a key" in entry.message for entry in result.log)


ODD = [b"", b"[]", b"{}", b"null", b"7", b'"x"', b"[" * 100_000, b"<html>",
       b'{"events": 7, "entities": [7], "status": 7}',
       b'{"passive_dns": [7, {"hostname": 7}]}', b'{"ann": 7}', b'{"data": {"abuseConfidenceScore": "x"}}',
       b'{"data": 7}', b'[{"name_value": 7}]', b'{"entities": [{"vcardArray": ["vcard", [["fn"], 7]]}]}']  # fmt: skip


@pytest.mark.parametrize("module", FEEDS)
@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
async def test_odd_answers_do_no_harm(module: type[Any], body: bytes) -> None:
    value, kind = (PUBLIC, "ip") if module is Reputation else ("example.test", "domain")
    result = await told(module, value, Provider(body=body), kind)
    assert result.stats.failed == 0
    assert {o.type for o in result.observations} <= {"metadata"}


@pytest.mark.parametrize(
    ("status", "words"), [(401, "refuses the key"), (429, "as often as it will"), (500, "status 500")]
)
async def test_refusals_are_explained_and_tell_no_key(status: int, words: str) -> None:
    result = await told(Breach, "example.test", Provider(status))
    assert any(words in entry.message for entry in result.log)
    assert "k-123" not in repr(result)


def test_feeds_have_keys_that_are_secret_and_rates_of_their_own() -> None:
    feeds = [module for module in all_modules().values() if issubclass(module.config, FeedConfig)]
    assert {module.face.name for module in feeds} == {module.face.name for module in FEEDS}
    assert len({module.face.rate_group for module in feeds}) == len(feeds)
    for module in feeds:
        face = describe(module)
        assert face.data_source != "the target itself"
        assert face.secret_fields() == ({"api_key"} if "api_key" in module.config.model_fields else set())
        assert json.dumps(face.config_schema)
        assert catalogue()[face.name].secret_fields() == face.secret_fields()
