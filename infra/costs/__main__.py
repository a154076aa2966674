"""`python -m infra.costs`: what the platform costs."""

from __future__ import annotations

import sys

from rich.console import Console

from infra.costs import report

WIDTH = 190
"""Columns of the tables where there is no terminal."""


def main() -> None:
    """Print the tables."""
    report.show(Console(width=None if sys.stdout.isatty() else WIDTH))


if __name__ == "__main__":
    main()
