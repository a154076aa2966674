"""How long an organisation's own rules may take, so that none of them holds up a scan, or the rules beside it.

Patterns run in linear time and rules have a size, so that each rule ends; a hundred of them on a million facts need
not end soon. Time is the processor's that is spent on them, whatever else the machine does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

OWN_SECONDS: Final = 120.0
"""For matching the new facts of a wave against all own rules, and as much again for evaluating them."""
RULE_SECONDS: Final = 20.0
"""For one rule, however few there are."""
TOO_LONG: Final = (
    f"The rule took more than its share of the {OWN_SECONDS:.0f} seconds that an organisation's own rules have for "
    f"the facts of a wave ({RULE_SECONDS:.0f} seconds for one at most), and is left out of the scan. Collect fewer "
    "facts: name their types, and put what is rare first."
)

Clock = Callable[[], float]
Check = Callable[[], None]
processor: Clock = time.thread_time


class OutOfTime(Exception):
    """A rule has used up its share."""


def unbounded() -> None:
    """The check of rules that come with the product: they are measured before."""


class Allowance:
    """The time of some rules that are evaluated one after the other. Each has an equal share of what is left: what
    one does not need is the others', and one that needs too much takes nothing from them."""

    def __init__(self, rules: int, clock: Clock) -> None:
        self._rules = rules
        self._seconds = OWN_SECONDS
        self._clock = clock

    @contextmanager
    def share(self) -> Iterator[Check]:
        """One rule's turn; the check that it gives raises OutOfTime when the share is used up."""
        share = min(RULE_SECONDS, self._seconds / max(1, self._rules))
        began = self._clock()

        def check() -> None:
            if self._clock() - began >= share:
                raise OutOfTime

        try:
            yield check
        finally:
            self._rules -= 1
            self._seconds = max(0.0, self._seconds - (self._clock() - began))
