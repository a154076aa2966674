"""How long an organisation's own rules may take and how much they may match, so that none of them holds up a scan, or
the rules beside it.

Patterns run in linear time and rules have a size, so that each rule ends; a hundred of them on a million facts need
not end soon, nor fit into the memory of a worker. Time is the processor's that is spent on them, whatever else the
machine does.
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
OWN_FACTS: Final = 10_000_000
"""What the collections of all own rules may hold, each fact once for each of them: four bytes each, for the scan."""
RULE_FACTS: Final = 1_000_000
"""What those of one rule may: some hundred bytes each, while it is evaluated."""
TOO_MUCH: Final = (
    f"The rule took more than its share of the {OWN_SECONDS:.0f} seconds that an organisation's own rules have for "
    f"the facts of a wave ({RULE_SECONDS:.0f} seconds for one at most), or of the {OWN_FACTS:,} facts that they may "
    f"hold ({RULE_FACTS:,} for one), and is left out of the scan. Collect fewer facts: name their types, and put what "
    "is rare first."
)

Clock = Callable[[], float]
processor: Clock = time.thread_time


class OutOfShare(Exception):
    """A rule has used up its share."""


class Unbounded:
    """What rules that come with the product have: they are measured before."""

    def check(self) -> None:
        """Called now and then while a rule works."""

    def demand(self, facts: int) -> None:
        """Called with how many facts a rule looks at together."""


class Share(Unbounded):
    """What one rule has."""

    def __init__(self, seconds: float, facts: int, clock: Clock) -> None:
        self._seconds = seconds
        self._facts = facts
        self._clock = clock
        self._began = clock()
        self.kept = 0

    @property
    def used(self) -> float:
        """The seconds that have gone."""
        return self._clock() - self._began

    def check(self) -> None:
        """Raises OutOfShare when its time is over."""
        if self.used >= self._seconds:
            raise OutOfShare

    def demand(self, facts: int) -> None:
        """Raises OutOfShare for more facts than one rule may look at."""
        if facts > RULE_FACTS:
            raise OutOfShare

    def keep(self, facts: int) -> None:
        """Raises OutOfShare for more facts than its collections may hold until the scan ends."""
        if facts > self._facts:
            raise OutOfShare
        self.kept = facts


class Allowance:
    """What some rules have that are evaluated one after the other. Each has an equal share of what is left: what one
    does not need is the others', and one that needs too much takes nothing from them."""

    def __init__(self, rules: int, clock: Clock) -> None:
        self._rules = rules
        self._seconds = OWN_SECONDS
        self._facts = OWN_FACTS
        self._clock = clock

    @contextmanager
    def share(self) -> Iterator[Share]:
        """One rule's turn."""
        left = max(1, self._rules)
        share = Share(min(RULE_SECONDS, self._seconds / left), min(RULE_FACTS, self._facts // left), self._clock)
        try:
            yield share
        finally:
            self._rules -= 1
            self._seconds = max(0.0, self._seconds - share.used)
            self._facts -= share.kept
