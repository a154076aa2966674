"""What is different between two scans."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from functions.intelligence.api.app import after_of, app, cursors_of, store
from functions.intelligence.model.difference import Difference, Kind
from functions.intelligence.service import differences
from kernel.actor import Actor
from kernel.http import List, ListParameters, Query, require


class DifferenceParameters(ListParameters):
    """With what a scan is compared. A page may be short, or empty, and not be the last."""

    base: Annotated[
        str | None, Field(max_length=64, description="The earlier scan; absent: the one that this one repeats.")
    ] = None


class DifferenceView(BaseModel):
    """A thing that is new, gone, or otherwise than before; `not_looked_for` where the later scan had no module."""

    kind: Kind
    type: str
    value: str
    confidence: float
    changed: dict[str, tuple[Any, Any]] = Field(description="Attributes that differ: before, after.")

    @classmethod
    def of(cls, found: Difference) -> DifferenceView:
        """A difference for people."""
        entity = found.entity
        return cls(
            kind=found.kind, type=entity.type, value=entity.value, confidence=entity.confidence, changed=found.changed
        )


@app.get("/scans/{scan_id}/differences", response_model=List[DifferenceView])
async def list_differences(
    scan_id: str, parameters: Annotated[DifferenceParameters, Query()], actor: Actor = require("scans:read")
) -> List[DifferenceView]:
    """What a scan found otherwise than an earlier one, in order of type and value."""
    cursors = cursors_of(actor, scan_id, parameters)
    found, after = differences.compare(
        store(), actor, scan_id, parameters.base, parameters.limit, after_of(cursors, parameters)
    )
    next_cursor = cursors.write({"after": list(after)}) if after else None
    return List(items=[DifferenceView.of(each) for each in found], next_cursor=next_cursor)
