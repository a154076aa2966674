"""Clock door of intelligence: facts that were kept long enough go."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.intelligence.actors import keeper
from functions.intelligence.model.retention import SLOTS
from functions.intelligence.service import retaining
from functions.intelligence.store import Store
from kernel import clock, observe

store = cache(Store)


def handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Look after the organisations of this hour's slot; how many there were, and how many scans' facts went. One that
    fails does not keep the others from their turn, and has its own again tomorrow."""
    looked_at = gone = 0
    for tenant_id in store().kept_in(clock.now().hour % SLOTS):
        actor = keeper(tenant_id)
        with observe.working_for(actor):
            looked_at += 1
            try:
                gone += len(retaining.retire(store(), actor).scans)
            except Exception:
                observe.logger().exception("retention failed")
                observe.count("RetentionFailed", 1)
    return {"looked_at": looked_at, "retired": gone}
