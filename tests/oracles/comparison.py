"""What a module and its oracle say of the same target, as sets of facts in common words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Facts that we found and facts that the oracle found. The floors are what a test holds them to."""

    oracle: str
    subject: str
    ours: frozenset[str]
    theirs: frozenset[str]
    recall_floor: float = 1.0
    precision_floor: float = 1.0

    @classmethod
    def of(
        cls,
        oracle: str,
        subject: str,
        ours: Iterable[str],
        theirs: Iterable[str],
        *,
        recall: float = 1.0,
        precision: float = 1.0,
    ) -> Comparison:
        """A comparison with its floors (0..1)."""
        return cls(oracle, subject, frozenset(ours), frozenset(theirs), recall, precision)

    @property
    def recall(self) -> float:
        """The share of the oracle's facts that we found too; 0 when the oracle found nothing, which proves nothing."""
        return len(self.ours & self.theirs) / len(self.theirs) if self.theirs else 0.0

    @property
    def precision(self) -> float:
        """The share of our facts that the oracle confirms."""
        return len(self.ours & self.theirs) / len(self.ours) if self.ours else 0.0

    def row(self) -> str:
        """One line of the table."""
        return (
            f"{self.oracle:<12} {self.subject:<42} {len(self.theirs):>7} {len(self.ours):>7} "
            f"{self.recall:>7.3f} {self.precision:>10.3f}"
        )


HEADING = f"{'oracle':<12} {'facts about':<42} {'theirs':>7} {'ours':>7} {'recall':>7} {'precision':>10}"
