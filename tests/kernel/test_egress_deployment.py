"""What a deployment's environment opens and shuts."""

from __future__ import annotations

import pytest

from kernel.egress import EgressDenied
from kernel.egress.deployment import dns_settings, partner_policy, scan_policy


def test_a_deployment_that_says_nothing_reaches_the_public_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SCAN_REALMS", "OWN_PORTS", "OWN_HOSTS", "NAMESERVERS"):
        monkeypatch.delenv(name, raising=False)
    scan_policy().check("1.1.1.1", 443)
    for policy in (scan_policy(), partner_policy()):
        for address in ("127.0.0.1", "10.0.0.1"):
            with pytest.raises(EgressDenied):
                policy.check(address, 443)
    assert dns_settings().nameservers == ()


def test_a_laptop_opens_loopback_and_shuts_its_own_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCAN_REALMS", "loopback, private")
    monkeypatch.setenv("OWN_PORTS", "8080,4566")
    monkeypatch.setenv("OWN_HOSTS", "localhost")
    monkeypatch.setenv("NAMESERVERS", "9.9.9.9 demo.test=127.0.0.1:15353")
    policy = scan_policy()
    policy.check("127.0.0.1", 18081)
    policy.check("10.0.0.1", 80)
    for address, port in (("127.0.0.1", 8080), ("10.0.0.1", 4566), ("169.254.169.254", 80)):
        with pytest.raises(EgressDenied):
            policy.check(address, port)
    with pytest.raises(EgressDenied):
        policy.check_host("localhost")
    assert dns_settings().servers_for("www.demo.test") == (("127.0.0.1", 15353),)
