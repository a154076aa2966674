"""`make run`: what it scans, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from infra.local import emulator, lifecycle
from infra.local.layout import Layout
from infra.local.run import showcase
from palisade.api import Api
from palisade.session import Session
from tests.client.platform import EMAIL, Platform, serving


def run(layout: Layout, *arguments: str) -> subprocess.Popen[str]:
    """`make run`, for this local cloud; stderr goes where stdout goes."""
    return subprocess.Popen(
        [sys.executable, "-m", "infra.local.run", *arguments],
        cwd=emulator.ROOT,
        env=os.environ | {"LOCAL_HOME": str(layout.home), "PORT": str(layout.port), "AWS_PORT": str(layout.aws_port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    made = Layout(tmp_path / "home", emulator.free_port(), emulator.free_port())
    yield made
    lifecycle.down(made)


@pytest.fixture
def platform() -> Iterator[Platform]:
    with serving() as running:
        yield running


@pytest.fixture
def api(platform: Platform) -> Iterator[Api]:
    with Api(Session(platform.url, EMAIL, platform.access_token, platform.refresh_token)) as client:
        yield client


def test_a_port_that_is_none_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    process = run(Layout(tmp_path, 80))
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "Error: PORT=80 is not a port between 1024 and 65535.\n")


@pytest.mark.emulator
def test_a_port_in_use_says_what_to_do_and_leaves_nothing_running(layout: Layout) -> None:
    if not emulator.is_current():
        pytest.skip("the emulator's environment is absent: `make up` makes it")
    with socket.socket() as other:
        other.bind((emulator.HOST, layout.port))
        other.listen()
        process = run(layout)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"Error: Port {layout.port} is in use by another program" in out
    assert "make up" in out
    assert set(lifecycle.running(layout).values()) == {None}


@pytest.mark.parametrize("target", ["http://127.0.0.1:8000/", "10.1.2.3", "192.168.0.0/24", "localhost", "[::1]:80"])
def test_a_target_of_ones_own_network_needs_no_statement(platform: Platform, api: Api, target: str) -> None:
    showcase.attest(api, target)
    assert platform.calls == []


def test_another_target_is_attested_in_the_name_of_who_runs_it(platform: Platform, api: Api) -> None:
    platform.page("GET /targets", [])
    platform.answer("POST /targets", {"target_id": "target_1"})
    showcase.attest(api, "https://www.example.com/shop")
    body = platform.called("POST /targets")[0].body
    assert (body["pattern"], body["method"]) == ("www.example.com", "attestation")
    assert "attests the right to scan https://www.example.com/shop" in body["statement"]


@pytest.mark.emulator
@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_the_demo_from_nothing_to_a_report_and_down_again(layout: Layout) -> None:
    if not emulator.is_current():
        emulator.make_environment()
    process = run(layout)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("The platform keeps serving"):
            break
    text = "".join(said)
    demo = json.loads(layout.demo.read_text())
    report = layout.reports / next(path.name for path in layout.reports.iterdir())
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 0, text + rest
    assert "Ending the local cloud" in rest
    assert set(lifecycle.running(layout).values()) == {None}
    assert f"The platform is up at {layout.url}" in text
    assert "finished, wave" in text
    for finding in ("The settings file with its secrets can be downloaded", "The certificate has expired"):
        assert finding in text
    assert f"Report: {report}" in text
    assert "Palisade" in "".join(page.extract_text() for page in PdfReader(report).pages)
    for user in (user for tenant in demo["tenants"] for user in tenant["users"]):
        assert user["email"] in text
        assert user["password"] in text
    assert {target["kind"] for target in demo["targets"]} == {"domain", "url", "port"}
    assert stat.S_IMODE(layout.demo.stat().st_mode) == 0o600
