"""How large each room is in Lambda: its code, the kernel and its layers, unzipped, with their byte code.

Byte code that is not staged (this interpreter is not Lambda's) is counted as this interpreter would write it.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from infra.cdk import packaging
from tests.bench.figure import Figure
from tests.bench.surroundings import Surroundings

GROUP = "packages"
MEGABYTE = 1024 * 1024
LAMBDA_LIMIT = 250 * MEGABYTE
DOCUMENTS = frozenset({"reports"})
"""Rooms that draw: their layer alone outgrows the budget, so they are held to Lambda's own limit."""
ANALYSTS = "intelligence"
"""The room of which two doors have the layer of documents, for what it has of mathematics."""
WORKERS = "collection"
"""The room whose workers have layers of protocols and of what reads files that its other doors have not; nobody waits
for their start."""
PYC_HEADER = 16


def figures(_surroundings: Surroundings) -> Iterator[Figure]:
    """Every room of the source tree. The wheels are fetched when they are not staged yet."""
    shared = unzipped(packaging.ROOT / "layers" / "kernel" / "python") + _layer("runtime")
    for folder in sorted((packaging.ROOT / "functions").iterdir()):
        if not (folder / "service.py").exists() and not (folder / "service").is_dir():
            continue
        draws = folder.name in DOCUMENTS
        size = unzipped(folder) + shared + (_layer("documents") if draws else 0)
        limit, against = (LAMBDA_LIMIT, "Lambda's limit") if draws else (packaging.MAX_UNZIPPED, "limit")
        yield Figure(GROUP, f"{folder.name}: code and layers", size / MEGABYTE, "MB", limit / MEGABYTE, against=against)
        if folder.name == ANALYSTS:
            name = f"{folder.name}: doors of analysis"
            heavy = (size + _layer("documents")) / MEGABYTE
            yield Figure(GROUP, name, heavy, "MB", LAMBDA_LIMIT / MEGABYTE, against="Lambda's limit")
        if folder.name == WORKERS:
            size += _layer("protocols") + _layer("files")
            name = f"{folder.name}: workers of scans"
            yield Figure(GROUP, name, size / MEGABYTE, "MB", LAMBDA_LIMIT / MEGABYTE, against="Lambda's limit")


def unzipped(folder: Path) -> int:
    """Bytes of a folder's files, and of the byte code of its modules."""
    return sum(
        file.stat().st_size + (_byte_code(file) if file.suffix == ".py" else 0)
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    )


@cache
def _layer(name: str) -> int:
    return unzipped(packaging.dependency_layer(name))


def _byte_code(module: Path) -> int:
    staged = list((module.parent / "__pycache__").glob(f"{module.stem}.*.pyc"))
    if staged and "build" in module.parts:
        return staged[0].stat().st_size
    try:
        return len(marshal.dumps(compile(module.read_bytes(), str(module), "exec", dont_inherit=True))) + PYC_HEADER
    except SyntaxError:  # a template, or for a newer Python: Lambda's bundle has it without byte code
        return 0
