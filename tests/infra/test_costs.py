"""The cost model's arithmetic against figures worked out by hand, and its assumptions against what is deployed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from contracts import all_events
from contracts.modules import CostClass, ModuleFace, catalogue
from contracts.observations import Invasiveness, ObservationType
from infra.costs import model, month, report, scan, usage
from infra.costs.capacity import Item, index_units, item_size, read_units, write_units
from infra.costs.model import Cost
from infra.costs.month import Month
from infra.costs.usage import Measured, Usage
from infra.generated import openapi
from tests.architecture.test_event_calls import RARE

ROOT = Path(__file__).resolve().parents[2]


def test_an_items_size_is_that_of_its_names_and_values() -> None:
    item: Item = {
        "name": {"S": "Zoë"},  # 4 + 4
        "n": {"N": "-123.450"},  # 1 + 3 for five digits + 1 + 1 for the sign
        "t": {"BOOL": True},  # 1 + 1
        "l": {"L": [{"S": "ab"}, {"NULL": True}]},  # 1 + 3 + (1 + 2) + (1 + 1)
        "m": {"M": {"k": {"S": "v"}}},  # 1 + 3 + (1 + 1 + 1)
    }
    assert item_size(item) == 8 + 6 + 2 + 9 + 7
    with pytest.raises(ValueError, match="SS"):
        item_size({"s": {"SS": ["a"]}})


@pytest.mark.parametrize(("size", "units"), [(0, 1), (1, 1), (4096, 1), (4097, 2), (8192, 2), (8193, 3)])
def test_a_read_takes_a_unit_for_each_four_kilobytes(size: int, units: int) -> None:
    assert read_units(size) == units
    assert read_units(size, consistent=False) == units / 2


@pytest.mark.parametrize(("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (2049, 3)])
def test_a_write_takes_a_unit_for_each_kilobyte_and_twice_that_in_a_transaction(size: int, units: int) -> None:
    assert write_units(size) == units
    assert write_units(size, transactional=True) == 2 * units


def indexed(rank: str, size: int = 10) -> Item:
    return {"gsi1pk": {"S": "p"}, "gsi1sk": {"S": rank}, "text": {"S": "x" * size}}


def test_an_index_takes_a_write_and_two_when_its_key_changes() -> None:
    assert index_units(None, {"pk": {"S": "p"}}) == 0
    assert index_units(None, indexed("1")) == 1
    assert index_units(indexed("1"), indexed("1", 2000)) == 2
    assert index_units(indexed("1"), indexed("2", 2000)) == 1 + 2
    assert index_units(indexed("1"), None) == 1


def test_a_function_is_charged_by_time_and_memory() -> None:
    assert model.invocation(1000, 1024).total == pytest.approx(0.0000002 + 0.0000133334)
    assert model.invocation(500, 2048).total == pytest.approx(0.0000002 + 0.0000133334)


READ = Usage({"DynamoDB.GetItem": 1}, reads=1.0, milliseconds=2.0)


def test_a_read_costs_its_gateway_its_function_and_its_unit() -> None:
    measured = Measured({"GET /things": READ}, {}, {})
    gateway = 0.000001
    authorizer = 0.1 * (0.0000002 + 0.005 * 0.0000133334)
    function = 0.0000002 + 0.006 * 0.0000133334  # two milliseconds of its own, four for the read
    unit = 0.000000125
    assert model.request("GET /things", measured).total == pytest.approx(gateway + authorizer + function + unit)


def test_an_event_costs_its_way_and_what_every_listener_does_with_what_comes_of_that() -> None:
    append = Usage({"DynamoDB.PutItem": 1}, writes=1.0, milliseconds=1.0)
    answer = Usage({"DynamoDB.PutItem": 1}, writes=1.0, events=("Heard.v1",), milliseconds=1.0)
    measured = Measured({}, {"Told.v1": {"a": append, "b": answer}, "Heard.v1": {"a": append}}, {})
    way = 0.0000002 + 0.017 * 0.0000133334 + 0.000001
    listener = 3 * 0.0000004 + 0.0000002 + 0.007 * 0.0000133334 + 0.000000625
    assert model.event("Heard.v1", measured).total == pytest.approx(way + listener)
    assert model.event("Told.v1", measured).total == pytest.approx(2 * way + 3 * listener)
    assert model.event("Unheard.v1", measured).total == pytest.approx(way)


@given(st.dictionaries(st.sampled_from("abc"), st.floats(0, 10)), st.floats(0, 10))
def test_costs_add_up_service_by_service(dollars: dict[str, float], times: float) -> None:
    cost = Cost(dollars)
    assert (cost + cost).total == pytest.approx(2 * cost.total)
    assert (cost * times).total == pytest.approx(times * cost.total)


def face(type_: ObservationType, **fields: Any) -> ModuleFace:
    return ModuleFace(
        name="module_a", version="1.0.0", summary="A module of a test", consumes=(type_,), produces=(),
        invasiveness=fields.pop("invasiveness", Invasiveness.ACTIVE), **fields,
    )  # fmt: skip


def test_a_waves_batches_are_what_the_modules_take_of_its_facts() -> None:
    ports = face(ObservationType.PORT, batch_size=100, concurrency=10, cost_class=CostClass.MEDIUM)
    loud = face(ObservationType.PORT, invasiveness=Invasiveness.INTRUSIVE)
    waves = scan.waves(1000, {"ports": ports, "loud": loud})
    (wave,) = [wave for wave in waves if wave.batches]
    assert wave.number == 3  # the domain, its hosts, their addresses, then the ports
    assert wave.batches == (scan.Batches("module_a", 30, 10.0),)  # 3,000 ports; 100 by tens, a second each
    assert wave.facts == 3000
    assert wave.found == 5000


def test_a_batch_ends_at_its_deadline() -> None:
    slow = face(ObservationType.IP, batch_size=1000, concurrency=1, cost_class=CostClass.HEAVY)
    (batches,) = [batches for wave in scan.waves(1000, {"slow": slow}) for batches in wave.batches]
    assert batches == scan.Batches("module_a", count=1, seconds=180.0)


def test_a_batch_costs_its_child_execution_its_function_and_its_calls() -> None:
    used = Usage({"DynamoDB.PutItem": 1, "S3.PutObject": 2, "S3.GetObject": 1}, writes=1.0, milliseconds=100.0)
    cost = scan._batch(10.0, used)
    child = 0.000001 + 10.0 * 0.0625 * 0.00001667
    seconds = 10.0 + 0.1 + 0.006 + 2 * 0.035 + 0.025
    function = 0.0000002 + seconds * 1769 / 1024 * 0.0000133334
    objects = 2 * 0.000005 + (1 + scan.BODIES_READ) * 0.0000004
    assert cost.total == pytest.approx(child + function + objects + 0.000000625)


@given(st.integers(1, 5000))
def test_a_larger_scan_costs_more_and_no_more_than_in_proportion(hosts: int) -> None:
    measured, faces = usage.read(), catalogue()
    small, large = scan.cost(hosts, faces, measured).total, scan.cost(2 * hosts, faces, measured).total
    assert small < large < 2.2 * small


def test_an_idle_deployment_pays_for_looking_into_its_queues() -> None:
    polls = (2 + month.OTHER_QUEUES) * 5 * 3 * 43_800
    assert month.idle(2).total == pytest.approx(1.00 + 2 * 0.40 + polls * 0.0000004)


def test_a_month_is_the_sum_of_what_is_done_in_it() -> None:
    measured = usage.read()
    quiet = Month(
        people=0, days=0, requests={}, scans=0, kept_scans=0, reports=0, watching_minutes=0, table_gigabytes=0
    )
    assert sum(part.total for part in month.cost(quiet, {}, measured).values()) == 0
    asking = Month(**{**quiet.__dict__, "requests": {"GET /scans": 1000}})
    expected = 1000 * model.request("GET /scans", measured).total
    assert sum(part.total for part in month.cost(asking, {}, measured).values()) == pytest.approx(expected)


def test_the_parts_of_a_scan_are_less_than_all_of_it() -> None:
    measured, faces = usage.read(), catalogue()
    parts = scan.by_part(1000, faces, measured)
    assert set(parts) - {"planning", "reducing"} <= set(faces)
    assert 0.5 * scan.cost(1000, faces, measured).total < sum(parts.values()) < scan.cost(1000, faces, measured).total


def test_every_operation_and_every_event_has_a_line() -> None:
    described = {f"{method.upper()} {path}" for path, item in openapi()["paths"].items() for method in item}
    measured = usage.read()
    assert set(measured.operations) == described
    assert set(measured.consumers) == set(all_events()) - RARE
    assert report.operations(measured).row_count == len(described)
    assert set(report.headline()["per_1000_requests"]) == described
    assert set(Month().requests) <= described


def test_everything_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(Console(width=200))
    shown = capsys.readouterr().out
    for words in ("GET /scans/{scan_id}", "A scan of 1,000 hosts", "A tenant's month", "nobody uses"):
        assert words in shown


DOORS = re.compile(r'self\.door\(\s*"([a-z-]+)"[^)]*?memory=(\d+)')


def test_the_memory_of_the_functions_is_the_deployed_one() -> None:
    contexts = ROOT / "infra" / "cdk" / "contexts"
    deployed = {
        (file.stem, door): int(memory)
        for file in contexts.glob("*.py")
        for door, memory in DOORS.findall(file.read_text())
    }
    steps = {
        "plan": ("collection", "plan"),
        "batch": ("collection", "run-batch"),
        "record": ("findings", "record"),
        "reduce": ("intelligence", "reduce"),
        "compact": ("intelligence", "compact"),
        "learn": ("intelligence", "learn"),
        "report: intelligence": ("intelligence", "hand-in"),
        "report: document": ("reports", "render"),
    }
    assert {name: deployed[door] for name, door in steps.items()} == model.MEMORY_MB
    assert f"memory={model.INTELLIGENCE_API_MB}" in (contexts / "intelligence.py").read_text()
    assert f"memory: int = {model.DOOR_MB}" in (ROOT / "infra/cdk/constructs/door.py").read_text()


def states(machine: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "state_machines" / machine).read_text())["States"]
    return found


def test_the_state_transitions_are_those_of_the_machines() -> None:
    wave = states("scans/scan.asl.json")
    path = ["Gate"]
    turns = {"WhatNext": "Plan", "AnyWork": "RunBatches"}
    while len(path) == 1 or path[-1] != "Gate":
        path.append(turns.get(path[-1]) or wave[path[-1]]["Next"])
    assert len(path) - 1 == scan.TRANSITIONS_OF_WAVE
    ending = ["Gate", "WhatNext", "Plan", "AnyWork", "NothingLeft", "Gate", "WhatNext", "Done"]
    assert set(ending) <= set(wave)
    assert len(ending) == scan.TRANSITIONS_OF_END
    assert len(states("intelligence/settle.asl.json")) + 1 == scan.TRANSITIONS_OF_KEEPING
    made = [name for name, state in states("reports/report.asl.json").items() if state["Type"] != "Fail"]
    assert len([name for name in made if "Fail" not in name]) == month.REPORT_TRANSITIONS


def test_the_documented_headline_is_the_models() -> None:
    text = (ROOT / "docs" / "costs.md").read_text()
    head = report.headline()
    thousand = head["per_1000_requests"]
    batches = sum(wave.size for wave in scan.waves(report.HOSTS, catalogue()))
    for stated in (
        f"(`GET /scans/{{scan_id}}`) | ${thousand['GET /scans/{scan_id}']:.4f} |",
        f"(`GET /scans/{{scan_id}}/observations`) | ${thousand['GET /scans/{scan_id}/observations']:.4f} |",
        f"${thousand['POST /scans']:.4f} |",
        f"{batches} batches) | ${head['per_scan_of_1000_hosts']:.2f} |",
        f"a report | ${head['per_report']:.4f} |",
        f"8 reports | ${head['per_tenant_month']:.2f} |",
    ):
        assert stated in text
