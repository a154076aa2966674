"""What a scan's work costs its operator: an estimate from list prices, for budgets in dollars.

Prices are AWS's, region us-east-1; `python -m infra.costs` holds the full model, and a test holds this one to it.
"""

from __future__ import annotations

MILLIONTH = 1e-6
WORKER_GB = 1769 / 1024
GB_SECOND = 0.0000133334
"""Lambda, arm64."""
STATE_TRANSITION = 25 * MILLIONTH
EXPRESS_SECOND = 0.0625 * 0.00001667
"""A child execution of the Map takes the least memory that is billed, 64 MB."""

BATCH = STATE_TRANSITION + (0.2 + 1.0 + 4 * 5.0 + 2 * 0.4 + 0.625) * MILLIONTH
"""A transition, a Lambda and an Express request, four objects written, two read, one item written."""
SECOND = WORKER_GB * GB_SECOND + EXPRESS_SECOND + 0.125 * MILLIONTH
"""Of a worker, which looks once a second whether its scan shall rest."""
WAVE = 9 * STATE_TRANSITION + 5 * 0.2 * MILLIONTH + 1.5 * WORKER_GB * GB_SECOND + 10 * 5.0 * MILLIONTH
"""The steps around the batches (gate, plan, close, reduce, record) take 1.5 seconds, and write ten objects."""
OBSERVATION = WORKER_GB * GB_SECOND / 20_000 + 5.0 * MILLIONTH / 5_000
"""The reducer takes in 20,000 a second (`make bench` measures it), and writes them five thousand to an object."""


def cost_of_wave(batches: int, seconds: float, observations: int) -> float:
    """Dollars for a wave whose batches worked `seconds` together."""
    return WAVE + batches * BATCH + seconds * SECOND + observations * OBSERVATION


def seconds_for(dollars: float) -> float:
    """How long workers may work for this money; what surrounds them is taken as one part in four."""
    return max(0.0, dollars) * 0.75 / SECOND
