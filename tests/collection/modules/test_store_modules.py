"""Stores, directories, brokers and file servers: real ones, open and shut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from functions.collection.engine import BatchResult
from functions.collection.module import Module
from functions.collection.modules.ldap_audit import LdapAudit
from functions.collection.modules.memcached_audit import MemcachedAudit
from functions.collection.modules.mqtt_audit import MqttAudit
from functions.collection.modules.redis_audit import RedisAudit
from functions.collection.modules.smb_audit import SmbAudit
from tests.collection import daemons
from tests.collection.world import observed, run, values


async def look(module: Module[Any], protocol: str, port: int) -> BatchResult:
    result = await run(module, observed("service", f"{protocol}://127.0.0.1:{port}"))
    assert (result.log, result.stats.rejected) == ([], 0)
    assert values(result, "service") == [f"{protocol}://127.0.0.1:{port}"]
    assert all(o.consumed for o in result.observations if o.type == "service")
    return result


def checks(result: BatchResult) -> set[str]:
    return {o.attributes["check"] for o in result.observations if "check" in o.attributes}


async def test_an_open_redis_is_found(tmp_path: Path) -> None:
    with daemons.redis(tmp_path) as port:
        result = await look(RedisAudit(), "redis", port)
    assert checks(result) == {"redis-without-password"}
    assert values(result, "software")[0].startswith("cpe:2.3:a:redis:redis:")
    evidence = next(o.attributes["evidence"] for o in result.observations if o.type == "exposure")
    assert evidence["redis_mode"] == "standalone"


@pytest.mark.parametrize("protection", [("--requirepass", "a-password"), ("--aclfile", "users.acl")])
async def test_a_redis_with_a_password_is_not(tmp_path: Path, protection: tuple[str, str]) -> None:
    (tmp_path / "users.acl").write_text("user default off\nuser somebody on >a-password ~* +@all\n")
    with daemons.redis(tmp_path, *protection) as port:
        result = await look(RedisAudit(), "redis", port)
    assert checks(result) == set()


async def test_a_port_is_looked_at_by_its_number_and_told_as_a_service() -> None:
    """Redis is found on its usual port without anybody's word that it is there."""
    face = RedisAudit.face
    assert [bool(_matches(face.matching, value)) for value in ("10.0.0.1:6379", "10.0.0.1:80", "redis://a:1")] == [
        True, False, True,
    ]  # fmt: skip


def _matches(pattern: str, value: str) -> object:
    import re

    return re.search(pattern, value)


@pytest.mark.parametrize(("options", "over_udp"), [((), False), (("-U", "PORT"), True)])
async def test_an_open_memcached_is_found(tmp_path: Path, options: tuple[str, ...], over_udp: bool) -> None:
    with daemons.memcached(tmp_path, *options) as port:
        result = await look(MemcachedAudit(), "memcached", port)
    assert checks(result) == {"memcached-without-password", *(["memcached-udp"] if over_udp else [])}
    assert values(result, "software")[0].startswith("cpe:2.3:a:memcached:memcached:1.")


async def test_a_memcached_with_a_password_is_not(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("somebody:a-password\n")
    with daemons.memcached(tmp_path, "-Y", str(tmp_path / "users")) as port:
        result = await look(MemcachedAudit(), "memcached", port)
    assert checks(result) == set()


async def test_an_open_directory_is_found(tmp_path: Path) -> None:
    with daemons.slapd(tmp_path) as port:
        result = await look(LdapAudit(), "ldap", port)
    assert checks(result) == {"ldap-anonymous-read", "ldap-no-tls"}
    root = next(o.attributes for o in result.observations if o.type == "metadata")
    assert root["namingcontexts"] == ["dc=example,dc=test"]


async def test_a_directory_that_shows_nothing_is_not_open(tmp_path: Path) -> None:
    with daemons.slapd(tmp_path, 'access to dn.base="" by * read', "access to * by users read by * none") as port:
        result = await look(LdapAudit(), "ldap", port)
    assert checks(result) == {"ldap-no-tls"}


async def test_a_directory_that_refuses_strangers_is_not_open(tmp_path: Path) -> None:
    with daemons.slapd(tmp_path, "disallow bind_anon", "require authc") as port:
        result = await look(LdapAudit(), "ldap", port)
    assert checks(result) == set()


@pytest.mark.parametrize("anonymous", [True, False])
async def test_a_broker_is_found_with_and_without_a_password(tmp_path: Path, anonymous: bool) -> None:
    with daemons.mosquitto(tmp_path, anonymous=anonymous) as port:
        result = await look(MqttAudit(), "mqtt", port)
    assert checks(result) == ({"mqtt-anonymous"} if anonymous else set())
    software = values(result, "software")
    assert [name.startswith("cpe:2.3:a:eclipse:mosquitto:2.") for name in software] == [True] * anonymous


async def test_an_open_file_server_is_found(tmp_path: Path) -> None:
    with daemons.samba(tmp_path) as port:
        result = await look(SmbAudit(), "smb", port)
    assert checks(result) == {"smb-null-session", "smb-signing-not-required"}
    assert next(o.attributes["dialect"] for o in result.observations if o.type == "metadata") == "3.1.1"


async def test_a_careful_file_server_is_not(tmp_path: Path) -> None:
    with daemons.samba(tmp_path, "restrict anonymous = 2", "server signing = mandatory") as port:
        result = await look(SmbAudit(), "smb", port)
    assert checks(result) == set()


async def test_an_old_file_server_is_told(tmp_path: Path) -> None:
    with daemons.samba(tmp_path, "server max protocol = SMB2_10", "server signing = mandatory") as port:
        result = await look(SmbAudit(), "smb", port)
    assert checks(result) == {"smb-null-session", "smb-old-dialect"}


async def test_a_guest_is_no_stranger(tmp_path: Path) -> None:
    """A server that makes guests of unknown people has not opened an anonymous session."""
    with daemons.samba(tmp_path, "map to guest = Bad User", "restrict anonymous = 2") as port:
        result = await look(SmbAudit(), "smb", port)
    assert "smb-null-session" not in checks(result)
