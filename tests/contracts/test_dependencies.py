"""What modules need of one another: added, or explained."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.dependencies import cycles, resolve
from contracts.modules import ModuleFace, catalogue
from contracts.observations import Invasiveness, ObservationType


def face(name: str, consumes: str = "host", produces: str = "ip", **fields: Any) -> ModuleFace:
    return ModuleFace(
        name=name,
        version="1.0.0",
        summary="A module for these tests",
        consumes=tuple(ObservationType(each) for each in consumes.split()),
        produces=tuple(ObservationType(each) for each in produces.split()),
        invasiveness=Invasiveness.PASSIVE,
        **fields,
    )


def faces(*every: ModuleFace) -> dict[str, ModuleFace]:
    return {each.name: each for each in every}


def test_what_a_module_depends_on_is_added_with_what_that_needs() -> None:
    known = faces(face("one", depends_on=("two",)), face("two", depends_on=("three",)), face("three"), face("four"))
    found = resolve(["one"], known, {"host"})
    assert list(found.chosen) == ["one", "three", "two"]
    assert sorted(found.added) == ["three", "two"]
    assert found.missing == found.idle == {}


def test_a_circle_is_named_from_end_to_end() -> None:
    known = faces(face("one", depends_on=("two",)), face("two", depends_on=("one",)))
    assert "one → two → one" in resolve(["one"], known, {"host"}).missing["one"]
    assert len(cycles(known)) == 2


@pytest.mark.parametrize(
    ("disabled", "said"), [(frozenset(), "no module 'gone'"), (frozenset({"gone"}), "no module 'gone'")]
)
def test_what_is_not_there_is_named_with_who_needs_it(disabled: frozenset[str], said: str) -> None:
    found = resolve(["one"], faces(face("one", depends_on=("gone",))), {"host"}, disabled)
    assert said in found.missing["one"]


def test_what_is_disabled_is_named_with_who_needs_it() -> None:
    known = faces(face("one", depends_on=("two",)), face("two"))
    found = resolve(["one"], known, {"host"}, frozenset({"two"}))
    assert found.missing == {"one": "it depends on 'two', which is disabled"}


def test_a_fact_may_be_found_by_whoever_finds_it() -> None:
    known = faces(
        face("needs", "certificate", "host", depends_on=("fact:certificate",)),
        face("finds", "host", "certificate"),
        face("finds_too", "host", "certificate"),
    )
    assert resolve(["needs"], known, {"host"}).added == ["finds"]
    assert resolve(["needs", "finds_too"], known, {"host"}).added == []
    assert "fact:certificate" in resolve(["needs"], faces(known["needs"]), {"host"}).missing["needs"]


def test_a_module_that_will_get_nothing_to_do_is_explained_with_who_would_help() -> None:
    known = faces(face("first"), face("second", "ip", "port"), face("third", "port", "banner"))
    found = resolve(["third"], known, {"host"})
    assert found.idle == {"third": "none of the chosen modules finds what it works on (port); second would"}
    assert resolve(["first", "second", "third"], known, {"host"}).idle == {}


def test_the_catalogue_has_no_circles_and_nobody_in_it_is_idle() -> None:
    assert cycles(catalogue()) == []
    found = resolve(catalogue(), catalogue(), {"domain", "host", "ip", "url", "cidr", "cloud_resource"})
    assert found.missing == {}
    assert found.idle == {}


NAMES = "abcdef"


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3).map(tuple)))
def test_whatever_depends_on_whatever_it_comes_to_an_end(needs: dict[str, tuple[str, ...]]) -> None:
    known = {
        name: face("module_" + name, depends_on=tuple("module_" + each for each in need))
        for name, need in needs.items()
    }
    known = {each.name: each for each in known.values()}
    found = resolve(known, known, {"host"})
    for name, each in found.chosen.items():
        if not found.missing:
            assert set(each.depends_on) <= set(found.chosen), name
