"""A rescan does only what has changed, and comes to the same facts as a scan that does everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.facts import encode_rows, frontier_key
from contracts.observations import Observation
from contracts.scans import ScanBrief, ScanStatus
from functions.collection import steps
from functions.collection.model import BatchInput
from functions.collection.store import Store
from functions.intelligence import steps as keeping
from functions.intelligence.model import compaction
from kernel.facts import Facts
from kernel.table import Table, update
from tests.collection.test_service import Scan
from tests.e2e.site import slow_site
from tests.kit import actor

pytestmark = pytest.mark.usefixtures("cloud")

MODULES = {"http_probe": "1.0.0", "web_headers": "1.0.0", "technology": "1.0.0"}


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with slow_site(3, 0) as address:
        yield address


def carry_out(scan: Scan) -> list[list[BatchInput]]:
    """Wave after wave with a frontier of what is new; what was done in each."""
    done: list[list[BatchInput]] = []
    seen = set[tuple[str, str]]()
    for wave in range(6):
        planned = scan.plan(wave=wave)
        batches = [Store().batch(scan.who, scan.id, wave, n) for n in range(1, planned["batches"] + 1)]
        for number in range(1, planned["batches"] + 1):
            scan.run(batch=number, wave=wave)
        found = [row for number in range(planned["batches"] + 1) for row in rows(scan, number, wave)]
        fresh = {(row.type, row.value): row for row in found if (row.type, row.value) not in seen}
        if not batches and not fresh:
            return done
        done.append(batches)
        seen |= set(fresh)
        key = frontier_key(scan.who.tenant_id, scan.id, wave, 0)
        Facts().put(scan.who, key, encode_rows(list(fresh.values())))
    raise AssertionError("it does not end")


def rows(scan: Scan, number: int, wave: int) -> list[Observation]:
    key = f"segments/{wave:05}/{number:05}.mpk.gz"
    return scan.segment(number, wave) if scan.objects(key) else []


def modules_run(done: list[list[BatchInput]]) -> set[str]:
    return {batch.module for wave in done for batch in wave}


def facts_of(scan: Scan) -> set[tuple[str, str]]:
    waves = {int(key.rsplit("/", 2)[1]) for key in scan.objects("segments/")}
    numbers = {int(key.rsplit("/", 1)[1].partition(".")[0]) for key in scan.objects("segments/")}
    return {(row.type, row.value) for wave in waves for number in numbers for row in rows(scan, number, wave)}


def chain_is_whole(scan: Scan) -> None:
    """Every fact but the targets follows from another fact of the same scan."""
    known: dict[str, Observation] = {}
    for key in scan.objects("segments/"):
        wave, number = key.removesuffix(".mpk.gz").rsplit("/", 2)[1:]
        known |= {row.id: row for row in rows(scan, int(number), int(wave))}
    for row in known.values():
        assert row.source_id in known or row.module == "target"


def keep(scan: Scan) -> None:
    """Have a scan that has ended reduced, compacted and swept: what its batches wrote goes."""
    for wave in sorted({int(key.rsplit("/", 2)[1]) for key in scan.objects("segments/")}):
        keeping.reduce(scan.event(wave=wave), None)
        brief = Table().require(scan.who, ScanBrief, scan_id=scan.id)
        brief.wave = wave + 1
        Table().write(update(brief))
    scan.become(ScanStatus.FINISHED)
    keeping.compact(scan.event(), None)
    keeping.sweep(scan.event(), None)


def given(scan: Scan) -> list[list[tuple[str, str, str, str, dict[str, Any]]]]:
    """What was taken over in each wave."""
    keys = [key for key in scan.objects("segments/") if key.endswith("/00000.mpk.gz")]
    waves = [rows(scan, 0, int(key.rsplit("/", 2)[1])) for key in keys]
    return [[(row.type, row.value, row.module, row.observed_at, row.attributes) for row in each] for each in waves]


def test_from_a_compacted_scan_the_same_is_taken_over(site: str) -> None:
    who = actor()
    first = Scan(who, site, modules=MODULES)
    carry_out(first)
    before = Scan(who, site, modules=MODULES, baseline_id=first.id)
    ran = modules_run(carry_out(before))
    found = facts_of(first)
    keep(first)
    assert first.objects("segments/") == first.objects("batches/") == {}
    again = Scan(who, site, modules=MODULES, baseline_id=first.id)
    assert modules_run(carry_out(again)) == ran == {"http_probe"}
    assert facts_of(again) == found
    assert given(again) == given(before)
    assert sum(map(len, given(again))) > len(MODULES)
    chain_is_whole(again)


def test_a_scan_that_was_compacted_when_segments_stayed_is_taken_over_from(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = actor()
    first = Scan(who, site, modules=MODULES)
    carry_out(first)
    monkeypatch.setattr(compaction, "_found", lambda *_anything: "")
    keep(first)
    assert first.objects("segments/")
    again = Scan(who, site, modules=MODULES, baseline_id=first.id)
    assert modules_run(carry_out(again)) == {"http_probe"}
    assert facts_of(again) == facts_of(first)


def test_what_follows_from_the_same_content_is_taken_over(site: str) -> None:
    who = actor()
    first = Scan(who, site, modules=MODULES)
    everything = carry_out(first)
    assert modules_run(everything) == set(MODULES)
    again = Scan(who, site, modules=MODULES, baseline_id=first.id)
    assert modules_run(carry_out(again)) == {"http_probe"}
    assert facts_of(again) == facts_of(first)
    chain_is_whole(again)


def test_a_wave_in_which_all_is_taken_over_still_has_something_to_reduce(site: str) -> None:
    who = actor()
    first = Scan(who, site, modules=MODULES)
    carry_out(first)
    again = Scan(who, site, modules=MODULES, baseline_id=first.id)
    carry_out(again)
    planned = again.plan(wave=1)
    assert planned["batches"] == 0
    assert planned["given"] > 0
    assert Scan(who, site, modules=MODULES).plan()["given"] == 0


def test_what_was_done_a_moment_ago_is_not_repeated_when_that_is_fresh_enough(site: str) -> None:
    who = actor()
    port = {"tcp_connect": "1.0.0"}
    config = {"tcp_connect": {"ports": [1, 2, 3]}}
    first = Scan(who, "127.0.0.1", modules=port, module_configs=config)
    assert modules_run(carry_out(first)) == {"tcp_connect"}
    again = Scan(who, "127.0.0.1", modules=port, module_configs=config, baseline_id=first.id, fresh_minutes=10**6)
    assert modules_run(carry_out(again)) == set()
    other = {"tcp_connect": {"ports": [1, 2, 4]}}
    changed = Scan(who, "127.0.0.1", modules=port, module_configs=other, baseline_id=first.id, fresh_minutes=10**6)
    assert modules_run(carry_out(changed)) == {"tcp_connect"}


def test_another_version_of_a_module_does_its_work_anew(site: str) -> None:
    who = actor()
    first = Scan(who, site, modules=MODULES)
    carry_out(first)
    again = Scan(who, site, modules={**MODULES, "technology": "9.9.9"}, baseline_id=first.id)
    assert modules_run(carry_out(again)) == {"http_probe", "technology"}


def test_what_points_at_a_stored_body_is_fetched_again(site: str) -> None:
    who = actor()
    first = Scan(who, site, modules=MODULES)
    carry_out(first)
    again = Scan(who, site, modules=MODULES, baseline_id=first.id, fresh_minutes=10**6)
    assert "http_probe" in modules_run(carry_out(again))


@pytest.mark.parametrize("gone", ["deleted", "another tenant's"])
def test_without_the_earlier_scan_everything_is_done(site: str, gone: str) -> None:
    who = actor()
    first = Scan(actor() if gone != "deleted" else who, site, modules=MODULES)
    carry_out(first)
    missing: Any = first.id if gone != "deleted" else "scan_gone"
    again = Scan(who, site, modules=MODULES, baseline_id=missing)
    assert modules_run(carry_out(again)) == set(MODULES)


def test_what_was_lost_is_done_anew(site: str) -> None:
    who = actor()
    first = Scan(who, site, modules=MODULES)
    first.plan()
    steps.record_loss(first.event(wave=0, batch=1, cause="x"), None)
    again = Scan(who, site, modules=MODULES, baseline_id=first.id)
    assert modules_run(carry_out(again)) == set(MODULES)


def test_a_rescan_outlives_the_scan_that_it_takes_over_from(site: str) -> None:
    who = actor()
    first = Scan(who, site, modules=MODULES)
    carry_out(first)
    again = Scan(who, site, modules=MODULES, baseline_id=first.id)
    carry_out(again)
    assert again.plan(wave=1)["given"] > 0
    Store().delete(who, first.id)
    planned = again.plan(wave=1)
    assert (planned["given"], planned["batches"] > 0) == (0, True)


def test_planning_a_rescan_again_plans_the_same(site: str) -> None:
    who = actor()
    first = Scan(who, site, modules=MODULES)
    carry_out(first)
    again = Scan(who, site, modules=MODULES, baseline_id=first.id)
    carry_out(again)
    before = again.objects()
    again.plan(wave=1)
    assert again.objects() == before
