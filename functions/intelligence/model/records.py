"""The context's items in the table: everything that is small."""

from __future__ import annotations

from pydantic import Field

from kernel.records import Record

EVERYBODY = "everybody"
"""The audience of scans that no team keeps to itself."""


class GraphHead(Record, pk="TENANT#{tenant_id}#INTELLIGENCE", sk="GRAPH#{audience}"):
    """Where one audience's graph is by now. Whoever writes a new generation does so on the condition that this is
    the one that was read."""

    audience: str
    generation: int = 0
    snapshot: str = Field(default="", description="The key of the snapshot; empty until something was learnt.")
    outline: str = Field(default="", description="The key of the snapshot's outline.")
    updated_at: str = ""

    @property
    def team_id(self) -> str | None:
        """The team that alone sees this graph; None where everybody does."""
        return None if self.audience == EVERYBODY else self.audience
