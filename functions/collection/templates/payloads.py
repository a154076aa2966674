"""Combines payloads: all lists in step, every value with every other, or one value after another."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from functions.collection.templates.model import Payloads


def combinations(payloads: Payloads) -> Iterator[dict[str, str]]:
    """The values by name for each round, in the template's order; one empty round when there are no payloads.

    `batteringram` puts each value into its own name and leaves the others at their first value.
    """
    names = list(payloads.values)
    lists = [payloads.values[name] for name in names]
    if not names:
        yield {}
    elif payloads.attack == "pitchfork":
        for values in zip(*lists, strict=False):
            yield dict(zip(names, values, strict=True))
    elif payloads.attack == "clusterbomb":
        for values in itertools.product(*lists):
            yield dict(zip(names, values, strict=True))
    else:
        yield from _one_by_one(payloads)


def _one_by_one(payloads: Payloads) -> Iterator[dict[str, str]]:
    firsts = {name: values[0] for name, values in payloads.values.items()}
    for name, values in payloads.values.items():
        for value in values:
            yield {**firsts, name: value}
