"""The peers that can be had: each is installed into an environment of its own under build/, from the index that pip
is set up for, and run on the same site. One that cannot be installed or does not finish is left out, with a word.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import site

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / "build" / "peers"
BBOT = "bbot==3.0.2"
INSTALLS_WITHIN, CRAWLS_WITHIN = 600, 300
SETTINGS = (
    *("web.spider_distance=100", "web.spider_depth=100", "web.spider_links_per_page=1000"),
    *("cloudcheck=false", "dns.minimal=true", "dns.timeout=1", "dns.retries=0", "dns.abort_threshold=1"),
)
"""Every page of the site; and no waiting for the internet, which a benchmark on loopback may not have."""


def crawl(address: str) -> dict[str, float]:
    """Seconds by peer."""
    try:
        program = _installed("bbot", BBOT)
        return {f"{BBOT} (this run)": _bbot(program, address)}
    except (OSError, subprocess.SubprocessError) as problem:
        print(f"BBOT is left out: {str(problem)[:300]}", file=sys.stderr)
        return {}


def _installed(name: str, requirement: str) -> Path:
    """The peer's program; its environment is made once."""
    environment = ENVIRONMENTS / requirement
    program = environment / "bin" / name
    if not program.exists():
        uv = [sys.executable, "-m", "uv"]
        _run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)], INSTALLS_WITHIN)
        python = str(environment / "bin" / "python")
        _run([*uv, "pip", "install", "--quiet", "--python", python, requirement], INSTALLS_WITHIN)
    return program


def _bbot(program: Path, address: str) -> float:
    """A crawl of the site by BBOT's web spider, and nothing else of what it does."""
    with tempfile.TemporaryDirectory() as home:
        output = ("--output-dir", home, "--name", "crawl")
        command = [str(program), "--yes", "--silent", "--no-deps", *output, "-t", address, "-m", "http"]
        began = time.perf_counter()
        _run([*command, "-c", *SETTINGS], CRAWLS_WITHIN, {**os.environ, "HOME": home})
        seconds = time.perf_counter() - began
        rows = (Path(home) / "crawl" / "output.csv").read_text().splitlines()
    pages = sum(row.startswith("URL,") for row in rows)
    if pages < site.PAGES:
        raise OSError(f"it saw {pages} of {site.PAGES} pages")
    return seconds


def _run(command: list[str], seconds: int, environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds, env=environment)
