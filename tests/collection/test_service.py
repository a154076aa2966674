"""Planning waves and running batches through the room's doors: repeated, halted, lost and forgotten."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from contracts.facts import decode_observations, decode_rows, encode_rows, frontier_key, scan_prefix, segment_key
from contracts.observations import Observation, observation_id
from contracts.reports import CollectionPart, part_key
from contracts.scans import (
    Budget,
    ScanBrief,
    ScanDeleted,
    ScanStatus,
    Tally,
)
from contracts.scope import Scope
from functions.collection import api, events, steps
from functions.collection.model import BatchInput, Leftover, WaveEntry
from functions.collection.store import Store
from kernel.actor import Actor
from kernel.events import Envelope
from kernel.facts import Facts
from kernel.ids import new_id
from kernel.outbox import outbox_record
from kernel.table import Table, create, update
from tests.e2e.site import slow_site
from tests.kit import actor, call, sqs_event

pytestmark = pytest.mark.usefixtures("cloud")

VERSIONS = {"crawler": "1.0.0", "web_headers": "1.0.0"}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A small web site on loopback."""
    with slow_site(6, 0) as address:
        yield address


class Scan:
    """A scan as its context shows it, and the steps of its state machine."""

    def __init__(self, who: Actor, target: str, **fields: Any) -> None:
        self.who = who
        brief = ScanBrief(
            tenant_id=who.tenant_id,
            scan_id=new_id("scan"),
            name="Site",
            status=fields.pop("status", ScanStatus.RUNNING),
            targets=(target,),
            modules=fields.pop("modules", VERSIONS),
            created_at="2026-11-20T08:00:00.000Z",
            **fields,
        )
        Table().write(create(brief))
        self.id = brief.scan_id

    def event(self, **fields: Any) -> dict[str, Any]:
        return {"tenant_id": self.who.tenant_id, "scan_id": self.id, **fields}

    def plan(self, wave: int = 0, **budget: float) -> dict[str, Any]:
        whole = {"tasks": 10**6, "packets": 10**9, "bytes": 10**12, "dollars": 50.0}
        planned: dict[str, Any] = steps.plan(self.event(wave=wave, budget={**whole, **budget}), None)
        return planned

    def run(self, batch: int = 1, wave: int = 0) -> int:
        found: int = steps.run_batch(self.event(wave=wave, batch=batch), None)
        return found

    def close(self, wave: int = 0) -> dict[str, Any]:
        used: dict[str, Any] = steps.close(self.event(wave=wave), None)
        return used

    def segment(self, batch: int = 1, wave: int = 0) -> list[Observation]:
        key = segment_key(self.who.tenant_id, self.id, wave, batch)
        return decode_observations(Facts().get(self.who, key))

    def objects(self, area: str = "") -> dict[str, bytes]:
        prefix = scan_prefix(self.who.tenant_id, self.id) + area
        return {key: Facts().get(self.who, key) for key in Facts().keys(self.who, prefix)}

    def found(self, type_: str, value: str) -> Observation:
        return Observation(
            id=observation_id(self.id, type_, value, self.id),
            type=type_,
            value=value,
            source_id=self.id,
            module="crawler",
            module_version="1.0.0",
            observed_at="2026-11-20T08:00:00.000Z",
        )

    def progress(self) -> dict[str, Any]:
        shown: dict[str, Any] = call(api.handler, "GET", f"/scans/{self.id}/progress", self.who).body
        return shown

    def become(self, status: ScanStatus) -> None:
        brief = Table().require(self.who, ScanBrief, scan_id=self.id)
        brief.status = status
        Table().write(update(brief))


def test_what_the_first_wave_was_given_is_not_handled_again(site: str) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    scan.run()
    key = frontier_key(scan.who.tenant_id, scan.id, 0, 0)
    Facts().put(scan.who, key, encode_rows([*scan.segment(0), *scan.segment(1)]))
    assert scan.plan(wave=1)["batches"] == 1
    assert {row.module for row in Store().batch(scan.who, scan.id, 1, 1).observations} == {"crawler"}
    assert Store().batch(scan.who, scan.id, 1, 1).module == "web_headers"


def test_a_plan_names_its_batches_and_planning_again_plans_the_same(site: str) -> None:
    scan = Scan(actor(), site)
    planned = scan.plan()
    assert (planned["batches"], planned["tasks"], planned["dropped"]) == (1, 1, 0)
    listed = json.loads(Facts().get(scan.who, planned["key"]))
    assert listed == [scan.event(wave=0, batch=1)]
    before = scan.objects()
    assert scan.plan() == planned
    assert scan.objects() == before
    assert [(seed.type, seed.value) for seed in scan.segment(0)] == [("url", site)]


def test_a_batch_that_runs_twice_writes_the_same_and_counts_once(site: str) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    assert scan.run() > 6
    names = {(each.type, each.value) for each in scan.segment()}
    kept, shown = set(scan.objects()), scan.progress()
    scan.run()
    assert {(each.type, each.value) for each in scan.segment()} == names
    assert set(scan.objects()) == kept
    assert scan.progress() == shown
    assert (shown["batches"], shown["batches_done"], shown["modules"]) == (1, 1, ["crawler"])
    assert shown["observations"] == len(scan.segment())


def test_a_later_batch_reads_what_an_earlier_one_fetched(site: str) -> None:
    scan = Scan(actor(), site, modules={**VERSIONS, "extraction": "1.0.0"})
    scan.plan()
    scan.run()
    pages = [each for each in scan.segment() if each.type == "http_response"]
    assert pages
    references = [value for page in pages for value in page.attributes.values() if str(value).startswith("0:1:")]
    assert references
    wave, batch, offset, length = map(int, references[0].split(":"))
    body = Store().read_bodies(scan.who, scan.id, wave, batch)[offset : offset + length]
    assert b"<title>" in body


@pytest.mark.parametrize("status", [ScanStatus.PAUSING, ScanStatus.STOPPING])
def test_a_halted_scan_sends_nothing_and_hands_everything_over(site: str, status: ScanStatus) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    scan.become(status)
    assert scan.run() == 0
    (leftover,) = [row for body in scan.objects("leftovers/").values() for row in decode_rows(body, Leftover)]
    assert (leftover.module, leftover.observation.value) == ("crawler", site)
    scan.become(ScanStatus.RUNNING)
    assert scan.plan(wave=1)["batches"] == 1
    assert scan.run(wave=1) > 6


def test_a_scan_that_is_paused_while_a_batch_runs_rests_within_two_seconds_and_loses_nothing() -> None:
    with slow_site(40, 0.4) as site:
        scan = Scan(actor(), site, modules={"crawler": "1.0.0"})
        scan.plan()
        paused_at: list[float] = []

        def pause() -> None:
            time.sleep(1.5)
            scan.become(ScanStatus.PAUSING)
            paused_at.append(time.monotonic())

        clicking = threading.Thread(target=pause)
        clicking.start()
        scan.run()
        assert time.monotonic() - paused_at[0] < 2
        clicking.join()
        first = {(each.type, each.value) for each in scan.segment() if each.type == "http_response"}
        assert 0 < len(first) < 40
        scan.become(ScanStatus.RUNNING)
        seen = set(first)
        reduced(scan, 0)
        assert scan.plan(wave=1)["batches"] == 1
        scan.run(wave=1)
        seen |= {(each.type, each.value) for each in scan.segment(wave=1) if each.type == "http_response"}
        assert len(seen) == 40


def reduced(scan: Scan, wave: int) -> None:
    """The frontier as the reducer leaves it."""
    key = frontier_key(scan.who.tenant_id, scan.id, wave, 0)
    Facts().put(scan.who, key, encode_rows(scan.segment(wave=wave)))


def test_a_batch_rests_when_its_share_of_the_budget_is_used_up_and_says_how_much_it_used() -> None:
    with slow_site(40, 0.05) as site:
        scan = Scan(actor(), site, modules={"crawler": "1.0.0"})
        scan.plan(packets=40)
        scan.run()
        used = scan.close()
        assert 40 <= used["packets"] < 120
        assert used["bytes"] > 1000
        assert used["dollars"] > 0
        assert 0 < len([each for each in scan.segment() if each.type == "http_response"]) < 40


def test_tasks_that_were_handed_over_are_counted_when_they_are_handled(site: str) -> None:
    scan = Scan(actor(), site)
    planned = scan.plan()
    scan.become(ScanStatus.PAUSING)
    scan.run()
    assert (scan.close()["tasks"], scan.close()["left"]) == (0, planned["tasks"])
    scan.become(ScanStatus.RUNNING)
    again = scan.plan(wave=1)
    for batch in range(1, again["batches"] + 1):
        scan.run(batch=batch, wave=1)
    assert (scan.close(1)["tasks"], scan.close(1)["left"]) == (again["tasks"], 0)


def test_a_scan_whose_time_is_over_sends_nothing(site: str) -> None:
    scan = Scan(actor(), site, ends_at="2020-01-01T00:00:00.000Z")
    scan.plan()
    assert scan.run() == 0
    assert scan.close()["left"] == 1


def test_a_long_batch_tells_how_it_goes_and_its_last_word_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.collection.supervision.TELL_SECONDS", 0.2)
    with slow_site(3, 0.6) as site:
        unreachable = "http://127.0.0.1:9/"
        scan = Scan(actor(), site, modules={"http_probe": "1.0.0"})
        batch = [seed_of(scan, site), seed_of(scan, unreachable)]
        Store().write_plan(scan.who, scan.id, 0, [BatchInput(module="http_probe", version="1.0.0", observations=batch)])
        running = threading.Thread(target=scan.run)
        running.start()
        seen: list[dict[str, Any]] = []
        while running.is_alive():
            seen = seen or call(api.handler, "GET", f"/scans/{scan.id}/log", scan.who).body["items"]
            time.sleep(0.05)
        running.join()
    assert [line["value"] for line in seen] == [unreachable]
    assert call(api.handler, "GET", f"/scans/{scan.id}/log", scan.who).body["items"] == seen


def seed_of(scan: Scan, url: str) -> Observation:
    return Observation(
        id=observation_id(scan.id, "url", url, ""),
        type="url",
        value=url,
        source_id="",
        module="target",
        module_version="1.0.0",
        observed_at="2026-11-20T08:00:00.000Z",
    )


def test_an_estimate_names_the_first_wave_exactly_and_sends_nothing() -> None:
    """Nobody listens at the target: a packet would be an error."""
    scan = Scan(actor(), "127.0.0.0/29", modules={"tcp_connect": "1.0.0", "reverse_dns": "1.0.0"})
    shown = call(api.handler, "GET", f"/scans/{scan.id}/estimate", scan.who).body
    assert [(each["module"], each["tasks"]) for each in shown["first_wave"]] == [
        ("reverse_dns", 6), ("tcp_connect", 6),
    ]  # fmt: skip
    assert shown["first_wave"][1]["examples"][0] == "127.0.0.1 (admitted by 127.0.0.0/29)"
    for name in ("tasks", "packets", "minutes", "dollars"):
        assert 0 < shown[name]["low"] < shown[name]["likely"] < shown[name]["high"]
    assert shown["tasks"]["likely"] >= 12
    assert shown["exceeds"] == []
    assert scan.objects() == {}


def test_an_estimate_rests_on_the_last_scan_of_the_same_kind_and_warns_of_the_budget() -> None:
    who = actor()
    tally = Tally(tasks=400, packets=9000, bytes=10**6, dollars=0.02, seconds=90)
    before = Scan(who, "127.0.0.1", modules={"resolve": "1.0.0"}, tally=tally, status=ScanStatus.FINISHED)
    scan = Scan(who, "127.0.0.1", modules={"resolve": "1.0.0"}, budget=Budget(packets=500))
    shown = call(api.handler, "GET", f"/scans/{scan.id}/estimate", who).body
    assert before.id in shown["basis"]
    assert (shown["tasks"]["likely"], shown["minutes"]["likely"]) == (400, 1.5)
    assert shown["exceeds"] == ["packets: about 9000, and the budget allows 500"]
    assert call(api.handler, "GET", f"/scans/{scan.id}/estimate", actor()).status == 404


def test_progress_says_how_long_the_wave_will_take() -> None:
    scan = Scan(actor(), "127.0.0.0/28", modules={"tcp_connect": "1.0.0", "reverse_dns": "1.0.0"})
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        assert scan.plan()["batches"] == 2
        assert scan.progress()["seconds_left"] is None
        clock.shift(30)
        steps.record_loss(scan.event(wave=0, batch=1, cause="x"), None)
        assert scan.progress()["seconds_left"] == 30


def test_what_lies_outside_the_scope_is_not_planned(site: str) -> None:
    scan = Scan(actor(), site, scope=Scope(deny=("127.0.0.1",)))
    assert scan.plan()["batches"] == 0


def test_a_name_in_scope_does_not_lead_to_an_address_that_the_scope_denies(site: str) -> None:
    named = site.replace("127.0.0.1", "localhost")
    for deny, is_found in (((), True), (("127.0.0.0/8", "::1"), False)):
        scan = Scan(actor(), named, scope=Scope(deny=deny), modules={"http_probe": "1.0.0"})
        assert scan.plan()["batches"] == 1
        assert (scan.run() > 0) is is_found


def test_a_budget_of_tasks_drops_the_rest() -> None:
    scan = Scan(actor(), "127.0.0.0/29", modules={"tcp_connect": "1.0.0"})
    planned = scan.plan(tasks=2)
    assert (planned["tasks"], planned["dropped"]) == (2, 4)


def test_a_lost_batch_is_told_in_the_log_and_the_scan_goes_on(site: str) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    steps.record_loss(scan.event(wave=0, batch=1, cause="Sandbox.Timedout"), None)
    (line,) = call(api.handler, "GET", f"/scans/{scan.id}/log", scan.who).body["items"]
    assert (line["level"], line["module"], line["count"]) == ("error", "crawler", 1)
    assert "Sandbox.Timedout" in line["message"]
    assert (scan.progress()["batches_done"], scan.progress()["errors"]) == (1, 1)


def test_a_batch_that_ended_without_a_word_is_a_loss_when_its_wave_is_closed(site: str) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    used = scan.close()
    assert (used["tasks"], used["errors"]) == (1, 1)
    assert scan.close() == used
    (line,) = call(api.handler, "GET", f"/scans/{scan.id}/log", scan.who).body["items"]
    assert (line["level"], line["module"], line["count"]) == ("error", "crawler", 1)


def test_the_wave_of_a_scan_that_was_deleted_is_closed_in_silence(site: str) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    Store().delete(scan.who, scan.id)
    assert scan.close()["tasks"] == 0


def test_a_module_gets_the_tenants_configuration(site: str) -> None:
    scan = Scan(actor(), site, module_configs={"crawler": {"max_pages": 2}})
    scan.plan()
    scan.run()
    assert len([each for each in scan.segment() if each.type == "http_response"]) == 2


def test_a_deleted_scan_is_forgotten_and_its_running_batches_end(site: str) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    scan.run()
    brief = Table().require(scan.who, ScanBrief, scan_id=scan.id)
    Table().client.delete_item(
        TableName="palisade",
        Key={name: {"S": value} for name, value in ScanBrief.key(scan.who, scan_id=scan.id).items()},
    )
    record = outbox_record(Actor.system(scan.who.tenant_id), ScanDeleted(scan_id=scan.id, name=brief.name), 1)
    events.handler(sqs_event(Envelope.model_validate_json(record.envelope)), None)
    assert scan.objects() == {}
    assert list(Table().all(scan.who, WaveEntry, scan_id=scan.id)) == []
    assert scan.run() == 0
    assert call(api.handler, "GET", f"/scans/{scan.id}/log", scan.who).status == 404


def test_a_stranger_sees_neither_progress_nor_log(site: str) -> None:
    scan = Scan(actor(), site)
    for view in ("progress", "log"):
        assert call(api.handler, "GET", f"/scans/{scan.id}/{view}", actor()).status == 404


def test_a_report_hears_how_the_modules_worked(site: str) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    scan.run()
    steps.hand_in(scan.event(report_id="report_1"), None)
    body = Facts().get(scan.who, part_key(scan.who.tenant_id, "report_1", "collection"))
    (part,) = decode_rows(body, CollectionPart)
    (run,) = part.modules
    assert (run.name, run.tasks, run.observations) == ("crawler", 1, len(scan.segment()))
    assert run.summary


def test_ids_of_seeds_are_those_of_the_scan(site: str) -> None:
    scan = Scan(actor(), site)
    scan.plan()
    (seed,) = scan.segment(0)
    assert seed.id == observation_id(scan.id, "url", site, scan.id)
