"""The table in memory does what moto does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.errors import Problem
from kernel.table import AlreadySeen, Once, Table, create, delete, put, update
from tests.kernel.boats import Boat, boat, launched
from tests.kit import actor, committed_events
from tests.memory_table import events_in, memory_table

pytestmark = pytest.mark.slow

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "update", "delete", "put", "transact", "twice"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 2),
    ),
    max_size=10,
)


def result(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except (Problem, AlreadySeen) as error:
        return type(error).__name__


def pages(table: Table, who: Any, newest_first: bool) -> list[Boat]:
    """The list two by two. At its very end, DynamoDB gives a cursor to an empty page, and moto does not."""
    found: list[Boat] = []
    cursor = None
    while True:
        page = table.query(who, Boat, harbour="north", limit=2, cursor=cursor, newest_first=newest_first)
        found, cursor = found + page.items, page.next_cursor
        if cursor is None:
            return found


def play(table: Table, who: Any, steps: list[tuple[str, str, int]]) -> list[Any]:
    """What each step answers, and what lists and items show after it."""
    seen: list[Any] = []
    for name, boat_id, version in steps:
        one = boat(who, boat_id, name=f"n{version}").model_copy(update={"version": version})
        writes: dict[str, Callable[[], Any]] = {
            "create": lambda one=one: table.write(create(one)),
            "update": lambda one=one: table.write(update(one)),
            "delete": lambda one=one: table.write(delete(one)),
            "put": lambda one=one: table.write(put(one)),
            "transact": lambda one=one: table.transact(who, [update(one), create(boat(who, "x"))], [launched(one)]),
            "twice": lambda one=one: table.transact(who, [put(one)], [launched(one)], once=Once("room", one.name)),
        }
        seen.append(result(writes[name]))
        seen += [pages(table, who, False), pages(table, who, True)]
        seen.append(table.query(who, Boat, index="gsi1", newest_first=True).items)
        seen.append(table.span(who, Boat, {"boat_id": "a"}, {"boat_id": "b"}, harbour="north", limit=1))
        seen.append(table.span(who, Boat, {"name": "n1"}, {"name": "n1~"}, index="gsi1", newest_first=True))
        seen.append(table.get_many(who, Boat, [{"harbour": "north", "boat_id": each} for each in "cab"]))
        seen.append(table.get(who, Boat, harbour="north", boat_id=boat_id))
    return seen


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_memory_and_moto_agree(table: Table, steps: list[tuple[str, str, int]]) -> None:
    who, memory = actor(), memory_table()
    assert play(memory, who, steps) == play(table, who, steps)
    mine = [event for event in committed_events() if event.tenant_id == who.tenant_id]
    assert [event.type for event in events_in(memory)] == [event.type for event in mine]
