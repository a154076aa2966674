"""These tests drive every operation hundreds of times to see what the whole does, not to reach lines: those are the
rooms' own tests' to reach. Measuring their coverage would double their time."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """None of these tests is measured."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.no_cover)
