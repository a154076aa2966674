"""The audit trail as an auditor meets it: told, sealed, exported, verified."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest

from palisade.audit import tree
from palisade.audit.verify import canonical, verify
from tests.e2e.client import Client, eventually

pytestmark = pytest.mark.e2e


def made(admin: Client, **order: Any) -> bytes:
    """A file of the trail."""
    answer = admin.post("/audit/reports", json=order)
    assert answer.status_code == 202, answer.text
    path = f"/audit/reports/{answer.json()['report_id']}"
    ready = eventually(lambda: [r for r in [admin.get(path).json()] if r["status"] in ("ready", "failed")])[0]
    assert ready["status"] == "ready", ready
    return httpx.get(ready["download_url"]).raise_for_status().content


def test_a_deed_is_sealed_exported_and_verified(admin: Client, stranger: Client) -> None:
    told = admin.post("/audit/log", json={"action": "door.opened", "resource": "vault-1", "subject": "Ada"})
    assert told.status_code == 201, told.text
    entry = told.json()
    assert (entry["external"], entry["sealed"]) == (True, False)
    path = f"/audit/logs/{entry['entry_id']}"
    sealed = eventually(lambda: [e for e in [admin.get(path).json()] if e["sealed"]], 40)[0]
    proof = sealed["proof"]
    leaf = tree.leaf_hash(canonical(proof["leaf"]))
    steps = [bytes.fromhex(step) for step in proof["path"]]
    root = tree.root_of_path(proof["sequence"], proof["head"]["size"], leaf, steps)
    assert root is not None
    assert root.hex() == proof["head"]["root"]
    verdict = verify(gzip.decompress(made(admin, format="export")).splitlines(keepends=True))
    assert verdict.faults == []
    assert verdict.size > proof["sequence"]
    assert verdict.anchors > 0
    assert b"door.opened" in made(admin, format="csv", filters={"resource": "vault-1"})
    assert made(admin, format="pdf").startswith(b"%PDF-")
    assert stranger.get(path).status_code == 404
    assert b"door.opened" not in made(stranger, format="json")
