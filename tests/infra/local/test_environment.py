"""The first thing that a newcomer runs: making the environment, and what it says when the machine does not fit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ("sh", "dirname", "cat", "cmp", "grep", "sed", "awk", "rm")
INPUTS = ("requirements/project.txt", "pyproject.toml", "infra/local/environment.sh")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with what the script reads."""
    for name in INPUTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH with nothing but the shell's own tools."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    return tools


def install(machine: Path, name: str, script: str) -> None:
    (machine / name).write_text(f"#!/bin/sh\n{script}\n")
    (machine / name).chmod(0o755)


def make(tree: Path, machine: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(tree / "infra/local/environment.sh")],
        env={"PATH": str(machine), **settings},
        capture_output=True,
        text=True,
        check=False,
    )


# A Python that is too old says so to the script, and its version to the user.
OLD = """case "$2" in *"< (3, 11)"*) exit 1 ;; *) echo 3.9.6 ;; esac"""
NEW = """case "$2" in *"< (3, 11)"*) exit 0 ;; *) echo "$0" ;; esac"""


def test_a_missing_python_is_one_sentence(tree: Path, machine: Path) -> None:
    said = make(tree, machine)
    assert said.returncode == 1
    assert said.stderr == (
        "Palisade needs Python 3.11 or newer, and python3 is missing: "
        "install one, or name it with PYTHON=/path/to/python3.\n"
    )


def test_an_old_python_is_one_sentence(tree: Path, machine: Path) -> None:
    install(machine, "python3", OLD)
    said = make(tree, machine)
    assert said.returncode == 1
    assert "and python3 is 3.9.6: install one" in said.stderr
    assert said.stderr.count("\n") == 1


def test_a_python_that_is_named_is_the_only_one_tried(tree: Path, machine: Path) -> None:
    install(machine, "python3", NEW)
    install(machine, "mine", OLD)
    assert "and mine is 3.9.6" in make(tree, machine, PYTHON="mine").stderr


def test_a_newer_python_beside_an_old_one_is_found(tree: Path, machine: Path) -> None:
    install(machine, "python3", OLD)
    install(machine, "python3.12", NEW)
    assert make(tree, machine).stderr == "Palisade needs Node.js 20 or newer, and there is none on the PATH.\n"


def test_an_old_node_is_one_sentence(tree: Path, machine: Path) -> None:
    install(machine, "python3", NEW)
    install(machine, "node", 'case "$1" in -e) exit 1 ;; *) echo v18.19.0 ;; esac')
    said = make(tree, machine)
    assert (said.returncode, said.stderr) == (1, "Palisade needs Node.js 20 or newer, and this is v18.19.0.\n")


def test_nothing_is_made_when_nothing_changed(tree: Path, machine: Path) -> None:
    (tree / ".venv" / "bin").mkdir(parents=True)
    install(tree / ".venv" / "bin", "python", "exit 1")
    (tree / ".venv" / "made-from.txt").write_bytes(b"".join((tree / name).read_bytes() for name in INPUTS))
    said = make(tree, machine)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    (tree / "requirements/project.txt").write_text("# changed\n")
    assert make(tree, machine).returncode == 1


def test_uv_is_installed_by_the_hashes_that_are_locked(tree: Path, machine: Path) -> None:
    """What the script hands to pip is uv's own entry of the lock file, whole."""
    asked = tree / "asked.txt"
    python = f"""case "$*" in
        *pip*) for last; do :; done; cat "$last" >{asked}; exit 1 ;;
        *venv*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
        *"< (3, 11)"*) exit 0 ;;
        *) echo "$0" ;;
    esac"""
    for name in ("mkdir", "cp"):
        (machine / name).symlink_to(str(shutil.which(name)))
    install(machine, "python3", python)
    install(machine, "node", "exit 0")
    assert "uv could not be installed" in make(tree, machine).stderr
    entry = asked.read_text()
    assert re.match(r"uv==\d+\.\d+\.\d+ \\\n    --hash=sha256:", entry)
    assert len(re.findall(r"^\S", entry, re.MULTILINE)) == 1
    assert entry in (ROOT / "requirements/project.txt").read_text()


@pytest.mark.skipif(shutil.which("make") is None, reason="this machine has no make")
def test_every_target_that_is_meant_for_people_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text()
    explained = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "up", "down", "status", "logs", "check", "test", "bench", "synth", "new-context", "help"):
        assert re.search(rf"^\s+make {target}\s+\S", explained, re.MULTILINE), target
        assert re.search(rf"^\.PHONY: {target}$", makefile, re.MULTILINE), target


@pytest.mark.skipif(shutil.which("make") is None, reason="this machine has no make")
@pytest.mark.parametrize(
    ("words", "environment", "expected"),
    [
        (["run"], {"TARGET": "https://not.meant.example"}, "-m infra.local.run "),
        (["run", "TARGET=https://a.example/?b=1&c=2"], {}, '-m infra.local.run "$TARGET"'),
        (["logs", "CONTEXT=scans"], {}, '-m infra.local.cloud logs "$CONTEXT"'),
    ],
)
def test_only_what_is_said_on_the_command_line_is_scanned(
    words: list[str], environment: dict[str, str], expected: str
) -> None:
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    shown = subprocess.run(
        ["make", "-n", *words], cwd=ROOT, env=outside | environment, capture_output=True, text=True, check=True
    ).stdout
    assert shown.splitlines()[-1].endswith(expected)
