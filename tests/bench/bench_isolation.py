"""What isolation costs: roles assumed for tenants, and what a tenant that floods does to another."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
from moto import mock_aws

from contracts.access import Role
from kernel import aws, credentials
from kernel.actor import Actor, Rate
from kernel.http import Response, Room, lambda_handler, require
from kernel.http.app import PREFIX, gateway_event
from kernel.http.caller import admission
from kernel.records import Record
from kernel.table import Table
from tests.bench.figure import Figure
from tests.bench.surroundings import Cloud, Surroundings
from tests.faults import counted
from tests.kit import REGION, actor, create_table

GROUP = "isolation"
TENANTS, REQUESTS = 50, 40
STS_SHARE = 5.0
FLOOD = 5000
KEY_RATE, TIMES, CALM_RATE, SECONDS, ROUNDS = 1, 50, 20, 5.0, 4
DISTURBED = 110.0
KEY = {"name": "Flood", "permissions": ["scans:read"], "requests_per_second": KEY_RATE}
PLAN = Rate(per_second=20, burst=100)


def figures(surroundings: Surroundings) -> Iterator[Figure]:
    """Against moto: the calls are counted, their time is not AWS's."""
    with mock_aws():
        settings = {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION, "TABLE_NAME": "palisade"}
        os.environ |= {**settings, "DATA_ROLE_ARN": "arn:aws:iam::123456789012:role/data"}
        aws.client.cache_clear()
        create_table(aws.client("dynamodb"), "palisade")
        yield Figure(GROUP, f"requests with an STS call, {TENANTS} tenants x {REQUESTS}", sts_share(), "%", STS_SHARE)
        yield from refusals()
    yield from asyncio.run(neighbours(surroundings.cloud))


def sts_share() -> float:
    """Of the requests of many tenants that one worker serves in turn, the per cent that assume a role."""
    credentials.forget()
    tenants, table = [actor() for _ in range(TENANTS)], Table()
    with counted() as calls:
        for _ in range(REQUESTS):
            for who in tenants:
                table.get(who, _Nothing)
    return 100 * calls.count("AssumeRole") / (TENANTS * REQUESTS)


class _Nothing(Record, pk="TENANT#{tenant_id}#BENCH", sk="NOTHING"):
    """An item that is not there."""


def refusals() -> Iterator[Figure]:
    """What a request costs that is beyond its caller's limit."""
    handler, noisy = _room(), actor().model_copy(update={"rate": PLAN})
    with counted() as calls:
        answers = [_send(handler, noisy) for _ in range(FLOOD)]
    refused = sorted(taken for taken, status in answers if status == 429)
    yield Figure(GROUP, "a request beyond the limit, median until it is refused", _median(refused) * 1e3, "ms", 1.0)
    yield Figure(GROUP, "AWS calls per 1,000 refused requests", 1000 * len(calls) / len(refused), "calls", 10.0)


async def neighbours(cloud: Cloud) -> list[Figure]:
    """Through the front door: a tenant's reads, by turns alone and beside another that sends fifty times what its key
    allows."""
    with cloud.log_in() as calm, cloud.demo.client(Role.ORGANIZATION_ADMIN, tenant=1) as noisy:
        key = noisy.post("/api-keys", json=KEY).json()
        url = f"{cloud.demo.url}/api/v1/scans"
        await _paced(url, key["token"], KEY_RATE * TIMES, 2.0)
        await _paced(url, calm.token, CALM_RATE, 2.0)
        alone, beside = [], []
        for _ in range(ROUNDS):
            alone += await _paced(url, calm.token, CALM_RATE, SECONDS)
            both = _paced(url, calm.token, CALM_RATE, SECONDS), _paced(url, key["token"], KEY_RATE * TIMES, SECONDS)
            beside += (await asyncio.gather(*both))[0]
    ratio = 100 * _p99(beside) / _p99(alone)
    name = f"p99 of {CALM_RATE} reads/s beside a tenant at {TIMES}x its limit ({KEY_RATE * TIMES}/s), of that alone"
    return [Figure(GROUP, name, ratio, "%", DISTURBED)]


async def _paced(url: str, bearer: str, rate: int, seconds: float) -> list[float]:
    """Milliseconds of each answer, whatever it is, to requests that are sent at a rate."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {bearer}"}, timeout=30) as client:

        async def ask(after: float) -> float:
            await asyncio.sleep(after)
            began = time.perf_counter()
            await client.get(url)
            return (time.perf_counter() - began) * 1000

        return list(await asyncio.gather(*(ask(number / rate) for number in range(int(rate * seconds)))))


def _room() -> Any:
    room = Room("bench")

    @room.get("/nothing")
    async def nothing(_actor: Actor = require("scans:read")) -> Response:
        return Response("{}", media_type="application/json")

    admission.cache_clear()
    return lambda_handler(room)


def _send(handler: Any, who: Actor) -> tuple[float, int]:
    event = gateway_event("GET", PREFIX + "/nothing", authorizer={"actor": who.model_dump_json()})
    began = time.perf_counter()
    answer = handler(event, None)
    return time.perf_counter() - began, answer["statusCode"]


def _p99(times: list[float]) -> float:
    return sorted(times)[len(times) * 99 // 100]


def _median(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]
