"""Running state machines come back FAILED (`States.ServiceRestart`) after a restart, and task tokens are gone.

In AWS an execution outlives every machine it runs on. Here an interrupted STANDARD execution is started again
from its beginning, under the same name and ARN and with the same input: state machines that are to survive read
from their table how far they had got. An execution that was parked on a task token at its top level goes back to
that state with the token it had handed out, without calling the task again.
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.local.mends import part, serving
from infra.local.mends.journal import JOURNAL

logger = logging.getLogger("palisade.executions")

ParkedAt = dict[str, Any]

PARKED = "palisade_parked"
JUMP = "palisade_jump"
RESTARTED = "States.ServiceRestart"
_EXECUTE = tuple(f"_execute_{kind}" for kind in ("pass", "choice", "wait", "task", "parallel", "map"))

# The task that this thread runs, and whether it is one that waits for its token.
_task: contextvars.ContextVar[Task | None] = contextvars.ContextVar("task", default=None)


@dataclass
class Task:
    """One run of a Task state."""

    execution: dict[str, Any]
    context: dict[str, Any]
    state_input: Any
    token: str | None = None


class _TaskNotCalled(Exception):
    """The task that was to take the token could not be called; carries the emulator's own error."""


def apply() -> None:
    """Keep what is needed to go on, and go on after a start."""
    machines = part("services.stepfunctions")
    application = part("app")
    load = application._load_persisted_state
    _jump_to_parked_state(machines)
    _keep_tokens(machines)

    def load_and_resume() -> None:
        load()
        _resume_all(machines)

    application._load_persisted_state = load_and_resume


def _resume_all(machines: Any) -> None:
    for (account, region, arn), execution in list(machines._executions.all_items()):
        if execution["status"] != "RUNNING" and execution.get("error") != RESTARTED:
            continue
        if execution.get("mapRunArn"):
            execution |= {"status": "ABORTED", "error": RESTARTED}  # its parent runs the map again
        elif execution.get("sync"):
            execution |= {"status": "FAILED", "error": RESTARTED}  # its caller waits no more
        else:
            _run_again(machines, account, region, arn, execution)
    for run in machines._map_runs.all_values():
        if run["status"] == "RUNNING":
            run["status"] = "ABORTED"


def _run_again(machines: Any, account: str, region: str, arn: str, execution: dict[str, Any]) -> None:
    parked: ParkedAt | None = execution.get(PARKED)
    execution |= {"status": "RUNNING", "stopDate": None, "output": None, "events": execution["events"][:1]}
    execution |= {"error": None, "cause": None, JUMP: parked}
    scope = contextvars.Context()
    responses = part("core.responses")
    scope.run(responses.set_request_account_id, account)
    scope.run(responses.set_request_region, region)
    if parked:  # at once: whoever holds the token may use it before the execution is back at its state
        scope.run(machines._task_tokens.__setitem__, parked["token"], _wait_of(parked))
    logger.warning("%s goes on %s", arn, f"parked at {parked['state']}" if parked else "from its beginning")
    run = threading.Thread(target=scope.run, args=(machines._run_execution, arn), daemon=True)
    serving.then(run.start)


def _wait_of(parked: ParkedAt) -> dict[str, Any]:
    answered = threading.Event()
    answer = parked.get("answer") or {}
    if answer:
        answered.set()
    return {"event": answered, "result": None, "error": None, "heartbeat": None} | answer


def _jump_to_parked_state(machines: Any) -> None:
    """Let the first state of a resumed execution lead straight to the state it was parked at."""
    for name in _EXECUTE:
        setattr(machines, name, _jumping(machines, getattr(machines, name)))


def _jumping(machines: Any, execute: Callable[..., Any]) -> Callable[..., Any]:
    def execute_or_jump(state: Any, state_input: Any, *rest: Any) -> Any:
        context: dict[str, Any] = (rest[-1] if rest else None) or {}
        execution = machines._executions.get(context.get("Execution", {}).get("Id")) or {}
        jump: ParkedAt | None = execution.get(JUMP)
        if not jump:
            return execute(state, state_input, *rest)
        if context["State"]["Name"] != jump["state"]:
            return jump["input"], jump["state"]
        context["variables"].update(jump["variables"])
        execution[JUMP] = None
        return execute(state, jump["input"], *rest)

    return execute_or_jump


def _keep_tokens(machines: Any) -> None:
    """Note which execution waits for which token, and what the token was answered with."""
    machines._execute_task = _knowing_its_task(machines._execute_task)
    machines._invoke_with_callback = _parking(machines, machines._invoke_with_callback)
    machines._call_lambda = _noting_the_handover(machines, machines._call_lambda)
    machines._send_task_success = _noting_the_answer(machines, machines._send_task_success)
    machines._send_task_failure = _noting_the_answer(machines, machines._send_task_failure)


def _knowing_its_task(execute: Callable[..., Any]) -> Callable[..., Any]:
    def execute_task(state: Any, state_input: Any, execution: Any, context: Any) -> Any:
        reset = _task.set(Task(execution, context, state_input))
        try:
            return execute(state, state_input, execution, context)
        finally:
            _task.reset(reset)

    return execute_task


def _parking(machines: Any, call_back: Callable[..., Any]) -> Callable[..., Any]:
    def park(resource: str, payload: Any, token: str, state: Any) -> Any:
        task = _task.get()
        assert task is not None
        kept: ParkedAt | None = task.execution.get(PARKED)
        try:
            if kept and kept["state"] == task.context["State"]["Name"]:
                return _wait_again(machines, kept["token"], state)
            task.token = token
            return call_back(resource, payload, token, state)
        except _TaskNotCalled as failure:
            machines._task_tokens.pop(token, None)
            raise failure.args[0] from None
        finally:
            task.token = None
            task.execution.pop(PARKED, None)

    return park


def _wait_again(machines: Any, token: str, state: dict[str, Any]) -> Any:
    wait = machines._task_tokens[token]
    in_time = wait["event"].wait(timeout=state.get("TimeoutSeconds"))
    machines._task_tokens.pop(token, None)
    if not in_time:
        raise machines._ExecutionError("States.Timeout", "Task timed out waiting for callback")
    if error := wait["error"]:
        raise machines._ExecutionError(error.get("Error", "TaskFailed"), error.get("Cause", ""))
    return json.loads(wait["result"])


def _noting_the_handover(machines: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    def call_lambda(reference: Any, payload: Any) -> Any:
        task = _task.get()
        if task is None or task.token is None:
            return call(reference, payload)
        try:
            result = call(reference, payload)
        except machines._ExecutionError as failure:
            # The emulator swallows this while it parks, and then waits for ever; AWS fails the task.
            raise _TaskNotCalled(failure) from None
        if _is_top_level(task):
            _remember(task)
        return result

    return call_lambda


def _is_top_level(task: Task) -> bool:
    """Whether the task is a state of the machine itself, not of a Map or Parallel inside it."""
    entered = [event for event in task.execution["events"] if event["type"].endswith("StateEntered")]
    name = task.context["State"]["Name"]
    return bool(entered) and entered[-1]["stateEnteredEventDetails"]["name"] == name and "Map" not in task.context


def _remember(task: Task) -> None:
    task.execution[PARKED] = {
        "state": task.context["State"]["Name"],
        "input": task.state_input,
        "token": task.token,
        "variables": dict(task.context.get("variables", {})),
    }
    JOURNAL.write("execution", task.execution["executionArn"], task.execution)


def _noting_the_answer(machines: Any, send: Callable[..., Any]) -> Callable[..., Any]:
    def note_and_send(data: dict[str, Any]) -> Any:
        token = data.get("taskToken")
        for execution in machines._executions.all_values() if token in machines._task_tokens else ():
            parked: ParkedAt | None = execution.get(PARKED)
            if parked and parked["token"] == token:
                parked["answer"] = _answer_in(data)
                JOURNAL.write("execution", execution["executionArn"], execution)
        return send(data)

    return note_and_send


def _answer_in(data: dict[str, Any]) -> dict[str, Any]:
    if "output" in data:
        return {"result": data["output"], "error": None}
    return {
        "result": None,
        "error": {"Error": data.get("error", "TaskFailed"), "Cause": data.get("cause", "")},
    }
