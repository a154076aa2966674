"""What scans came to know, on the local cloud: files become scans, scans make one graph, and go elsewhere whole."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from typing import Any

import httpx
import pytest

from tests.e2e.client import Client, eventually

pytestmark = pytest.mark.e2e


def imported(client: Client, body: bytes, form: str) -> dict[str, Any]:
    """A file that was taken in, or not."""
    made = client.post("/imports", json={"name": "From a file", "format": form})
    assert made.status_code == 201, made.text
    path = f"/imports/{made.json()['import_id']}"
    httpx.put(client.get(path).json()["upload_url"], content=body).raise_for_status()
    assert client.post(f"{path}/start").status_code == 202
    over = ("ready", "failed")
    found: dict[str, Any] = eventually(lambda: [r for r in [client.get(path).json()] if r["status"] in over])[0]
    return found


def table(*names: str) -> bytes:
    domain, *hosts = names
    rows = [f"domain,{domain},", *(f"host,{host},{domain}" for host in hosts)]
    return ("type,value,source\n" + "\n".join(rows) + "\n").encode()


def known(client: Client, name: str) -> list[dict[str, Any]]:
    return list(client.everything("/graph/entities", contains=name))


def is_compacted(client: Client, scan_id: str) -> bool:
    """The scan's machine has come to its end: what compaction replaced is gone, and nothing is missing."""
    said = client.get(f"/scans/{scan_id}/integrity", params={"limit": 200}).json()
    return said["objects"] > 0 and not said["damages"]


def test_files_become_scans_and_scans_one_graph(admin: Client, stranger: Client) -> None:
    name = f"{uuid.uuid4().hex[:10]}.example"
    first = imported(admin, table(name, f"old.{name}", f"www.{name}"), "csv")
    assert (first["status"], first["observations"]) == ("ready", 3), first
    assert admin.finished(first["scan_id"])["profile"] == "imported"
    assert len(eventually(lambda: known(admin, name))) == 3
    second = imported(admin, table(name, f"www.{name}", f"new.{name}"), "csv")
    things = eventually(lambda: [found for found in [known(admin, name)] if len(found) == 4])[0]
    assert {each["value"]: each["scans"] for each in things}[f"www.{name}"] == 2
    root = next(each["key"] for each in things if each["type"] == "domain")
    near = admin.get(f"/graph/entities/{root}/neighbourhood").json()
    assert {each["value"] for each in near["nodes"]} == {name, *(f"{label}.{name}" for label in ("old", "www", "new"))}
    told = admin.get(f"/graph/entities/{root}").json()
    assert [each["scan_id"] for each in told["sightings"]] == [first["scan_id"], second["scan_id"]]
    assert admin.get("/graph/communities").json()["communities"] >= 1
    assert admin.get("/graph/ranking", params={"measure": "degree"}).json()["items"]
    assert name in admin.get("/graph/export", params={"format": "stix"}, follow_redirects=True).text
    assert known(stranger, name) == []
    assert admin.delete(f"/scans/{first['scan_id']}").status_code == 204
    eventually(lambda: len(known(admin, name)) == 3)


def test_a_file_with_faults_is_told_line_by_line(admin: Client) -> None:
    refused = imported(admin, b"type,value\nhost,a.example\nnothing,x\n", "csv")
    assert refused["status"] == "failed"
    assert refused["faults"] == [{"line": 3, "detail": "There is no type 'nothing'."}]
    assert admin.get(f"/scans/{refused['scan_id']}").status_code == 404


def test_a_whole_scan_goes_to_another_organisation(admin: Client, stranger: Client) -> None:
    name = f"{uuid.uuid4().hex[:10]}.example"
    made = imported(admin, table(name, f"www.{name}"), "csv")
    eventually(lambda: is_compacted(admin, made["scan_id"]))
    said = admin.get(f"/scans/{made['scan_id']}/archive").json()
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as file:
        members = {"manifest.json": json.dumps(said["manifest"]).encode()}
        for part in said["manifest"]["parts"]:
            members[part["name"]] = httpx.get(said["links"][part["name"]]).raise_for_status().content
        for member, content in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    taken = imported(stranger, body.getvalue(), "palisade")
    assert (taken["status"], taken["observations"]) == ("ready", 2), taken
    values = {each["value"] for each in stranger.everything(f"/scans/{taken['scan_id']}/observations")}
    assert values == {name, f"www.{name}"}
    assert stranger.get(f"/scans/{made['scan_id']}/archive").status_code == 404
    broken = imported(stranger, body.getvalue()[:1500], "palisade")
    assert broken["status"] == "failed"


def test_how_long_facts_are_kept_is_said_and_tried(admin: Client) -> None:
    said = admin.get("/facts/retention/dry-run", params={"days": 3650}).json()
    assert (said["scans"], said["observations"]) == ([], 0)
