"""A synthesised cloud assembly (`cdk.out`) as data: its stacks in the order of their dependencies, and its files.

The format is that of aws-cdk's cloud-assembly-schema: `manifest.json` lists artifacts, `*.assets.json` the files
and where they are to be uploaded.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from infra.local.emulator import ACCOUNT, REGION

STACK = "aws:cloudformation:stack"
ASSETS = "cdk:asset-manifest"
NESTED = "cdk:cloud-assembly"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class AssemblyError(Exception):
    """The directory is no cloud assembly that can be deployed; the message says why."""


@dataclass(frozen=True)
class Asset:
    """One file or folder and the place in S3 that the templates refer to."""

    source: Path
    is_folder: bool
    bucket: str
    key: str

    def content(self) -> bytes:
        """What to upload: the file, or a zip of the folder whose bytes depend on its files alone."""
        return zip_of(self.source) if self.is_folder else self.source.read_bytes()


@dataclass(frozen=True)
class Stack:
    """One stack to deploy."""

    name: str
    template: Path
    parameters: dict[str, str]

    @property
    def fingerprint(self) -> str:
        """A digest of all that decides what the stack deploys; assets are in it by their hashes in the template."""
        digest = hashlib.sha256(self.template.read_bytes())
        digest.update(json.dumps(self.parameters, sort_keys=True).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class Assembly:
    """The stacks in an order in which they can be deployed, and the assets that they need."""

    stacks: tuple[Stack, ...]
    assets: tuple[Asset, ...]


def read(directory: Path) -> Assembly:
    """Read a cloud assembly, with the nested assemblies of its stages. Raises `AssemblyError`."""
    try:
        artifacts = dict(_artifacts(directory))
    except (OSError, ValueError, KeyError) as problem:
        raise AssemblyError(f"{directory} is not a cloud assembly: {problem}") from problem
    stacks = {key: artifact for key, artifact in artifacts.items() if artifact[1]["type"] == STACK}
    graph = {key: _stack_dependencies(key, artifacts) for key in stacks}
    order = TopologicalSorter(graph).static_order()
    assets = {asset.key: asset for asset in _assets(artifacts)}
    return Assembly(tuple(_stack(*stacks[key]) for key in order), tuple(assets.values()))


def _artifacts(directory: Path) -> Iterator[tuple[str, tuple[Path, dict[str, Any]]]]:
    manifest = json.loads((directory / "manifest.json").read_text())
    for name, artifact in manifest["artifacts"].items():
        yield name, (directory, artifact)
        if artifact["type"] == NESTED:
            yield from _artifacts(directory / artifact["properties"]["directoryName"])


def _stack_dependencies(name: str, artifacts: dict[str, tuple[Path, dict[str, Any]]]) -> set[str]:
    _, artifact = artifacts[name]
    return {each for each in artifact.get("dependencies", ()) if artifacts[each][1]["type"] == STACK}


def _stack(directory: Path, artifact: dict[str, Any]) -> Stack:
    properties = artifact["properties"]
    name = str(properties.get("stackName") or artifact["displayName"])
    return Stack(name, directory / properties["templateFile"], properties.get("parameters", {}))


def _assets(artifacts: dict[str, tuple[Path, dict[str, Any]]]) -> Iterator[Asset]:
    for directory, artifact in artifacts.values():
        if artifact["type"] == ASSETS:
            listed = json.loads((directory / artifact["properties"]["file"]).read_text())
            for file in listed.get("files", {}).values():
                yield from _destinations(directory, file)


def _destinations(directory: Path, file: dict[str, Any]) -> Iterator[Asset]:
    source = file["source"]
    if "path" not in source:
        raise AssemblyError(f"An asset is made by a command ({source.get('executable')}), which is not run locally.")
    for place in file["destinations"].values():
        yield Asset(
            directory / source["path"],
            source.get("packaging") == "zip",
            _resolved(place["bucketName"]),
            _resolved(place["objectKey"]),
        )


def _resolved(name: str) -> str:
    for placeholder, value in (("AccountId", ACCOUNT), ("Region", REGION), ("Partition", "aws")):
        name = name.replace(f"${{AWS::{placeholder}}}", value)
    return name


def zip_of(folder: Path) -> bytes:
    """A zip of the folder's files with fixed times and order; symbolic links are followed, as the CDK does."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_EPOCH)
                entry.external_attr = (path.stat().st_mode & 0o777) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()
