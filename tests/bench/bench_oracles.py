"""Recall and precision beside the tools of the field, on the same targets."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.figure import Figure
from tests.bench.surroundings import Surroundings
from tests.oracles import oracles

GROUP = "oracles"


def figures(_surroundings: Surroundings) -> Iterator[Figure]:
    """Both shares for each tool that is installed; one that is not is left out, with a word."""
    for name, compare in oracles().items():
        with tempfile.TemporaryDirectory(prefix="palisade-oracle-") as folder:
            try:
                found = compare(Path(folder))
            except pytest.skip.Exception as reason:
                print(f"{name} is left out: {reason}", file=sys.stderr)
                continue
        what = f"{found.oracle}: {found.subject}"
        yield Figure(GROUP, f"{what}, recall", found.recall, "", found.recall_floor, better="higher")
        yield Figure(GROUP, f"{what}, precision", found.precision, "", found.precision_floor, better="higher")
