"""The command line of the local cloud, and what it says when the machine does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.local import emulator, synth
from infra.local.cloud import app
from infra.local.layout import Layout
from infra.local.synth import SynthError

runner = CliRunner()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOCAL_HOME", str(tmp_path))
    monkeypatch.setenv("PORT", str(emulator.free_port()))
    monkeypatch.setenv("AWS_PORT", str(emulator.free_port()))
    return tmp_path


@pytest.mark.parametrize("port", ["abc", "80", "70000", "-1", "8080.5"])
def test_a_port_that_is_none_is_a_usage_error(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PORT", port)
    said = runner.invoke(app, ["status"])
    assert said.exit_code == 2
    assert said.output.strip().count("\n") == 0
    assert port in said.output


def test_status_of_nothing_says_so_and_fails(nowhere: Path) -> None:
    said = runner.invoke(app, ["status"])
    assert said.exit_code == 1
    assert said.output.count("not running") == 4


def test_down_of_nothing_is_no_failure(nowhere: Path) -> None:
    said = runner.invoke(app, ["down"])
    assert (said.exit_code, said.output.strip()) == (0, "The local cloud does not run.")


def test_logs_of_nothing_get_one_sentence(nowhere: Path) -> None:
    said = runner.invoke(app, ["logs", "scans"])
    assert said.exit_code == 1
    assert said.output.strip() == "The local cloud does not run: `make up` starts it."


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (None, "Node.js is missing: the CDK needs version 20 or newer on the PATH."),
        ("v18.19.0", "Node.js is too old (v18.19.0): the CDK needs version 20 or newer."),
        ("what?", "Node.js is too old (what?): the CDK needs version 20 or newer."),
    ],
)
def test_a_node_that_does_not_do_gets_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str | None, sentence: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if answer:
        (tmp_path / "node").write_text(f"#!/bin/sh\necho '{answer}'\n")
        (tmp_path / "node").chmod(0o755)
    with pytest.raises(SynthError) as problem:
        synth.check_node()
    assert str(problem.value) == sentence


def test_the_digest_changes_with_any_input_and_with_nothing_else(tmp_path: Path) -> None:
    room = tmp_path / "functions" / "scans" / "service.py"
    room.parent.mkdir(parents=True)
    room.write_text("a")
    before = synth.digest(tmp_path)
    (room.parent / "__pycache__").mkdir()
    (room.parent / "__pycache__" / "x.pyc").write_text("x")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "t.py").write_text("t")
    assert synth.digest(tmp_path) == before == synth.digest(tmp_path, {})
    assert len({before, *(synth.digest(tmp_path, {"OWN_PORTS": port}) for port in ("8080", "9090"))}) == 3
    room.write_text("b")
    changed = synth.digest(tmp_path)
    room.rename(room.with_name("model.py"))
    assert len({before, changed, synth.digest(tmp_path)}) == 3


def test_the_ports_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PORT", "9090")
    monkeypatch.setenv("LOCAL_HOME", str(tmp_path))
    monkeypatch.delenv("AWS_PORT", raising=False)
    monkeypatch.delenv("NAMESERVERS", raising=False)
    assert Layout.of_environment() == Layout(tmp_path, 9090)
    monkeypatch.setenv("NAMESERVERS", "demo.test=127.0.0.1:53")
    assert Layout.of_environment() == Layout(tmp_path, 9090, nameservers="demo.test=127.0.0.1:53")
