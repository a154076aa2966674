"""A measurement, and what it is held against."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Better = Literal["lower", "higher"]
LIMIT = "limit"


@dataclass(frozen=True)
class Figure:
    """One measurement. `limit` is what it is held against, `against` says what that is;
    `better` says which side of it is good."""

    group: str
    name: str
    value: float
    unit: str
    limit: float
    better: Better = "lower"
    against: str = LIMIT
    is_peer: bool = False

    @property
    def ratio(self) -> float:
        """How many times better than what it is held against; below 1 it is worse."""
        worse, better = (self.value, self.limit) if self.better == "lower" else (self.limit, self.value)
        return better / worse if worse else float("inf")

    @property
    def is_met(self) -> bool:
        """Whether it lies on the good side."""
        return self.ratio >= 1

    @property
    def verdict(self) -> str:
        """The same as a word."""
        if self.is_peer:
            return "better" if self.is_met else "worse"
        return "met" if self.is_met else "MISSED"

    def as_json(self) -> dict[str, Any]:
        """All of it for another program."""
        return {**asdict(self), "ratio": round(self.ratio, 3), "verdict": self.verdict}
