"""Holds every call of a room to what its door's policies allow."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cached_property
from types import FrameType
from typing import Any

from kernel import aws
from tests.iam.policies import Door, Policy, doors
from tests.iam.requests import requests_of
from tests.iam.simulator import Decision, Request, Simulator

OWN = "org_OWN"
ANY_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{16,}|\d{4}-\d\d-\d\d(T\d\d)?")
"""ULIDs, digests, days and hours, as keys hold them."""
DOORS = ("api", "events", "steps", "schedule", "scim", "socket", "triggers")


class Gate:
    """Listens to botocore (`told`), and collects the calls that IAM would not have allowed."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.asked = 0
        self._simulator = Simulator()
        self._known: dict[tuple[str, bool, Request], Decision] = {}

    @cached_property
    def doors(self) -> dict[str, Door]:
        """Every door, by its handler."""
        return doors()

    def told(self, model: Any, params: dict[str, Any], **_rest: Any) -> None:
        """Botocore is about to make a call."""
        caller = calling_door(sys._getframe(1))
        if caller is None:
            return
        tenant = aws._tenant.get()
        for request in requests_of(model.service_model.service_name, model.name, params, tenant):
            self.asked += 1
            decision = self._decide(caller, general(request, tenant), is_tenants=tenant is not None)
            if not decision.allowed:
                self.refused.append(f"{caller} may not {request.action} on {request.resource} with {request.context}")

    def close(self) -> None:
        """End the simulator."""
        self._simulator.close()

    def _decide(self, caller: str, request: Request, *, is_tenants: bool) -> Decision:
        known = (caller, is_tenants, request)
        if known not in self._known:
            decisions = [self._simulator.decide(each, request) for each in self._policies(caller, is_tenants)]
            allowed = next((each for each in decisions if each.allowed), None)
            self._known[known] = allowed or Decision(False, "no door of the room may")
        return self._known[known]

    def _policies(self, caller: str, is_tenants: bool) -> Iterator[tuple[Policy, ...]]:
        """The policies of a door; for a room's inner parts, which a test may call directly, of each of its doors."""
        for door in self.doors.values():
            if door.handler == caller or (caller.count(".") == 1 and f"functions.{door.room}" == caller):
                yield door.data if is_tenants else door.own


def general(request: Request, tenant: str | None) -> Request:
    """The request with one name for the caller's tenant, and one for every other id: so that the thousands of calls of
    the tests are some hundred questions."""

    def plain(text: str) -> str:
        return ANY_ID.sub("X", text.replace(tenant, OWN) if tenant else text)

    context = tuple(
        (name, tuple(plain(each) for each in value) if isinstance(value, tuple) else plain(value))
        for name, value in request.context
    )
    return Request(request.action, plain(request.resource), context)


def calling_door(frame: FrameType | None) -> str | None:
    """The handler of the door that is calling, or its room when a test calls an inner part; None for a test's own
    call."""
    outermost: tuple[str, str] | None = None
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("tests.") and module != __name__:
            break  # a test called the room; or made the call itself, if no room stands in between
        if module.startswith("functions."):
            outermost = (module, frame.f_code.co_name)
        frame = frame.f_back
    if outermost is None:
        return None
    _, room, *rest = outermost[0].split(".")
    door = rest[0] if rest else ""
    if door not in DOORS:
        return f"functions.{room}"
    if door in ("api", "events", "scim", "socket"):
        return f"functions.{room}.{door}.handler"
    return f"functions.{room}.{door}.{outermost[1]}"
