"""ExifTool beside the module that reads metadata, on a document, a PDF and a picture."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

from functions.collection.files.apart import metadata_of
from tests.collection.modules.test_files import document, pdf, picture
from tests.collection.servers import program
from tests.oracles.comparison import Comparison

NAMES = {
    "Artist": "author", "Author": "author", "Creator": "author", "LastModifiedBy": "last_author", "Company": "company",
    "Application": "software", "Producer": "producer", "GPSPosition": "place",
}  # fmt: skip


def compare(folder: Path) -> Comparison:
    """`file: field = value` for what identifies makers and places."""
    exiftool = program("exiftool", "libimage-exiftool-perl")
    ours: set[str] = set()
    theirs: set[str] = set()
    for name, body in (("a.docx", document()), ("b.pdf", pdf()), ("c.tif", picture())):
        (folder / name).write_bytes(body)
        told = asyncio.run(metadata_of(body))["fields"]
        ours |= {f"{name}: {field} = {value}" for field, value in told.items()}
        command = [exiftool, "-json", "-c", "%.4f", str(folder / name)]
        said = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)[0]
        theirs |= {f"{name}: {NAMES[tag]} = {_plain(tag, value)}" for tag, value in said.items() if tag in NAMES}
    return Comparison.of("exiftool", "metadata of three files", ours, theirs)


def _plain(tag: str, value: Any) -> str:
    return str(value).replace(" N", "").replace(" E", "") if tag == "GPSPosition" else str(value)
