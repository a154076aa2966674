"""The part of a graph that fits a picture."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from functions.intelligence.model.graph import Entity, Relation, entity_key
from functions.intelligence.model.selection import Selection, select


def _select(values: list[str], edges: list[tuple[str, str]], limit: int, risks: dict[str, str]) -> Selection:
    entities = sorted(
        (Entity(entity_key("host", value), "host", value, risk=risks.get(value, "")) for value in values),
        key=lambda entity: entity.order,
    )
    relations = [Relation(entity_key("host", a), entity_key("host", b), "related_host") for a, b in edges]
    return select(lambda: iter(entities), lambda: iter(relations), limit)


def test_targets_risk_and_connections_are_kept_first() -> None:
    values = ["target", "hub", "risky", "leaf1", "leaf2"]
    edges = [("target", "hub"), ("hub", "leaf1"), ("hub", "leaf2"), ("target", "risky")]
    chosen = _select(values, edges, 3, {"risky": "high"})
    assert [entity.value for entity in chosen.entities] == ["hub", "risky", "target"]
    assert len(chosen.relations) == 2
    assert (chosen.entities_left_out, chosen.relations_left_out) == (2, 2)


@given(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1), st.integers(1, 9), st.data())
def test_a_selection_is_a_graph_and_counts_what_it_leaves_out(
    values: list[str], limit: int, data: st.DataObject
) -> None:
    pairs = st.tuples(st.sampled_from(values), st.sampled_from(values))
    edges = data.draw(st.lists(pairs, unique=True, max_size=12))
    chosen = _select(values, edges, limit, {})
    keys = {entity.key for entity in chosen.entities}
    assert len(keys) == min(limit, len(values))
    assert chosen.entities_left_out == len(values) - len(keys)
    assert all({relation.source, relation.target} <= keys for relation in chosen.relations)
    assert chosen.relations_left_out == len(edges) - len(chosen.relations)
