"""Logs, metrics and traces, each line with the tenant and the request it belongs to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from kernel.actor import Actor

NAMESPACE = "Palisade"


@cache
def logger() -> Logger:
    """The room's structured logger."""
    return Logger(service=os.environ.get("CONTEXT", "palisade"), utc=True)


@contextmanager
def working_for(actor: Actor) -> Iterator[None]:
    """Lines logged within carry the tenant, the user and the request id; a trace is annotated with the tenant."""
    log = logger()
    log.append_keys(tenant_id=actor.tenant_id, user_id=actor.user_id, request_id=actor.request_id)
    _annotate_trace(actor)
    try:
        yield
    finally:
        log.remove_keys(["tenant_id", "user_id", "request_id"])


def count(name: str, value: float) -> None:
    """Emit one metric at once, as an embedded-metric-format line; nothing where there is nothing to count."""
    if not value:
        return
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    service = os.environ.get("CONTEXT", "palisade")
    dimensions = {"service": service}
    with single_metric(
        name=name, unit=MetricUnit.Count, value=value, namespace=NAMESPACE, default_dimensions=dimensions
    ):
        return


def _annotate_trace(actor: Actor) -> None:
    """X-Ray records the tenant where tracing is on: in Lambda, with a sampled trace."""
    if "Sampled=1" not in os.environ.get("_X_AMZN_TRACE_ID", "") or "POWERTOOLS_TRACE_DISABLED" in os.environ:
        return
    tracer = _tracer()
    tracer.put_annotation("tenant_id", actor.tenant_id)
    if actor.request_id:
        tracer.put_annotation("request_id", actor.request_id)


@cache
def _tracer() -> Any:
    from aws_lambda_powertools import Tracer

    return Tracer(service=os.environ.get("CONTEXT", "palisade"), auto_patch=False)


def task(handler: Callable[[Actor, dict[str, Any]], Any]) -> Callable[[dict[str, Any], object], Any]:
    """A door for a state machine's task: the actor comes from `tenant_id`, which our own machine passes along."""

    def door(event: dict[str, Any], _context: object) -> Any:
        actor = Actor.system(event["tenant_id"], request_id=event.get("request_id"))
        with working_for(actor):
            return handler(actor, event)

    return door
