"""The README does not lie: its links lead somewhere, its commands exist, its numbers are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from contracts.modules import catalogue
from infra.cdk.packaging import ROOT
from palisade.cli import app

README = (ROOT / "README.md").read_text()
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "infra" / "local" / "README.md"]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_the_commands_and_their_options_exist() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for line in re.findall(r"\.venv/bin/palisade (.+)", README):
        command = commands[line.split()[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)(--?[a-z-]+)", line)) <= known, line


def test_the_numbers_are_those_of_the_code() -> None:
    rules = list((ROOT / "functions" / "intelligence" / "rules").glob("*.yaml"))
    assert f"{len(catalogue())} modules" in README
    assert f"{len(rules)} correlation rules" in README


def test_the_folders_that_it_names_exist() -> None:
    for place in re.findall(r"`([a-z_]+(?:/[a-z_.]+)+/?)`", README):
        assert (ROOT / place).exists(), place
