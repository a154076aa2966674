"""Confidence: independent sources add, order does not matter, time takes away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.intelligence.model.confidence import decayed, explain, noisy_or

confidences = st.lists(st.floats(0, 1), max_size=8)


@given(confidences)
def test_noisy_or_is_a_probability_that_no_source_lowers(values: list[float]) -> None:
    together = noisy_or(values)
    assert 0.0 <= together <= 1.0
    assert together >= max(values, default=0.0) - 1e-12
    assert noisy_or(reversed(values)) == pytest.approx(together)


def test_two_coins_and_what_is_out_of_range() -> None:
    assert noisy_or([0.5, 0.5]) == 0.75
    assert noisy_or([]) == 0.0
    assert noisy_or([7.0, -3.0]) == 1.0


def test_a_half_life_halves() -> None:
    assert decayed(0.8, "port", "2026-01-01T00:00:00.000Z", "2026-01-31T00:00:00.000Z") == pytest.approx(0.4)
    assert decayed(0.8, "unheard_of", "2026-01-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z") == pytest.approx(0.4)
    assert decayed(0.8, "port", "2026-02-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z") == 0.8


def test_a_score_explains_itself() -> None:
    assert explain({}) == "No source has reported this."
    assert explain({"resolve": 0.5}) == "Reported by resolve 50%."
    assert explain({"resolve": 0.5, "ct-logs": 0.5}) == (
        "Reported by 2 independent sources (ct-logs 50%, resolve 50%); together 75%."
    )
