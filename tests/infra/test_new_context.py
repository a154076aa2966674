"""What `make new-context` makes stands on its own: typed, linted, and its tests pass."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.new_context import ROOT, ScaffoldError, scaffold

pytestmark = pytest.mark.slow

COPIED = (
    "functions",
    "layers/kernel",
    "infra",
    "pyproject.toml",
    "tests/iam",
    "tests/audit",
    *(f"tests/{file.name}" for file in ROOT.glob("tests/*.py")),
)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the house."""
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        else:
            shutil.copy(source, target)
    return tmp_path


def test_a_new_context_works_as_it_stands(house: Path) -> None:
    made = scaffold("invoices", house)
    assert house / "functions/invoices/service.py" in made
    assert "Invoices," in (house / "infra/cdk/app.py").read_text()
    run(house, "ruff", "check", "functions/invoices", "tests/invoices", "infra/cdk/app.py")
    run(house, "ruff", "format", "--check", "functions/invoices", "tests/invoices", "infra/cdk/app.py")
    run(house, "mypy", "functions/invoices")
    run(house, "pytest", "-q", "-p", "no:cacheprovider", "tests/invoices")


@pytest.mark.parametrize("name", ["Invoices", "invoice", "in voices", "../evils", "", "scans"])
def test_a_bad_name_makes_nothing(house: Path, name: str) -> None:
    before = sorted(house.rglob("*"))
    with pytest.raises(ScaffoldError):
        scaffold(name, house)
    assert sorted(house.rglob("*")) == before


def run(house: Path, tool: str, *arguments: str) -> None:
    paths = [house, house / "layers/kernel/python"]
    done = subprocess.run(
        [str(Path(sys.executable).parent / tool), *arguments],
        cwd=house,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(map(str, paths)), "HOME": str(house)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
