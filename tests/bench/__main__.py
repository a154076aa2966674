"""Everything that has a budget, measured in one run: `python -m tests.bench [--only GROUP] [--json FILE] [--peers]`.

It prints one table (ours, what it is held against, the ratio), then what the platform costs, and writes the same as
JSON. It fails nothing: figures depend on the machine and on what else runs there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.costs import report
from tests.bench import (
    bench_access,
    bench_api,
    bench_audit,
    bench_correlation,
    bench_crawl,
    bench_engine,
    bench_intelligence,
    bench_isolation,
    bench_network,
    bench_oracles,
    bench_packages,
    bench_realtime,
)
from tests.bench.figure import Figure
from tests.bench.surroundings import Surroundings

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "build" / "bench.json"
GROUPS: dict[str, Callable[[Surroundings], Iterable[Figure]]] = {
    bench.GROUP: bench.figures
    for bench in (
        bench_access,
        bench_isolation,
        bench_api,
        bench_audit,
        bench_intelligence,
        bench_correlation,
        bench_network,
        bench_oracles,
        bench_packages,
        bench_crawl,
        bench_engine,
        bench_realtime,
    )
}
"""In this order: what wants a quiet machine comes before the local cloud is up."""
WIDTH = 190
"""Columns of the table where there is no terminal."""
COSTS = "costs"
COLOURS = {"met": "green", "better": "green", "MISSED": "red", "worse": "yellow"}


def main() -> None:
    """Measure, show, write."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    wanted = options.only or [*GROUPS, COSTS]
    with Surroundings(with_peers=options.peers) as surroundings, console.status("") as status:
        figures = list(_measured(wanted, surroundings, status.update))
    if figures:
        console.print(table(figures))
    if COSTS in wanted:
        report.show(console)
    _write(options.json, figures, report.headline() if COSTS in wanted else {})
    missed = sum(not figure.is_met for figure in figures)
    console.print(f"{len(figures) - missed} of {len(figures)} met. Written to {options.json}")


def table(figures: Iterable[Figure]) -> Table:
    """The figures for people."""
    shown = Table("Group", "Figure", title="Budgets", title_justify="left")
    shown.add_column("Ours", justify="right")
    shown.add_column("Held against", justify="right")
    shown.add_column("Which is")
    shown.add_column("Times better", justify="right")
    shown.add_column("Verdict")
    for figure in figures:
        colour = COLOURS[figure.verdict]
        shown.add_row(
            figure.group,
            figure.name,
            f"{_number(figure.value)} {figure.unit}",
            f"{_number(figure.limit)} {figure.unit}",
            figure.against,
            f"{figure.ratio:.2f}",
            f"[{colour}]{figure.verdict}[/]",
        )
    return shown


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=[*GROUPS, COSTS], help="this group; may be repeated")
    parser.add_argument("--json", type=Path, default=REPORT, metavar="FILE", help="where the figures go as JSON")
    parser.add_argument("--peers", action="store_true", help="install and run the peers too, where they can be had")
    return parser.parse_args()


def _measured(wanted: Iterable[str], surroundings: Surroundings, say: Callable[[str], None]) -> Iterator[Figure]:
    for group in (name for name in GROUPS if name in wanted):
        say(f"Measuring: {group}")
        yield from GROUPS[group](surroundings)


def _write(file: Path, figures: Iterable[Figure], costs: dict[str, Any]) -> None:
    machine = {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}
    file.parent.mkdir(parents=True, exist_ok=True)
    found = {"machine": machine, "figures": [each.as_json() for each in figures], COSTS: costs}
    file.write_text(json.dumps(found, indent=1) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"


if __name__ == "__main__":
    main()
