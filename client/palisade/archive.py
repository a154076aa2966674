"""Whole scans as files: put together from the members that the platform has, and checked on the way."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx

from palisade import transport
from palisade.api import CHUNK, Api
from palisade.errors import ApiProblem, CannotWrite, Unreachable, WrongUsage

MANIFEST = "manifest.json"
UPLOAD_SECONDS = 3600.0


def save(api: Api, scan: str, target: Path) -> int:
    """Write a scan's archive to a file, whole or not at all; its bytes. Raises CannotWrite, and Unreachable when a
    member is not what the manifest says."""
    made = api.get(f"/scans/{scan}/archive")
    partial = target.with_name(f".{target.name}.part")
    try:
        with partial.open("wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
            _add(archive, MANIFEST, json.dumps(made["manifest"]).encode())
            for part in made["manifest"]["parts"]:
                _add(archive, part["name"], _member(api, scan, made["links"], part))
        size = partial.stat().st_size
        partial.replace(target)
    except OSError as problem:
        raise CannotWrite(f"{target} cannot be written: {problem.strerror}.") from problem
    finally:
        partial.unlink(missing_ok=True)
    return size


def upload(link: str, source: Path) -> None:
    """Put a file where a link leads. Raises WrongUsage, ApiProblem, Unreachable."""
    try:
        size = source.stat().st_size
        with source.open("rb") as file, _client(link) as client:
            answer = client.put(link, content=_chunks(file), headers={"Content-Length": str(size)})
    except OSError as problem:
        raise WrongUsage(f"{source} cannot be read: {problem.strerror}.") from problem
    except httpx.TransportError as failure:
        raise Unreachable(f"The file could not be uploaded ({failure or type(failure).__name__}).") from failure
    if not answer.is_success:
        raise ApiProblem({"type": "about:blank", "title": "The file was not taken", "status": answer.status_code})


def _member(api: Api, scan: str, links: dict[str, str], part: dict[str, Any]) -> bytes:
    """One member. A link that has ended is asked for again."""
    for attempt in range(2):
        with _client(links[part["name"]]) as client:
            try:
                answer = client.get(links[part["name"]])
            except httpx.TransportError as failure:
                raise Unreachable(f"{part['name']} could not be fetched ({failure}).") from failure
        if answer.is_success:
            break
        if attempt == 0:
            links.update(api.get(f"/scans/{scan}/archive")["links"])
    body = answer.content
    if not answer.is_success or hashlib.sha256(body).hexdigest() != part["sha256"]:
        raise Unreachable(f"{part['name']} is not what was written: `palisade scans verify {scan}` says more.")
    return body


def _add(archive: tarfile.TarFile, name: str, body: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(body)
    archive.addfile(member, io.BytesIO(body))


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


@contextmanager
def _client(link: str) -> Iterator[httpx.Client]:
    timeout = httpx.Timeout(UPLOAD_SECONDS, connect=5.0)
    with httpx.Client(timeout=timeout, trust_env=not transport.is_loopback(link)) as client:
        yield client
