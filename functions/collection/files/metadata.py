"""What documents and pictures tell of those who made them. Runs in a process of its own (see `apart`), since the
files come from anywhere: nothing is written, nothing in a file is run or followed."""

from __future__ import annotations

import io
import json
import re
import resource
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

MAX_ENTRIES = 5_000
MAX_ENTRY = 1024 * 1024
MAX_TEXT = 500
MEMORY_BYTES = 1024 * 1024 * 1024
OOXML = {
    "creator": "author", "lastModifiedBy": "last_author", "Application": "software", "AppVersion": "software_version",
    "Company": "company", "Manager": "manager", "created": "created", "modified": "modified", "Template": "template",
    "title": "title",
}  # fmt: skip
ODF = {
    "creator": "last_author", "initial-creator": "author", "generator": "software", "creation-date": "created",
    "date": "modified", "printed-by": "printed_by", "title": "title",
}  # fmt: skip
PDF = {
    "/Author": "author", "/Creator": "software", "/Producer": "producer", "/CreationDate": "created",
    "/ModDate": "modified", "/Title": "title", "/Company": "company",
}  # fmt: skip
EXIF = {
    "Image Artist": "author", "Image Copyright": "copyright", "Image Software": "software", "Image Make": "camera_make",
    "Image Model": "camera_model", "Image DateTime": "created", "Image HostComputer": "computer",
    "EXIF CameraOwnerName": "author", "EXIF BodySerialNumber": "camera_serial", "Image XPAuthor": "author",
}  # fmt: skip
_PATH = re.compile(rb"(?:[A-Za-z]:\\(?:Users|Documents and Settings)\\|/(?:home|Users)/)([\w.-]{2,40})[\\/]")
_PICTURES = (b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"\x89PNG\r\n\x1a\n")


class Unreadable(Exception):
    """A file of a known kind that cannot be read."""


def kind_of(data: bytes) -> str:
    """The kind of a file by its first bytes: `pdf`, `zip`, `picture`, `ole`, or empty."""
    if data[:1024].find(b"%PDF-") >= 0 and not data.startswith(b"PK"):
        return "pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if data.startswith(_PICTURES) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP") or data[4:8] == b"ftyp":
        return "picture"
    return "ole" if data.startswith(b"\xd0\xcf\x11\xe0") else ""


def read_metadata(data: bytes) -> dict[str, Any]:
    """`{kind, fields, users, also}` of a file. Raises `Unreadable`.

    `users` are the names of users in paths within the file; `also` lists further formats that the same bytes are read
    as (a polyglot).
    """
    kind = kind_of(data)
    readers = {"pdf": _pdf, "zip": _zip, "picture": _picture}
    try:
        found = readers[kind](data) if kind in readers else {}
    except Unreadable:
        raise
    except Exception as error:
        # Libraries fail in many ways at files made to break them.
        raise Unreadable(f"{type(error).__name__}: {str(error)[:200]}") from None
    fields = {name: _clean(value) for name, value in found.items() if _clean(value)}
    users = sorted({match.decode() for match in _PATH.findall(data)})[:20]
    return {"kind": kind, "fields": fields, "users": users, "also": list(_also(data, kind))}


def _also(data: bytes, kind: str) -> Iterator[str]:
    if kind != "zip" and data.rfind(b"PK\x05\x06", max(0, len(data) - 66_000)) >= 0:
        yield "zip"
    if kind == "zip" and data[:1024].find(b"%PDF-") >= 0:
        yield "pdf"
    if kind and re.search(rb"<script[\s>]|<\?php", data[:4096], re.I):
        yield "script"


def _pdf(data: bytes) -> dict[str, Any]:
    import logging

    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = PdfReader(io.BytesIO(data), strict=False)
    info = reader.trailer.get("/Info")
    info = info.get_object() if info is not None else {}
    found = {name: info.get(key) for key, name in PDF.items() if info and info.get(key) is not None}
    if reader.is_encrypted:
        found["encrypted"] = "yes"
    return found


def _zip(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = {entry.filename: entry for entry in archive.infolist()}
        if len(names) > MAX_ENTRIES:
            raise Unreadable(f"an archive of {len(names)} entries")
        found: dict[str, Any] = {}
        for name, words in (("docProps/core.xml", OOXML), ("docProps/app.xml", OOXML), ("meta.xml", ODF)):
            if name in names:
                found |= _xml(_entry(archive, names[name]), words)
        if any(name.lower().endswith("vbaproject.bin") for name in names):
            found["macros"] = "yes"
        return found


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """An entry's bytes, whatever size it claims. Nothing is ever put where its name says."""
    with archive.open(entry) as opened:
        data = opened.read(MAX_ENTRY + 1)
    if len(data) > MAX_ENTRY:
        raise Unreadable(f"{entry.filename[:60]} is larger than {MAX_ENTRY} bytes")
    return data


def _xml(data: bytes, words: dict[str, str]) -> dict[str, Any]:
    from defusedxml import ElementTree

    root = ElementTree.fromstring(data, forbid_dtd=True)
    found: dict[str, Any] = {}
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2]
        if name in words and element.text:
            found.setdefault(words[name], element.text)
    return found


def _picture(data: bytes) -> dict[str, Any]:
    import exifread

    tags = exifread.process_file(io.BytesIO(data), details=False)
    found: dict[str, Any] = {}
    for key, name in EXIF.items():
        if key in tags:
            found.setdefault(name, tags[key])
    place = _place(tags)
    return found | ({"place": place} if place else {})


def _place(tags: dict[str, Any]) -> str:
    """Latitude and longitude in degrees, to about ten metres."""
    found = []
    for axis, limit in (("Latitude", 90), ("Longitude", 180)):
        values = getattr(tags.get(f"GPS GPS{axis}"), "values", None)
        if not values or len(values) != 3:
            return ""
        degrees = sum(float(value) / 60**power for power, value in enumerate(values))
        sign = -1 if str(tags.get(f"GPS GPS{axis}Ref", "")).strip().upper()[:1] in ("S", "W") else 1
        if not 0 <= degrees <= limit:
            return ""
        found.append(f"{sign * degrees:.4f}")
    return ", ".join(found)


def _clean(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    text = text.encode("utf-8", "replace").decode()
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:MAX_TEXT]


def main() -> int:
    """Read a file from standard input and print what it tells, under limits that the kernel keeps."""
    seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        answer = read_metadata(sys.stdin.buffer.read())
    except Unreadable as error:
        answer = {"error": str(error)}
    except (MemoryError, RecursionError) as error:
        answer = {"error": type(error).__name__}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
