"""What a scan will come to, before it starts."""

from __future__ import annotations

import pytest

from contracts.modules import catalogue
from contracts.observations import ObservationType
from functions.collection.estimate import SAMPLES, same_kind, tasks_of
from tests.collection.waves import brief


@pytest.mark.parametrize(
    ("module", "facts", "tasks"),
    [
        ("resolve", {"host": 10.0}, 10),
        ("ldap_audit", {"port": 300.0}, 0),  # none of the ports of an ordinary company is LDAP's
        ("ssh_audit", {"service": 300.0}, 100),
        ("technology", {"http_response": 100.0}, 10),  # first pages alone
    ],
)
def test_a_module_is_expected_to_work_on_the_facts_that_it_takes(
    module: str, facts: dict[str, float], tasks: float
) -> None:
    assert tasks_of(catalogue()[module], facts) == pytest.approx(tasks)


def test_what_facts_look_like_is_told_for_types_that_there_are() -> None:
    assert set(SAMPLES) <= {kind.value for kind in ObservationType}


def test_the_last_scan_of_the_same_kind_is_one_that_finished() -> None:
    wanted = brief(["a.example"], ["resolve"])
    other = wanted.model_copy(update={"scan_id": "scan_02", "status": "finished"})
    assert same_kind(wanted, [other]) is other
    assert same_kind(wanted, [wanted.model_copy(update={"status": "finished"})]) is None
    for change in ({"status": "stopped"}, {"targets": ("b.example",)}, {"modules": {"records": "1.0.0"}}):
        assert same_kind(wanted, [other.model_copy(update=change)]) is None
