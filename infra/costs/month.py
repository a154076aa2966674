"""Dollars for a month of one tenant: a typical use is assumed, and a deployment that nobody uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.modules import ModuleFace
from infra.costs import model, prices, scan
from infra.costs.model import Cost, total
from infra.costs.usage import Measured

REPORT_TRANSITIONS = 5
"""Findings, Intelligence, Collection, Render, Done."""
POLLERS_OF_QUEUE, POLLS_OF_MINUTE, MINUTES_OF_MONTH = 5, 3, 43_800
"""Lambda asks a queue that is empty with five long polls of twenty seconds at once."""
OTHER_QUEUES = 5
"""The audit room's seals and reports, and the executions that broke off of three machines."""
SECRETS = 2
"""The cursors' and the edge's, where the platform lies in the edge's region; elsewhere the latter has a copy."""


@dataclass(frozen=True)
class Month:
    """What a tenant does in a month."""

    people: int = 10
    days: int = 21
    requests: Mapping[str, int] = field(
        default_factory=lambda: {
            "GET /scans": 4_000,
            "GET /scans/{scan_id}": 6_000,
            "GET /scans/{scan_id}/progress": 4_000,
            "GET /scans/{scan_id}/findings": 2_000,
            "GET /scans/{scan_id}/graph": 500,
            "GET /scans/{scan_id}/observations": 1_000,
            "GET /findings": 3_000,
            "GET /findings/{finding_id}": 2_000,
            "GET /notifications": 4_000,
            "PUT /findings/{finding_id}/status": 400,
            "GET /users/me": 2_000,
        }
    )
    scans: int = 4
    hosts: int = 1_000
    kept_scans: int = 12
    """Scans whose facts are still there."""
    reports: int = 8
    watching_minutes: int = 2_400
    table_gigabytes: float = 0.2


def cost(month: Month, faces: Mapping[str, ModuleFace], measured: Measured) -> dict[str, Cost]:
    """The month by what it is spent on."""
    log_ins = model.request("POST /auth/login", measured) * (month.people * month.days)
    requests = total(model.request(name, measured) * number for name, number in month.requests.items())
    stored = scan.stored_gigabytes(month.hosts) * month.kept_scans
    return {
        "scans": scan.cost(month.hosts, faces, measured) * month.scans,
        "requests": requests + log_ins,
        "reports": report(measured) * month.reports,
        "people": Cost({"Cognito": month.people * prices.COGNITO_ACTIVE_USER}),
        "watching": Cost({"API Gateway": month.watching_minutes * prices.WEBSOCKET_MINUTE}),
        "storage": Cost(
            {"S3": stored * prices.S3_GB_MONTH, "DynamoDB": month.table_gigabytes * prices.DYNAMODB_GB_MONTH}
        ),
    }


def report(measured: Measured) -> Cost:
    """One report, from its order to the document."""
    steps = [name for name in measured.steps if name.startswith("report: ")]
    made = total(
        model.work(measured.steps[name], model.MEMORY_MB.get(name, model.DOOR_MB))
        + model.events(measured.steps[name], measured)
        for name in steps
    )
    machine = Cost({"Step Functions": REPORT_TRANSITIONS * prices.STATE_TRANSITION})
    return total([model.request("POST /reports", measured), made, machine])


def idle(consumers: int) -> Cost:
    """A deployment that nobody uses: its key, its secrets, and the queues that Lambda looks into all the time: one for
    each room that hears of events, and the others."""
    polls = (consumers + OTHER_QUEUES) * POLLERS_OF_QUEUE * POLLS_OF_MINUTE * MINUTES_OF_MONTH
    secrets = SECRETS * prices.SECRET_MONTH
    return Cost({"KMS": prices.KMS_KEY_MONTH, "SecretsManager": secrets, "SQS": polls * prices.SQS_REQUEST})
