"""Dollars for one request, one event and one invocation of a function, from what each uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from infra.costs import prices
from infra.costs.usage import Measured, Usage

DOOR_MB = 1024
MEMORY_MB = {
    "plan": 1769,
    "batch": 1769,
    "record": 1769,
    "reduce": 3008,
    "compact": 3008,
    "learn": 3008,
    "report: intelligence": 1769,
    "report: document": 3008,
}
"""Memory of the functions that have another than a door's usual one, by step (infra/cdk/contexts)."""
INTELLIGENCE_API_MB = 1769
LATENCY_MS: Mapping[str, float] = {
    "DynamoDB.GetItem": 4,
    "DynamoDB.Query": 5,
    "DynamoDB.BatchGetItem": 6,
    "DynamoDB.PutItem": 6,
    "DynamoDB.DeleteItem": 6,
    "DynamoDB.TransactWriteItems": 12,
    "S3.GetObject": 25,
    "S3.PutObject": 35,
    "S3.ListObjectsV2": 30,
    "SESv2.SendEmail": 60,
    "Cognito Identity Provider.InitiateAuth": 120,
    "Cognito Identity Provider.RevokeToken": 60,
}
"""Milliseconds that a function waits for a call within the region. Assumed, as usual medians; others take OTHER_MS."""
OTHER_MS = 25.0
RELAY_MS, AUTHORIZER_MS = 17.0, 5.0
AUTHORIZED_ANEW = 0.1
"""Share of the requests for which the gateway asks the authorizer: it keeps the answer for a minute."""
SQS_REQUESTS = 3
"""Of one message that travels alone: sent, received, deleted."""


@dataclass(frozen=True)
class Cost:
    """Dollars by service."""

    by_service: Mapping[str, float]

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self.by_service.values())

    def __add__(self, other: Cost) -> Cost:
        names = [*self.by_service, *(name for name in other.by_service if name not in self.by_service)]
        return Cost({name: self.by_service.get(name, 0.0) + other.by_service.get(name, 0.0) for name in names})

    def __mul__(self, times: float) -> Cost:
        return Cost({name: dollars * times for name, dollars in self.by_service.items()})


NOTHING = Cost({})


def total(costs: Iterable[Cost]) -> Cost:
    """Several costs as one."""
    return sum(costs, NOTHING)


def invocation(milliseconds: float, megabytes: int = DOOR_MB) -> Cost:
    """One run of a function on arm64."""
    gb_seconds = milliseconds / 1000 * megabytes / 1024
    return Cost({"Lambda": prices.LAMBDA_REQUEST + gb_seconds * prices.LAMBDA_GB_SECOND})


def calls(usage: Usage) -> Cost:
    """What the calls of a piece of work cost by themselves."""
    by_service = {
        "DynamoDB": usage.reads * prices.DYNAMODB_READ_UNIT + usage.writes * prices.DYNAMODB_WRITE_UNIT,
    }
    for name, price in prices.CALLS.items():
        service = name.partition(".")[0]
        by_service[service] = by_service.get(service, 0.0) + usage.calls.get(name, 0) * price
    return Cost({service: dollars for service, dollars in by_service.items() if dollars})


def duration(usage: Usage) -> float:
    """Milliseconds that a function is billed for: its own code as measured, and the waits for its calls."""
    return usage.milliseconds + sum(LATENCY_MS.get(name, OTHER_MS) * number for name, number in usage.calls.items())


def work(usage: Usage, megabytes: int = DOOR_MB) -> Cost:
    """A function's run with its calls, without what follows from its events."""
    return invocation(duration(usage), megabytes) + calls(usage)


def event(kind: str, measured: Measured) -> Cost:
    """One event on its way: relayed from the stream (which Lambda reads for free) to the bus, and to each room that
    hears it, through a queue; with the events that come of it."""
    relayed = invocation(RELAY_MS) + Cost({"EventBridge": prices.EVENTBRIDGE_EVENT})
    heard = measured.consumers.get(kind, {}).values()
    queued = Cost({"SQS": SQS_REQUESTS * prices.SQS_REQUEST})
    return total([relayed, *(queued + work(usage) + events(usage, measured) for usage in heard)])


def events(usage: Usage, measured: Measured) -> Cost:
    """All the events of a piece of work."""
    return total(event(kind, measured) for kind in usage.events)


def request(name: str, measured: Measured) -> Cost:
    """One HTTP request, with everything that follows from it but executions (a scan, a report), which cost apart."""
    usage = measured.operations[name]
    megabytes = INTELLIGENCE_API_MB if name.rpartition("/")[2] in FACT_VIEWS else DOOR_MB
    gateway = Cost({"API Gateway": prices.HTTP_API_REQUEST})
    return total(
        [gateway, invocation(AUTHORIZER_MS) * AUTHORIZED_ANEW, work(usage, megabytes), events(usage, measured)]
    )


FACT_VIEWS = frozenset({"observations", "entities", "graph", "timeline"})
"""Views of a scan that the intelligence room answers."""
