"""The estimate of what a scan costs, held to the full cost model."""

from __future__ import annotations

import pytest

from contracts.modules import catalogue
from functions.collection.spending import cost_of_wave, seconds_for
from infra.costs import prices, scan, usage


@pytest.mark.parametrize("hosts", [10, 1000])
def test_it_lies_near_the_cost_model(hosts: int) -> None:
    faces = catalogue()
    waves = scan.waves(hosts, faces)
    ours = sum(cost_of_wave(w.size, sum(b.count * b.seconds for b in w.batches), w.found) for w in waves)
    model = scan.cost(hosts, faces, usage.read()).total
    assert model / 2 < ours < model * 2


def test_money_buys_less_time_than_the_bare_price_of_a_worker() -> None:
    bare = 1.0 / (1.7275 * prices.LAMBDA_GB_SECOND)
    assert 0.5 * bare < seconds_for(1.0) < bare
    assert seconds_for(-1.0) == 0.0
