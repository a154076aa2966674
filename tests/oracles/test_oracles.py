"""Every oracle confirms enough of what we find, and finds little that we do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.oracles import oracles
from tests.oracles.comparison import Comparison


@pytest.mark.parametrize("name", sorted(oracles()))
def test_we_find_what_the_oracle_finds(
    name: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    found = oracles()[name](tmp_path)
    record_property("oracle", found.row())
    assert found.theirs, "an oracle that finds nothing proves nothing"
    assert found.recall >= found.recall_floor, sorted(found.theirs - found.ours)
    assert found.precision >= found.precision_floor, sorted(found.ours - found.theirs)


def test_recall_and_precision_are_shares() -> None:
    found = Comparison.of("dig", "records", {"a", "b", "c", "d"}, {"a", "b", "x"})
    assert (round(found.recall, 3), found.precision) == (0.667, 0.5)
    assert (Comparison.of("dig", "records", {"a"}, ()).recall, Comparison.of("d", "r", (), {"a"}).precision) == (0, 0)
