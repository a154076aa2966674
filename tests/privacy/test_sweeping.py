"""The last look through everything: objects of every kind, kept answers, keys that name the person, items that move."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import Any

from kernel.facts import Facts
from kernel.idempotency import Kept
from kernel.records import Record
from kernel.table import Table, create
from tests.faults import METADATA, Reply, hooked, refusal
from tests.privacy.test_erasures import ask
from tests.privacy.world import ADA, NAME, World, everything


class Named(Record, pk="TENANT#{tenant_id}#NOTES", sk="BY#{email}"):
    """An item whose very key names somebody."""

    email: str


class Note(Record, pk="TENANT#{tenant_id}#NOTES", sk="NOTE#{number}"):
    """An item that names somebody."""

    number: int
    text: str


def packed(**members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file.getvalue()


def test_objects_that_name_the_person_go_and_others_stay(world: World) -> None:
    bodies = {
        "reports/plain": f"Ordered by {NAME}".encode(),
        "reports/gzipped": gzip.compress(f"Sent to {ADA}".encode()),
        "reports/zipped": packed(a="nothing", b=f"From {NAME}"),
        "privacy/plain": f"{ADA}".encode(),
        "reports/innocent": b"Nobody is named here",
        "reports/innocent-zip": packed(a="nothing"),
        "reports/innocent-gzip": gzip.compress(b"nothing"),
        "reports/broken-gzip": b"\x1f\x8bbroken",
    }
    root = f"tenants/{world.tenant_id}/"
    for name, body in bodies.items():
        Facts().put(world.boss, f"{root}{name}", body)
    assert world.erase(ask(world).body["erasure_id"]) == "done"
    left = {key.removeprefix(root) for key in Facts().keys(world.boss, f"{root}reports/")}
    assert {name for name in left if name in bodies} == {
        name for name in bodies if "innocent" in name or "broken" in name
    }
    assert f"{root}privacy/plain" not in list(Facts().keys(world.boss, f"{root}privacy/"))


def test_items_whose_key_names_the_person_and_kept_answers_go(world: World) -> None:
    table = Table()
    kept = Kept(tenant_id=world.tenant_id, digest="d", fingerprint="f", status=201, body=f'{{"email": "{ADA}"}}')
    for record in (Named(tenant_id=world.tenant_id, email=ADA), kept):
        table.write(create(record))
    assert world.erase(ask(world).body["erasure_id"]) == "done"
    assert table.get(world.boss, Named, email=ADA) is None
    assert table.get(world.boss, Kept, digest="d") is None


def test_an_item_that_is_changed_meanwhile_is_read_again(world: World) -> None:
    table = Table()
    table.write(create(Note(tenant_id=world.tenant_id, number=1, text=f"Call {NAME}, {ADA}")))
    erasure_id = ask(world).body["erasure_id"]
    refused: list[str] = []

    def change_once(model: Any, params: dict[str, Any], **_rest: Any) -> Any:
        if model.name != "PutItem" or "#NOTES" not in str(params["body"]) or refused:
            return None
        refused.append(model.name)
        return Reply(400), {**METADATA, **refusal("ConditionalCheckFailedException")}

    with hooked(change_once, "before-call"):
        assert world.erase(erasure_id) == "done"
    assert refused
    note = table.get(world.boss, Note, number=1)
    assert note is not None
    assert ADA not in note.text
    own = [line for line in everything().splitlines() if f"TENANT#{world.tenant_id}" in line]
    assert not [line for line in own if ADA in line]
