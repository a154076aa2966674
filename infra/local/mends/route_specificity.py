"""A greedy route whose variable is not called `proxy` counts as an exact one, and wins over routes that are.

`apigateway._route_specificity` looks for the literal `{proxy+}`; in AWS every `{name+}` is greedy.
"""

from __future__ import annotations

import re

from infra.local.mends import part

_GREEDY = re.compile(r"\{[^}/]+\+\}")


def apply() -> None:
    """Rank every greedy route as one."""
    gateway = part("services.apigateway")
    rank = gateway._route_specificity
    gateway._route_specificity = lambda method, path: rank(method, _GREEDY.sub("{proxy+}", path))
