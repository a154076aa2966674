"""Bundles without Docker: rooms, the kernel layer and the layers of third-party packages, staged under build/."""

from __future__ import annotations

import hashlib
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
PYTHON_VERSION = "3.13"
PLATFORM = "aarch64-manylinux_2_34"
"""Amazon Linux 2023, on which Lambda runs Python 3.13, has glibc 2.34."""
MAX_UNZIPPED = 70 * 1024 * 1024
"""Budget of a room's code and layers together, in bytes."""
STRIPPED = ("tests", "test", "__pycache__")
STRIPPED_SUFFIXES = (".pyi", ".pyx", ".pxd", ".c", ".h")


def room(context: str) -> Path:
    """The folder of one room, as `functions.<context>` imports it."""
    target = BUILD / "rooms" / context
    source = ROOT / "functions" / context
    _copy(source, target / "functions" / context)
    (target / "functions" / "__init__.py").write_text("")
    return _compiled(target)


def kernel_layer() -> Path:
    """The kernel and the contracts, as a layer."""
    target = BUILD / "layers" / "kernel"
    _copy(ROOT / "layers" / "kernel" / "python", target / "python")
    return _compiled(target)


def dependency_layer(name: str) -> Path:
    """The wheels of a layer's lock file for Lambda's platform, stripped of what never runs there."""
    lock = ROOT / "layers" / name / "requirements.txt"
    target = BUILD / "layers" / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not target.exists():
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        _install(lock, partial / "python")
        _strip(partial)
        partial.rename(target)
    return _compiled(target)


def web_app() -> Path:
    """The web app: its build, or the pages that need none."""
    build = ROOT / "web" / "dist"
    return build if (build / "index.html").exists() else ROOT / "web" / "public"


def size(folder: Path) -> int:
    """The bytes in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))


def _install(lock: Path, target: Path) -> None:
    command = [
        *(sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"),
        *("--python-version", PYTHON_VERSION, "--python-platform", PLATFORM, "--only-binary", ":all:"),
        *("--target", str(target), "--requirement", str(lock)),
    ]
    subprocess.run(command, check=True)  # noqa: S603 - our own lock file


def _strip(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and path.name in STRIPPED:
            shutil.rmtree(path)
        elif path.suffix in STRIPPED_SUFFIXES:
            path.unlink()


def _compiled(folder: Path) -> Path:
    """Ship byte code that nobody needs to check (it halves the start), where this interpreter speaks Lambda's."""
    if sys.version_info[:2] == tuple(int(part) for part in PYTHON_VERSION.split(".")):
        for file in folder.rglob("*.py"):
            py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return folder
