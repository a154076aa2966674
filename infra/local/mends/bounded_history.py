"""Logs, metrics and finished executions grow without end, in memory and in every snapshot.

AWS keeps them for the days that a setting names; the laptop keeps the most recent ones.
"""

from __future__ import annotations

from typing import Any

from infra.local.mends import part, stream_positions

STREAMS_OF_A_LOG_GROUP = 300
DATAPOINTS_OF_A_METRIC = 500
FINISHED_EXECUTIONS = 1000
CHILD_EXECUTIONS = 200
EVENTS_OF_A_STACK = 500


def trim() -> None:
    """Drop the oldest of what grows; called on the event loop before each snapshot."""
    stream_positions.trim()
    for group in part("services.cloudwatch_logs")._log_groups.all_values():
        _keep_last(group["streams"], STREAMS_OF_A_LOG_GROUP)
    for datapoints in list(part("services.cloudwatch")._metrics.all_values()):
        del datapoints[:-DATAPOINTS_OF_A_METRIC]
    _trim_executions()


def _keep_last(entries: dict[Any, Any], count: int) -> None:
    for key in list(entries)[:-count]:
        entries.pop(key, None)


def _trim_executions() -> None:
    machines = part("services.stepfunctions")
    executions = machines._executions._data
    finished = [key for key, each in list(executions.items()) if each["status"] != "RUNNING"]
    children = [key for key in finished if executions[key].get("mapRunArn")]
    parents = [key for key in finished if not executions[key].get("mapRunArn")]
    for key in (*children[:-CHILD_EXECUTIONS], *parents[:-FINISHED_EXECUTIONS]):
        executions.pop(key, None)
    runs = machines._map_runs._data
    ended = [key for key, run in list(runs.items()) if run["status"] != "RUNNING"]
    for key in ended[:-CHILD_EXECUTIONS]:
        runs.pop(key, None)
