"""What each context publishes: its events and data transfer objects, and nothing else."""

from __future__ import annotations

import importlib
import pkgutil

from kernel.events import REGISTRY, Event


def all_events() -> dict[str, type[Event]]:
    """Every event of the platform by its type, such as `ScanEnded.v1`."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(REGISTRY.items()))
