"""`palisade audit`: the trail is listed, taken along, and checked without the platform."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from palisade.audit import p256
from palisade.audit.verify import canonical
from tests.audit.places import Place, travelling
from tests.client.conftest import Palisade
from tests.client.platform import Json, Platform

REPORT = "areport_01J00000000000000000000000"


def lived() -> tuple[bytes, bytes]:
    """Two exports of one log."""
    with travelling() as time:
        place = Place()
        files = []
        for _ in range(2):
            place.keep(*(place.deed() for _ in range(5)), place.deed(timedelta(seconds=300)))
            time.shift(130)
            place.seal()
            files.append(b"".join(place.export()))
    return files[0], files[1]


@pytest.fixture(scope="module")
def exports() -> tuple[bytes, bytes]:
    return lived()


@pytest.fixture
def export(exports: tuple[bytes, bytes], tmp_path: Path) -> Path:
    file = tmp_path / "audit.jsonl.gz"
    file.write_bytes(gzip.compress(exports[1]))
    return file


def test_an_untouched_export_is_good(palisade: Palisade, export: Path) -> None:
    said = palisade("audit", "verify", export)
    assert said.code == 0, said
    assert "Nothing was changed." in said.out
    assert "fingerprint" in said.err
    data = palisade("audit", "verify", export, "--json").data
    assert (data["ok"], data["entries"], data["faults"]) == (True, 12, [])
    (print_,) = data["fingerprints"]
    told = ":".join(print_[at : at + 2] for at in range(0, 64, 2)).upper()
    assert palisade("audit", "verify", export, "--fingerprint", told).code == 0
    assert palisade("audit", "verify", export, "--fingerprint", "00" * 32).code == 6


def test_a_changed_entry_is_named(palisade: Palisade, exports: tuple[bytes, bytes], tmp_path: Path) -> None:
    lines = exports[1].splitlines(keepends=True)
    at = [number for number, line in enumerate(lines) if b'"type":"entry"' in line][3]
    entry = json.loads(lines[at])
    entry["leaf"]["user_id"] = "user_innocent\u202e\x1b[2J"
    lines[at] = canonical(entry) + b"\n"
    file = tmp_path / "audit.jsonl"
    file.write_bytes(b"".join(lines))
    said = palisade("audit", "verify", file)
    assert said.code == 6
    assert f"entry 3 ({entry['leaf']['entry_id']})" in said.out
    assert "\x1b[2J" not in said.out
    data = palisade("audit", "verify", file, "--json").data
    assert {fault["code"] for fault in data["faults"]} == {"file", "entry"}


def test_an_export_is_held_against_an_earlier_one(
    palisade: Palisade, export: Path, exports: tuple[bytes, bytes], tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier.jsonl"
    earlier.write_bytes(exports[0])
    assert palisade("audit", "verify", export, "--against", earlier).code == 0
    backwards = palisade("audit", "verify", earlier, "--against", export, "--json")
    assert backwards.code == 6
    assert [fault["code"] for fault in backwards.data["faults"]] == ["truncated"]
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_bytes(lived()[0])
    said = palisade("audit", "verify", export, "--against", foreign, "--json")
    assert [fault["code"] for fault in said.data["faults"]] == ["against"]


@pytest.mark.parametrize("content", [b"\x1f\x8brubbish", None])
def test_what_is_no_file_is_a_wrong_usage(palisade: Palisade, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "x"
    if content is not None:
        file.write_bytes(content)
    assert palisade("audit", "verify", file).code == 2


@pytest.mark.parametrize("content", [b"", b"no export\n", b"\x00" * 100, b"[" * 100_000])
def test_any_other_file_is_no_good_export(palisade: Palisade, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    assert palisade("audit", "verify", file).code == 6


def ready(**more: object) -> Json:
    return {"report_id": REPORT, "status": "ready", "entries": 3, **more}


def test_an_export_is_ordered_awaited_and_saved(palisade: Palisade, logged_in: Platform, tmp_path: Path) -> None:
    logged_in.files["e"] = b"the file"
    queued = {"report_id": REPORT, "status": "queued"}
    logged_in.answer("POST /audit/reports", queued)
    logged_in.answer(f"GET /audit/reports/{REPORT}", ready(download_url=f"{logged_in.url}/files/e"))
    target = tmp_path / "out.jsonl.gz"
    said = palisade("audit", "export", "--since", "2026-01-01T00:00:00Z", "-o", target, "--json")
    assert (said.code, said.data["entries"]) == (0, 3)
    assert target.read_bytes() == b"the file"
    (order,) = logged_in.called("POST /audit/reports")
    assert order.body == {"format": "export", "since": "2026-01-01T00:00:00Z"}


def test_a_report_is_ordered_with_its_filters(palisade: Palisade, logged_in: Platform, tmp_path: Path) -> None:
    logged_in.files["e"] = b"a,b"
    logged_in.answer("POST /audit/reports", ready(download_url=f"{logged_in.url}/files/e"))
    target = tmp_path / "out.csv"
    assert palisade("audit", "report", "--format", "csv", "--category", "security", "-o", target).code == 0
    (order,) = logged_in.called("POST /audit/reports")
    assert order.body == {"format": "csv", "filters": {"category": "security"}}
    failed = {"report_id": REPORT, "status": "failed", "reason": "No."}
    logged_in.answer("POST /audit/reports", failed)
    assert palisade("audit", "export", "-o", target).code == 1


def test_entries_are_listed(palisade: Palisade, logged_in: Platform) -> None:
    entry = {"at": "2026-01-02T03:04:05.678Z", "email": None, "user_id": "user_1", "address": "203.0.113.9"}
    logged_in.page("GET /audit/logs", [{**entry, "action": "ScanQueued", "resource": "scan_1"}])
    said = palisade("audit", "logs", "--actor", "user_1", "--category", "security")
    assert said.code == 0
    assert "ScanQueued" in said.out
    (asked,) = logged_in.called("GET /audit/logs")
    assert (asked.query["actor"], asked.query["category"]) == (["user_1"], ["security"])


# the signature, against another implementation

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@settings(max_examples=25)
@given(st.binary(max_size=200), st.data())
def test_signatures_are_told_from_what_is_none(message: bytes, data: st.DataObject) -> None:
    signature = KEY.sign(message, ec.ECDSA(hashes.SHA256()))
    assert p256.is_signed(PUBLIC, message, signature)
    assert not p256.is_signed(PUBLIC, message + b"x", signature)
    at = int(data.draw(st.floats(0, 1, exclude_max=True)) * len(signature))
    bent = bytearray(signature)
    bent[at] ^= 1 << data.draw(st.integers(0, 7))
    assert not p256.is_signed(PUBLIC, message, bytes(bent))
    assert not p256.is_signed(PUBLIC, message, signature + b"\x00")
    assert not p256.is_signed(PUBLIC, message, signature[:-1])


@pytest.mark.parametrize("signature", [b"", b"0", bytes.fromhex("3006020100020100"), bytes.fromhex("3006020101020180")])
def test_degenerate_signatures_are_none(signature: bytes) -> None:
    assert not p256.is_signed(PUBLIC, b"", signature)


@pytest.mark.parametrize(
    "key",
    [b"", PUBLIC[:-1], PUBLIC[:-1] + bytes([PUBLIC[-1] ^ 1]), PUBLIC[:27] + bytes(64)],
    ids=["nothing", "cut short", "off the curve", "zero"],
)
def test_degenerate_keys_sign_nothing(key: bytes) -> None:
    assert not p256.is_signed(key, b"m", KEY.sign(b"m", ec.ECDSA(hashes.SHA256())))
