"""The gates that every change passes: `python -m infra.gates [NAME…]`. Each checker that looks for something bad must
first find what was planted for it, so that a checker gone blind fails instead of being green."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CODE = ("functions", "layers/kernel/python", "infra", "client")
CANARIES = "tests/architecture/canaries"
SEMGREP = ROOT / ".local" / "semgrep"
SEMGREP_LOCK = ROOT / "requirements" / "semgrep.txt"
PLANTED_SECRET = 'aws_key = "AKIA' + 'QWERTYUIOPASDFGH"\n'
"""A key that opens nothing, put together here so that no file holds it whole."""

GUESSING = ("KeywordDetector", "BasicAuthDetector", "Base64HighEntropyString", "HexHighEntropyString")
"""detect-secrets' plugins that go by the look of a line."""

console = Console()


class GateError(Exception):
    """A gate did not open; the message is what the tool said."""


def run(*command: str, env: dict[str, str] | None = None) -> str:
    """A tool's output. Raises GateError when it fails."""
    tool = str(BIN / command[0]) if (BIN / command[0]).exists() else command[0]
    done = subprocess.run(  # noqa: S603 - our own commands
        [tool, *command[1:]], cwd=ROOT, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise GateError((done.stdout + done.stderr).strip())
    return done.stdout


def must_catch(*command: str) -> None:
    """A tool must fail on what was planted for it."""
    try:
        run(*command)
    except GateError:
        return
    raise GateError(f"{command[0]} did not see the canary that was planted for it: {' '.join(command)}")


def style() -> None:
    """ruff: rules and format."""
    run("ruff", "check", "--quiet", ".")
    run("ruff", "format", "--check", "--quiet", ".")


def types() -> None:
    """mypy, strict."""
    run("mypy", "--no-error-summary")


def imports() -> None:
    """import-linter: who may know whom."""
    run("lint-imports")


def generated() -> None:
    """What is generated and committed is up to date."""
    run(sys.executable, "-m", "infra.generated", "--check")


def weaknesses() -> None:
    """bandit, for weaknesses of medium severity and above."""
    run("bandit", "--quiet", "--recursive", "-ll", *CODE)
    must_catch("bandit", "--quiet", "-ll", f"{CANARIES}/forbidden.py")


def secrets() -> None:
    """detect-secrets over every tracked file, against the reviewed baseline."""
    files = run("git", "ls-files").split("\n")
    kept = [file for file in files if file and not file.endswith(("requirements.txt", ".lock"))]
    product = [file for file in kept if not file.startswith("tests/")]
    run("detect-secrets-hook", "--baseline", ".secrets.baseline", *product)
    # Tests make secrets up all the time: there, only what looks like a real key of some service counts.
    guesses = [word for plugin in GUESSING for word in ("--disable-plugin", plugin)]
    run("detect-secrets-hook", *guesses, *(file for file in kept if file.startswith("tests/")))
    with tempfile.TemporaryDirectory() as folder:
        planted = Path(folder) / "settings.py"
        planted.write_text(PLANTED_SECRET)
        must_catch("detect-secrets-hook", str(planted))


def own_rules() -> None:
    """semgrep with the product's own rules."""
    _make_semgrep()
    found = json.loads(_semgrep(*CODE, CANARIES))
    if found["errors"]:
        raise GateError(json.dumps(found["errors"], indent=1))
    rules = {line.split(":")[1].strip() for line in _rule_lines()}
    seen = {each["check_id"].rpartition(".")[2] for each in found["results"] if each["path"].startswith(CANARIES)}
    if rules != seen:
        raise GateError(f"semgrep did not see the canaries of {', '.join(sorted(rules - seen))}")
    faults = [each for each in found["results"] if not each["path"].startswith(CANARIES)]
    if faults:
        lines = (f"{each['path']}:{each['start']['line']}: {each['extra']['message']}" for each in faults)
        raise GateError("\n".join(lines))


def _rule_lines() -> list[str]:
    return [line for line in (ROOT / ".semgrep" / "rules.yaml").read_text().splitlines() if line.startswith("  - id:")]


def _semgrep(*paths: str) -> str:
    offline = ("--metrics", "off", "--disable-version-check")
    return run(str(SEMGREP / "bin" / "semgrep"), "scan", "--quiet", *offline, "--config", ".semgrep", "--json", *paths)


def _make_semgrep() -> None:
    """semgrep pins what others need in other versions, so it has an environment of its own."""
    stamp = SEMGREP / "made-from.txt"
    if stamp.exists() and stamp.read_bytes() == SEMGREP_LOCK.read_bytes():
        return
    run("uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(SEMGREP))
    python = str(SEMGREP / "bin" / "python")
    run("uv", "pip", "install", "--quiet", "--require-hashes", "--python", python, "-r", str(SEMGREP_LOCK))
    stamp.write_bytes(SEMGREP_LOCK.read_bytes())


EXPRESSION = re.compile(r'(\\?"MaxConcurrency\\?":\s*)\\?"\{%.*?%\}\\?"')
"""Step Functions takes a JSONata expression there; cfn-lint 1.58 knows of numbers alone."""


def templates() -> None:
    """The production stacks: synthesised under cdk-nag's AwsSolutions and Serverless rules, then cfn-lint."""
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "infra.cdk.app", "--stage", "prod", "--output", folder)
        found = sorted(Path(folder).glob("*.template.json"))
        for file in found:
            file.write_text(EXPRESSION.sub(r"\g<1>1", file.read_text()))
        run("cfn-lint", *map(str, found))


GATES: dict[str, Callable[[], None]] = {
    "style": style,
    "types": types,
    "imports": imports,
    "generated": generated,
    "weaknesses": weaknesses,
    "secrets": secrets,
    "own-rules": own_rules,
    "templates": templates,
}
QUICK = ("style", "types", "imports", "generated")


def main() -> None:
    """Run the named gates, or all; stop at the first that stays shut."""
    wanted = QUICK if sys.argv[1:] == ["--quick"] else tuple(sys.argv[1:]) or tuple(GATES)
    for name in wanted:
        began = time.monotonic()
        try:
            GATES[name]()
        except GateError as error:
            console.print(f"[red]✗ {name}[/red]  {(GATES[name].__doc__ or '').splitlines()[0]}")
            print(error)  # noqa: T201 - the tool's own words, unformatted
            sys.exit(1)
        console.print(f"[green]✓[/green] {name:12} [dim]{time.monotonic() - began:5.1f} s[/dim]")


if __name__ == "__main__":
    main()
