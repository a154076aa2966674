"""What monitoring does: ask the dependencies."""

from __future__ import annotations

import time

from functions.monitoring.gateways import Needs
from functions.monitoring.model import Dependency, Readiness
from kernel import observe


def readiness(needs: Needs) -> Readiness:
    """Ask every dependency, and say how long each took to answer."""
    dependencies = [_ask(needs, name) for name in needs.names]
    return Readiness(ready=all(each.ok for each in dependencies), dependencies=dependencies)


def _ask(needs: Needs, name: str) -> Dependency:
    began = time.perf_counter()
    try:
        needs.ask(name)
        ok = True
    except Exception:  # whatever is wrong, the answer is that it is not there
        observe.logger().exception("dependency does not answer", extra={"dependency": name})
        ok = False
    return Dependency(name=name, ok=ok, milliseconds=round((time.perf_counter() - began) * 1000, 1))
