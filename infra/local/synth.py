"""Synthesises the platform's stacks for the laptop, once for each state of the sources they come from."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from infra.local.emulator import ACCOUNT, REGION, ROOT

STAGE = "local"
NODE_AT_LEAST = 20
# Everything a template can depend on.
INPUTS = ("cdk.json", "pyproject.toml", "requirements", "infra/cdk", "functions", "layers", "state_machines", "web")
_NOT_INPUTS = frozenset({"__pycache__", "node_modules", ".vite", "coverage"})
KEPT = 3


class SynthError(Exception):
    """The stacks could not be synthesised; the message says why."""


def synthesise(assemblies: Path, say: Callable[[str], None], settings: Mapping[str, str] | None = None) -> Path:
    """The cloud assembly of the sources as they are, made unless it was made before. Raises `SynthError`.

    `settings` are the environment variables that the local stage reads: the ports, the name servers.
    """
    settings = settings or {}
    target = assemblies / digest(ROOT, settings)
    if (target / "manifest.json").exists():
        os.utime(target)
        return target
    check_node()
    say("Synthesising the stacks")
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _run_app(partial, settings)
    partial.rename(target)
    _drop_old(assemblies)
    return target


def digest(root: Path, settings: Mapping[str, str] | None = None) -> str:
    """A digest of the settings, and of the names and contents of all inputs."""
    sum_ = hashlib.sha256(json.dumps(sorted((settings or {}).items())).encode())
    for file in _inputs(root):
        sum_.update(f"{file.relative_to(root)}\0{file.stat().st_size}\0".encode())
        sum_.update(file.read_bytes())
    return sum_.hexdigest()[:24]


def _inputs(root: Path) -> Iterator[Path]:
    for name in INPUTS:
        path = root / name
        if path.is_file():
            yield path
            continue
        for directory, below, files in os.walk(path):
            below[:] = sorted(each for each in below if each not in _NOT_INPUTS)
            yield from (Path(directory, file) for file in sorted(files) if not file.endswith(".pyc"))


def check_node() -> None:
    """The CDK runs on Node. Raises `SynthError` with one sentence when it is missing or too old."""
    node = shutil.which("node")
    if node is None:
        raise SynthError(f"Node.js is missing: the CDK needs version {NODE_AT_LEAST} or newer on the PATH.")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = re.match(r"v(\d+)\.", said)
    if major is None or int(major[1]) < NODE_AT_LEAST:
        raise SynthError(f"Node.js is too old ({said or 'unknown'}): the CDK needs version {NODE_AT_LEAST} or newer.")


def _run_app(outdir: Path, settings: Mapping[str, str]) -> None:
    context = json.loads((ROOT / "cdk.json").read_text()).get("context", {})
    environment = os.environ | {
        **settings,
        "CDK_CONTEXT_JSON": json.dumps(context | {"stage": STAGE}),
        "CDK_OUTDIR": str(outdir),
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "infra.cdk.app"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode or not (outdir / "manifest.json").exists():
        raise SynthError(f"The stacks could not be synthesised:\n{(done.stderr or done.stdout).strip()[-3000:]}")


def _drop_old(assemblies: Path) -> None:
    made = sorted(assemblies.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in made[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
