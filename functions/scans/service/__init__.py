"""What the scans context does: scans for its callers, their execution for the state machine, targets, schedules."""
