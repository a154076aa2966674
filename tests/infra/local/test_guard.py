"""No web page and no foreign name reaches the emulator."""

from __future__ import annotations

import http.client
import socket

import pytest

from infra.local.emulator import Handle

pytestmark = pytest.mark.emulator


def _post(handle: Handle, path: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", handle.port, timeout=10)
    try:
        connection.request("POST", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost@evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
)
def test_a_foreign_host_or_origin_cannot_reset_the_cloud(handle: Handle, headers: dict[str, str]) -> None:
    assert _post(handle, "/_ministack/reset", {"Host": f"127.0.0.1:{handle.port}"} | headers) == 403


def test_this_machine_is_served(handle: Handle) -> None:
    for host in ("127.0.0.1", "localhost", "bucket.s3.localhost", "[::1]"):
        assert _post(handle, "/_ministack/health", {"Host": f"{host}:{handle.port}"}) != 403


def test_it_listens_on_loopback_only(handle: Handle) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address = probe.getsockname()[0]
    with socket.socket() as outside:
        outside.settimeout(2)
        assert outside.connect_ex((address, handle.port)) != 0
