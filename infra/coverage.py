"""The promise about branch coverage: the kernel, and every room's service and model, at 90 % or more.

`python -m infra.coverage` reads the data of the last test run, prints what falls short, and fails when anything does.
"""

from __future__ import annotations

import sys
from pathlib import Path

from coverage import Coverage
from rich.console import Console

PROMISED = 90.0
ROOT = Path(__file__).resolve().parents[1]


def areas() -> dict[str, list[Path]]:
    """The files of each area that is promised, by its name."""
    kernel = ROOT / "layers" / "kernel" / "python" / "kernel"
    found = {"kernel": sorted(kernel.rglob("*.py"))}
    for room in sorted(path.parent for path in (ROOT / "functions").glob("*/__init__.py")):
        for part in ("service", "model"):
            files = [room / f"{part}.py"] if (room / f"{part}.py").exists() else sorted((room / part).rglob("*.py"))
            if files:
                found[f"{room.name}/{part}"] = files
    return found


def rate(coverage: Coverage, files: list[Path]) -> float:
    """Statements and branches taken, in percent, over some files together."""
    total = done = 0
    for file in files:
        numbers = coverage._analyze(str(file)).numbers
        total += numbers.n_statements + numbers.n_branches
        done += numbers.n_executed + numbers.n_executed_branches
    return 100.0 * done / total if total else 100.0


def main() -> None:
    """Print the areas, and fail below the promise."""
    coverage = Coverage()
    coverage.load()
    rates = {name: rate(coverage, files) for name, files in areas().items()}
    console = Console()
    for name, percent in sorted(rates.items(), key=lambda item: item[1]):
        style = "green" if percent >= PROMISED else "red"
        console.print(f"[{style}]{percent:6.1f} %[/{style}]  {name}")
    if min(rates.values()) < PROMISED:
        sys.exit(f"Branch coverage is below {PROMISED:g} %.")


if __name__ == "__main__":
    main()
