"""A stack whose operation was interrupted by a crash stays IN_PROGRESS, and can be neither updated nor deleted.

The operation is a task of the process that is gone. What was being created counts as failed, so that the deployer
deletes and creates it again; what was being updated counts as rolled back, so that it can be updated again.
"""

from __future__ import annotations

from typing import Any

from infra.local.mends import part

BECOMES = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
}


def apply() -> None:
    """Settle the interrupted stacks when state is restored."""
    cloudformation = part("services.cloudformation")
    load = cloudformation.load_persisted_state

    def load_and_settle(data: dict[str, Any]) -> None:
        load(data)
        for stack in cloudformation._stacks.all_values():
            stack["StackStatus"] = BECOMES.get(stack["StackStatus"], stack["StackStatus"])

    cloudformation.load_persisted_state = load_and_settle
