"""What a verification finds."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and where."""

    code: str
    where: str
    message: str


@dataclass
class Verdict:
    """What a verification found."""

    tenant_id: str = ""
    exported_at: str = ""
    first: int = 0
    size: int = 0
    head_size: int = 0
    head_root: str = ""
    blocks: int = 0
    entries: int = 0
    expired: int = 0
    forgotten: int = 0
    """Entries whose content was erased with a person: who (as an id), what and when still stand as they were sealed."""
    anchors: int = 0
    fingerprints: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults
