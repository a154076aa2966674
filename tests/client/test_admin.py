"""`palisade admin`: the operator's tool is found and started, or its absence is told."""

from __future__ import annotations

import pytest

from palisade.cli import main
from palisade.commands import admin


def test_the_tool_is_told_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["admin", "restore", "--stage", "prod", "--help"]) == 0
    assert "--dry-run" in capsys.readouterr().out


def test_a_misuse_is_the_tools_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["admin", "restore", "org_1"]) == 2
    assert "--at --from" in capsys.readouterr().err


def test_without_the_platforms_source_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(admin, "TOOL", "nowhere.at_all")
    assert main(["admin", "backup", "org_1"]) == 2
    assert "for operators" in capsys.readouterr().err
