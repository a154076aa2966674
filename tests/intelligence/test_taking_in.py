"""Files become scans, through the room's doors: uploaded, read, reduced; whole scans go from one organisation to
another; what is broken leaves nothing."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from contracts.facts import scan_prefix, upload_key
from contracts.observations import Observation
from contracts.scans import ScanBrief, ScanEnded, ScanStatus
from functions.intelligence import api, steps
from functions.intelligence.model import archive as archive_module
from functions.intelligence.model import parts as parts_module
from functions.intelligence.service import imports as imports_service
from functions.scans import steps as scans_steps
from kernel.actor import Actor
from kernel.errors import PreconditionFailed
from kernel.facts import Facts
from kernel.table import Table, update
from tests.executions import MACHINE, queued, status_change
from tests.intelligence.stored import Scan
from tests.kit import Answer, actor, call, committed_events

pytestmark = pytest.mark.usefixtures("cloud")
CSV = "type,value,source\ndomain,a.example,\nhost,www.a.example,a.example\n"


@pytest.fixture
def who() -> Actor:
    return actor()


def ask(who: Actor, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    return call(api.handler, method, path, who, body, headers=headers)


def key_in(link: str) -> str:
    """The key that a link leads to."""
    path = urlsplit(link).path
    return path[path.index("tenants/") :]


def uploaded(who: Actor, body: bytes, format_: str = "csv") -> dict[str, Any]:
    """An import whose file is there, started."""
    made = ask(who, "POST", "/imports", {"name": "Old facts", "format": format_})
    assert made.status == 201
    path = f"/imports/{made.body['import_id']}"
    Facts().put(who, upload_key(who.tenant_id, made.body["import_id"]), body)
    started = ask(who, "POST", f"{path}/start")
    assert (started.status, started.body["status"]) == (202, "running")
    return dict(started.body)


def run(who: Actor, body: bytes, format_: str = "csv") -> dict[str, Any]:
    """What the state machine does with a file; how the import stands then."""
    begun = uploaded(who, body, format_)
    work = {"tenant_id": who.tenant_id, "import_id": begun["import_id"]}
    taken = steps.take_in(work, None)
    for wave in range(taken["waves"]):
        steps.reduce({"tenant_id": who.tenant_id, "scan_id": begun["scan_id"], "wave": wave}, None)
    if taken["waves"]:
        for _ in range(2):
            scans_steps.adopt({"tenant_id": who.tenant_id, **json.loads(json.dumps(taken["scan"]))}, None)
        for _ in range(2):
            steps.finish_import(work, None)
    return dict(ask(who, "GET", f"/imports/{begun['import_id']}").body)


def values(who: Actor, scan_id: str) -> list[tuple[str, str]]:
    found = ask(who, "GET", f"/scans/{scan_id}/observations").body["items"]
    return sorted((each["type"], each["value"]) for each in found)


def test_a_file_becomes_a_scan(who: Actor) -> None:
    said = run(who, CSV.encode())
    assert (said["status"], said["observations"], said["faults"]) == ("ready", 2, [])
    assert values(who, said["scan_id"]) == [("domain", "a.example"), ("host", "www.a.example")]
    graph = ask(who, "GET", f"/scans/{said['scan_id']}/graph").body
    assert [edge["relation"] for edge in graph["edges"]] == ["has_host"]
    brief = Table().require(who, ScanBrief, scan_id=said["scan_id"])
    assert (brief.status, brief.profile, brief.targets, brief.tally.observations) == (
        *("finished", "imported", ("a.example",), 2),
    )
    told = [event.type for event in committed_events()]
    assert told.count(ScanEnded.type) == told.count("ImportFinished.v1") == told.count("ScanCreated.v1") == 1
    assert list(Facts().keys(who, f"tenants/{who.tenant_id}/imports/")) == []
    assert "upload_url" not in {name for name, value in said.items() if value}


def test_the_file_is_put_where_the_import_says(who: Actor) -> None:
    made = ask(who, "POST", "/imports", {"name": "n", "format": "csv"}).body
    link = ask(who, "GET", f"/imports/{made['import_id']}").body["upload_url"]
    assert key_in(link) == upload_key(who.tenant_id, made["import_id"])
    assert "X-Amz-Expires=900" in link


def test_reading_a_file_again_writes_the_same(who: Actor) -> None:
    begun = uploaded(who, CSV.encode())
    work = {"tenant_id": who.tenant_id, "import_id": begun["import_id"]}
    first = steps.take_in(work, None)
    objects = {key: Facts().get(who, key) for key in Facts().keys(who, scan_prefix(who.tenant_id, begun["scan_id"]))}
    assert steps.take_in(work, None) == first
    assert {key: Facts().get(who, key) for key in objects} == objects


@pytest.mark.parametrize("body", [b"type,value\nhost,a\nnothing,b\n", b""])
def test_a_file_with_faults_leaves_nothing_but_them(who: Actor, body: bytes) -> None:
    said = run(who, body)
    assert (said["status"], said["observations"]) == ("failed", 0)
    assert said["faults"] == (
        [{"line": 3, "detail": "There is no type 'nothing'."}]
        if body
        else [{"line": 0, "detail": "Nothing was uploaded."}]
    )
    assert list(Facts().keys(who, f"tenants/{who.tenant_id}/")) == []
    assert Table().get(who, ScanBrief, scan_id=said["scan_id"]) is None
    assert [event.type for event in committed_events()][-1] == "ImportFailed.v1"


def test_what_of_ours_went_wrong_leaves_nothing_either(who: Actor) -> None:
    begun = uploaded(who, CSV.encode())
    work = {"tenant_id": who.tenant_id, "import_id": begun["import_id"]}
    steps.take_in(work, None)
    steps.finish_import({**work, "cause": "States.Timeout"}, None)
    said = ask(who, "GET", f"/imports/{begun['import_id']}").body
    assert said["status"] == "failed"
    assert "States.Timeout" in said["faults"][0]["detail"]
    assert list(Facts().keys(who, f"tenants/{who.tenant_id}/")) == []


def test_an_import_is_asked_for_as_it_must_be(who: Actor) -> None:
    assert ask(who, "POST", "/imports", {"name": "n", "format": "doc"}).problem == "unknown-format"
    assert ask(who, "POST", "/imports", {"name": "n", "format": "csv", "team_id": "t"}).problem == "unknown-team"
    assert ask(who, "POST", "/imports", {"name": "", "format": "csv"}).status == 422
    begun = uploaded(who, CSV.encode())
    again = ask(who, "POST", f"/imports/{begun['import_id']}/start")
    assert (again.status, again.problem) == (409, "import-not-awaiting")
    assert ask(actor(), "GET", f"/imports/{begun['import_id']}").status == 404
    assert [each["import_id"] for each in ask(who, "GET", "/imports").body["items"]] == [begun["import_id"]]


def test_a_file_has_so_many_bytes(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports_service, "MAX_FILE", 10)
    assert "10 bytes at most" in run(who, CSV.encode())["faults"][0]["detail"]


# Whole scans


def archived(scan: Scan) -> bytes:
    """A scan as the command line puts it together."""
    said = ask(scan.who, "GET", f"/scans/{scan.id}/archive").body
    members = {"manifest.json": json.dumps(said["manifest"]).encode()}
    for part in said["manifest"]["parts"]:
        members[part["name"]] = Facts().get(scan.who, key_in(said["links"][part["name"]]))
    return tarred(members)


def tarred(members: dict[str, bytes]) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return body.getvalue()


def members(body: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(body)) as file:
        return {each.name: file.extractfile(each).read() for each in file}  # type: ignore[union-attr]


def ended(scan: Scan) -> Scan:
    brief = Table().require(scan.who, ScanBrief, scan_id=scan.id)
    brief.status, brief.modules = ScanStatus.FINISHED, {"m": "1.0.0"}
    Table().write(update(brief))
    return scan


def shape(who: Actor, scan_id: str) -> list[object]:
    """A scan's facts without what differs from one scan to another."""
    graph = ask(who, "GET", f"/scans/{scan_id}/graph").body
    nodes = [{name: value for name, value in node.items() if name != "evidence"} for node in graph["nodes"]]
    return [nodes, sorted((edge["source"], edge["target"], edge["relation"]) for edge in graph["edges"])]


@pytest.mark.parametrize("compacted", [False, True])
def test_a_whole_scan_goes_to_another_organisation(scan: Scan, compacted: bool) -> None:
    ended(scan)
    if compacted:
        steps.compact({"tenant_id": scan.who.tenant_id, "scan_id": scan.id}, None)
    body = archived(scan)
    stranger = actor()
    said = run(stranger, body, "palisade")
    assert (said["status"], said["observations"], said["faults"]) == ("ready", 7, [])
    assert said["scan_id"] != scan.id
    assert shape(stranger, said["scan_id"]) == shape(scan.who, scan.id)
    for key in Facts().keys(stranger, scan_prefix(stranger.tenant_id, said["scan_id"])):
        assert scan.who.tenant_id not in key
    ids = {each["id"] for each in ask(stranger, "GET", f"/scans/{said['scan_id']}/observations").body["items"]}
    assert not ids & {each["id"] for each in scan.get("observations").body["items"]}
    twice = run(stranger, body, "palisade")
    assert shape(stranger, twice["scan_id"]) == shape(stranger, said["scan_id"])


def test_a_large_scan_is_taken_in_in_waves(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports_service, "WAVE_ROWS", 4)
    monkeypatch.setattr(imports_service, "SEGMENT_ROWS", 2)
    monkeypatch.setattr(parts_module, "BLOCK_ROWS", 3)
    scan = Scan(who)
    root = scan.fact("domain", "a.example")
    chain: list[Observation] = [root]
    for number in range(20):  # all at one instant: only the sources tell the order
        chain.append(scan.fact("host", f"h{number}.a.example", chain[-1]))
    scan.reduce(0, chain)
    said = run(who, archived(ended(scan)), "palisade")
    assert said["observations"] == 21
    assert shape(who, said["scan_id"]) == shape(who, scan.id)


def test_a_scan_that_goes_on_is_not_archived(scan: Scan) -> None:
    assert scan.get("archive").problem == "scan-not-ended"
    assert scan.get("archive", who=actor()).status == 404


Change = Callable[[dict[str, bytes]], dict[str, bytes]]
FIRST = "observations/00000.mpk.gz"


def with_manifest(change: Callable[[dict[str, Any]], None]) -> Change:
    def changed(found: dict[str, bytes]) -> dict[str, bytes]:
        manifest = json.loads(found["manifest.json"])
        change(manifest)
        return {**found, "manifest.json": json.dumps(manifest).encode()}

    return changed


def flipped(found: dict[str, bytes]) -> dict[str, bytes]:
    body = bytearray(found[FIRST])
    body[len(body) // 2] ^= 1
    return {**found, FIRST: bytes(body)}


def bombed(found: dict[str, bytes]) -> dict[str, bytes]:
    import gzip
    import hashlib

    bomb = gzip.compress(b"\0" * 80_000_000, 9)
    manifest = json.loads(found["manifest.json"])
    told = {"size": len(bomb), "blocks": [len(bomb)], "sha256": hashlib.sha256(bomb).hexdigest()}
    manifest["parts"][0] |= told
    return {**found, "manifest.json": json.dumps(manifest).encode(), FIRST: bomb}


def swollen(found: dict[str, bytes]) -> dict[str, bytes]:
    import gzip
    import hashlib

    row = Observation(
        id="a", type="host", value="x" * 300_000, source_id="", module="m", module_version="1.0.0",
        observed_at="2026-01-01T00:00:00.000Z",
    )  # fmt: skip
    block = gzip.compress(msgspec.msgpack.encode([row]))
    manifest = json.loads(found["manifest.json"])
    told = {"size": len(block), "blocks": [len(block)], "sha256": hashlib.sha256(block).hexdigest()}
    manifest["parts"] = [{**manifest["parts"][0], **told}]
    return {"manifest.json": json.dumps(manifest).encode(), FIRST: block}


TAMPERED: dict[str, tuple[Change, str]] = {
    "a bit is flipped": (flipped, "was changed"),
    "a part is missing": (lambda found: {name: found[name] for name in list(found)[:-1]}, "is missing"),
    "a part is added": (lambda found: {**found, "more": b"x"}, "more than its manifest"),
    "a part has another name": (
        lambda found: {("../../etc/passwd" if name == FIRST else name): body for name, body in found.items()},
        "there is",
    ),
    "the manifest comes last": (lambda found: dict(reversed(found.items())), "begins with"),
    "the manifest is none": (lambda found: {**found, "manifest.json": b"{"}, "cannot be read"),
    "the manifest is deep": (lambda found: {**found, "manifest.json": b"[" * 100_000}, "cannot be read"),
    "the manifest has more": (with_manifest(lambda m: m.update(x=1)), "cannot be read"),
    "another version": (with_manifest(lambda m: m.update(version=2)), "version 2"),
    "a size lies": (with_manifest(lambda m: m["parts"][0].update(size=7)), "another size"),
    "the blocks lie": (with_manifest(lambda m: m["parts"][0].update(blocks=[1, 2])), "another size"),
    "no parts": (with_manifest(lambda m: m.update(parts=[])), "more than its manifest"),
    "a bomb": (bombed, "too large"),
    "a fact is huge": (swollen, "no observation"),
    "many targets": (with_manifest(lambda m: m["scan"].update(targets=["x" * 2000] * 1000)), "of its scan"),
    "many modules": (
        with_manifest(lambda m: m["scan"].update(modules={f"m{n}": "1" * 99 for n in range(9999)})),
        "of its scan",
    ),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_an_archive_that_was_changed_is_refused_whole(scan: Scan, how: str) -> None:
    change, words = TAMPERED[how]
    stranger = actor()
    said = run(stranger, tarred(change(members(archived(ended(scan))))), "palisade")
    assert said["status"] == "failed"
    assert words in said["faults"][0]["detail"], said["faults"]
    assert list(Facts().keys(stranger, f"tenants/{stranger.tenant_id}/")) == []


def test_an_archive_that_is_broken_off_is_refused_wherever(scan: Scan) -> None:
    body = archived(ended(scan))
    used = len(body.rstrip(b"\0"))
    for end in range(0, used, max(1, used // 40)):
        with pytest.raises(archive_module.Faulty):
            archive_module.open_archive(io.BytesIO(body[:end]), "k")


def test_links_in_an_archive_are_refused(scan: Scan) -> None:
    found = members(archived(ended(scan)))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        info = tarfile.TarInfo("manifest.json")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        made.addfile(info)
    assert found
    with pytest.raises(archive_module.Faulty, match="begins with"):
        archive_module.open_archive(io.BytesIO(file.getvalue()), "k")


def test_an_import_whose_execution_breaks_off_is_not_waited_for(who: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPORT_MACHINE_ARN", MACHINE)
    begun = uploaded(who, CSV.encode())
    work = {"tenant_id": who.tenant_id, "import_id": begun["import_id"]}
    steps.take_in(work, None)
    told = [status_change(name, work) for name in (begun["import_id"], "gone", begun["import_id"])]
    assert steps.executions(queued(*told), None) == {"batchItemFailures": []}
    failed = ask(who, "GET", f"/imports/{begun['import_id']}").body
    assert failed["status"] == "failed"
    assert failed["faults"] == [
        {"line": 0, "detail": "Somebody who operates the platform ended its execution. Try again."}
    ]
    assert list(Facts().keys(who, scan_prefix(who.tenant_id, begun["scan_id"]))) == []


def test_an_import_that_is_given_up_while_its_file_is_read_leaves_nothing(
    who: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step Functions ends an execution, and not the Lambda that works for it."""
    monkeypatch.setenv("IMPORT_MACHINE_ARN", MACHINE)
    begun = uploaded(who, CSV.encode())
    work = {"tenant_id": who.tenant_id, "import_id": begun["import_id"]}
    told = queued(status_change(begun["import_id"], work))
    read = imports_service._read

    def read_while_it_ends(*arguments: Any) -> Any:
        rows = read(*arguments)
        steps.executions(told, None)
        return rows

    monkeypatch.setattr(imports_service, "_read", read_while_it_ends)
    with pytest.raises(PreconditionFailed):
        steps.take_in(work, None)
    assert ask(who, "GET", f"/imports/{begun['import_id']}").body["status"] == "failed"
    assert list(Facts().keys(who, scan_prefix(who.tenant_id, begun["scan_id"]))) == []
