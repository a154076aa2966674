"""Our modules beside the tools of the field, on the same targets: which facts both see, and which only one.

Each file here that has a `compare(folder)` is one oracle; the tests hold it to its floors, `make bench` prints it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

from tests.oracles.comparison import Comparison

Compare = Callable[[Path], Comparison]
"""Takes a folder to work in. Skips the test (`pytest.skip.Exception`) where the tool or the target is missing."""


def oracles() -> dict[str, Compare]:
    """Every comparison by the name of its tool."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        room = importlib.import_module(f"{__name__}.{info.name}") if not info.name.startswith("test_") else None
        if hasattr(room, "compare"):
            found[info.name] = room.compare  # type: ignore[union-attr]
    return found
