"""The demo targets as a program: what it prints, that it ends when told to, and that a taken port is no obstacle."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from infra.local.targets.__main__ import HOST, free_port
from infra.local.targets.ssh import OFFER, offer_packet


def test_it_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local.targets", "serve", "--state", str(tmp_path / "state")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = []
        while not lines or lines[-1] != "]\n":
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended before it was ready"
        targets = json.loads("".join(lines))
        assert targets == json.loads((tmp_path / "state" / "targets.json").read_text())
        assert [target["kind"] for target in targets] == ["domain", "url", "url", "port", "port"]
        with urllib.request.urlopen(targets[1]["address"], timeout=5) as answer:
            assert b"Demo shop" in answer.read()
        assert (tmp_path / "state" / "nameservers").read_text().startswith("palisade.test=127.0.0.1:")
    finally:
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=10)
    assert (process.returncode, rest) == (0, "")
    assert not (tmp_path / "state" / "targets.json").exists()


def test_a_taken_port_is_replaced() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) not in (0, port)
    assert free_port(port) == port


def test_the_offer_is_a_well_formed_packet() -> None:
    packet = offer_packet()
    assert int.from_bytes(packet[:4], "big") == len(packet) - 4
    assert len(packet) % 8 == 0
    assert packet[4] >= 4
    assert b",".join(name.encode() for name in OFFER[0].split(",")) in packet
