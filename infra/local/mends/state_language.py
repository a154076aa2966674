"""Two gaps in the interpreter of state machines: JSONata in a Distributed Map, and bounded delays between retries.

`stepfunctions._run_distributed_map` reads its fields as JSONPath whatever the query language: a JSONata
`MaxConcurrency` or reader argument fails, an `ItemSelector` is passed on as text and `Output` is ignored. The
fields are evaluated before and after it here. `MaxDelaySeconds` and `JitterStrategy` of a retrier are not read.
"""

from __future__ import annotations

import random
from typing import Any

from infra.local.mends import part

State = dict[str, Any]
_NUMBERS = ("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount")


class _Selector(dict[str, Any]):
    """An ItemSelector that is evaluated as JSONata, with the Map's input."""

    def __init__(self, template: Any, state_input: Any) -> None:
        super().__init__(template=template, state_input=state_input)


def apply() -> None:
    """Evaluate a distributed Map's JSONata, and space retries as the state says."""
    machines = part("services.stepfunctions")
    _evaluate_maps(machines)
    _evaluate_selectors(machines)
    find = machines._find_matching_retrier

    def find_spaced(retriers: Any, error: str, counts: dict[int, int]) -> tuple[State | None, int]:
        retrier, index = find(retriers, error, counts)
        return _spaced(retrier, index, counts)

    machines._find_matching_retrier = find_spaced


def _evaluate_maps(machines: Any) -> None:
    run = machines._run_distributed_map

    def run_evaluated(state: State, state_input: Any, effective: Any, *rest: Any) -> Any:
        context = rest[-1]
        if machines._state_query_language(state, context) != "JSONata":
            return run(state, state_input, effective, *rest)
        plain = _without_jsonata(machines, state, state_input, context)
        if "Items" in state:
            items = machines._jsonata_state_field(state, "Items", "array", state_input, context)
            plain["ItemsPath"], effective = "$.items", {"items": items}
        results, _ = run(plain, state_input, effective, *rest)
        output = machines._apply_jsonata_output(state, state_input, context, result=results, default=results)
        machines._apply_state_assign(state, state_input, context, result=results)
        return output, machines._next_or_end(state)

    machines._run_distributed_map = run_evaluated


def _without_jsonata(machines: Any, state: State, state_input: Any, context: Any) -> State:
    """The state with its expressions evaluated and what comes after the run left out."""
    plain = {key: value for key, value in state.items() if key not in ("Output", "Assign", "Items")}
    for name in _NUMBERS:
        if name in state:
            plain[name] = machines._jsonata_state_field(state, name, "number", state_input, context)
    if "ItemReader" in state:
        plain["ItemReader"] = machines._apply_jsonata_template(state["ItemReader"], state_input, context)
    if "ItemSelector" in state:
        plain["ItemSelector"] = _Selector(state["ItemSelector"], state_input)
    return plain


def _evaluate_selectors(machines: Any) -> None:
    resolve = machines._resolve_params_obj

    def resolve_or_evaluate(template: Any, data: Any, context: Any = None) -> Any:
        if isinstance(template, _Selector):
            return machines._apply_jsonata_template(template["template"], template["state_input"], context)
        return resolve(template, data, context)

    machines._resolve_params_obj = resolve_or_evaluate


def _spaced(retrier: State | None, index: int, counts: dict[int, int]) -> tuple[State | None, int]:
    """The retrier with the delay of this very retry, so that the interpreter's own formula gives it."""
    if retrier is None:
        return retrier, index
    delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    if retrier.get("JitterStrategy") == "FULL":
        delay = random.uniform(0, delay)  # noqa: S311 - spreads retries, guards nothing
    return retrier | {"IntervalSeconds": delay, "BackoffRate": 1}, index
