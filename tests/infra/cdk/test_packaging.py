"""Bundles: what travels to Lambda, and how much of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.cdk import packaging


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(packaging, "BUILD", tmp_path)
    return tmp_path


def test_a_room_travels_alone(build: Path) -> None:
    room = packaging.room("scans")
    assert sorted(path.name for path in (room / "functions").iterdir() if path.is_dir()) == ["scans"]
    assert (room / "functions" / "scans" / "api.py").exists()
    assert not list(room.rglob("__pycache__"))


def test_the_kernel_layer_holds_kernel_and_contracts(build: Path) -> None:
    layer = packaging.kernel_layer()
    assert {path.name for path in (layer / "python").iterdir()} == {"kernel", "contracts"}
    assert (layer / "python" / "contracts" / "catalogue.json").exists()


@pytest.mark.slow
def test_rooms_and_layers_stay_under_their_budget(build: Path) -> None:
    runtime = packaging.dependency_layer("runtime")
    below = packaging.size(packaging.kernel_layer()) + packaging.size(runtime)
    assert not list(runtime.rglob("*.pyi"))
    rooms = [path.parent.name for path in (packaging.ROOT / "functions").glob("*/__init__.py")]
    for room in rooms:
        assert packaging.size(packaging.room(room)) + below < packaging.MAX_UNZIPPED, room
