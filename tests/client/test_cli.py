"""The command line as a whole: help, usage errors, colours, completion, and what the client may know."""

from __future__ import annotations

import ast
import json
import os
import pty
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from shlex import split

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

import palisade as client
from palisade import __version__, output
from tests.client.conftest import Palisade
from tests.client.platform import EMAIL, PASSWORD, SCAN, Platform, finding, scan

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [
    *("login", "logout", "whoami", "scan", "scans", "scan-status", "watch", "pause", "resume", "stop", "delete"),
    *("findings", "finding", "observations", "log", "graph", "report", "modules", "targets", "webhooks", "schedules"),
]
SEVERITIES = ("critical", "low")


def in_a_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The client as a shell starts it."""
    known = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment
    command = [sys.executable, "-m", "palisade.cli", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=known, stdin=subprocess.DEVNULL, timeout=60, check=False
    )


def on_a_terminal(*arguments: str, typed: dict[str, str] | None = None, **environment: str) -> tuple[int, str]:
    """The client on a terminal of its own: its exit code, and all that the terminal got.

    `typed` holds what is typed when a prompt has appeared.
    """
    terminal, inner = pty.openpty()
    known = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm-256color", "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-m", "palisade.cli", *arguments],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env=known | environment,
        start_new_session=True,
    )
    os.close(inner)
    prompts, shown = list((typed or {}).items()), b""
    try:
        while chunk := os.read(terminal, 65_536):
            shown += chunk
            if prompts and prompts[0][0].encode() in shown:
                os.write(terminal, f"{prompts.pop(0)[1]}\n".encode())
    except OSError:  # how Linux says that the other side has closed the terminal
        pass
    finally:
        os.close(terminal)
    return process.wait(30), shown.decode()


def test_version(palisade: Palisade) -> None:
    assert palisade("--version").out == f"palisade {__version__}\n"


def test_without_a_command_help_is_shown(palisade: Palisade) -> None:
    said = palisade()
    assert said.code == 0
    assert all(command in said.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_speaks_json(palisade: Palisade, command: str) -> None:
    said = palisade(command, "--help")
    assert said.code == 0
    assert "--json" in said.out


@pytest.mark.parametrize(
    "arguments", [("nope",), ("scans", "--nope"), ("scan",), ("scans", "-n", "x"), ("pause",), ("targets", "nope")]
)
def test_misuse_is_one_sentence_and_code_2(palisade: Palisade, arguments: tuple[str, ...]) -> None:
    said = palisade(*arguments)
    assert (said.code, said.out) == (2, "")
    assert re.fullmatch(r"Error: .+: see `palisade.* --help`\.\n", said.err)
    assert palisade(*arguments, "--json").problem["type"] == "https://palisade.dev/problems/usage"


def test_a_program_gets_json_alone_from_a_process_of_its_own(logged_in: Platform, config: Path) -> None:
    logged_in.page("GET /scans", [scan(name="Zürich \x1b[31m 日本")])
    said = in_a_process("scans", "--json", XDG_CONFIG_HOME=str(config.parent), LC_ALL="C")
    assert (said.returncode, said.stderr) == (0, "")
    assert json.loads(said.stdout)["items"][0]["name"] == "Zürich \x1b[31m 日本"
    assert said.stdout.isascii()


def test_a_pipe_gets_whole_lines_without_colours(logged_in: Platform, config: Path) -> None:
    long = f"https://www.example.com/{'path/' * 40}"
    logged_in.page(f"GET /scans/{SCAN}/findings", [finding("critical", asset=long)])
    said = in_a_process("findings", "--scan", SCAN, XDG_CONFIG_HOME=str(config.parent))
    assert said.returncode == 0
    assert long in said.stdout
    assert "\x1b" not in said.stdout


def test_a_terminal_gets_colours_unless_it_does_not_want_them(logged_in: Platform, config: Path) -> None:
    logged_in.page("GET /findings", [finding(name) for name in SEVERITIES])
    code, shown = on_a_terminal("findings", XDG_CONFIG_HOME=str(config.parent))
    assert code == 0
    assert "\x1b[1;37;41mcritical" in shown
    code, shown = on_a_terminal("findings", XDG_CONFIG_HOME=str(config.parent), NO_COLOR="1")
    assert code == 0
    assert "critical" in shown
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|4[0-7])m", shown)


def test_a_person_is_asked_for_what_is_missing_and_the_password_is_not_shown(platform: Platform, config: Path) -> None:
    typed = {"E-mail: ": EMAIL, "Password: ": PASSWORD}
    code, shown = on_a_terminal("login", "--url", platform.url, typed=typed, XDG_CONFIG_HOME=str(config.parent))
    assert code == 0
    assert f"Logged in at {platform.url} as {EMAIL}." in shown
    assert shown.rpartition("Password:")[2].count(PASSWORD) == 0


def test_a_person_who_says_no_keeps_the_scan(logged_in: Platform, config: Path) -> None:
    code, shown = on_a_terminal("delete", SCAN, typed={"[y/N]:": "n"}, XDG_CONFIG_HOME=str(config.parent))
    assert "Remove" in shown
    assert (code, logged_in.calls) == (130, [])


def test_a_scan_is_drawn_on_a_terminal(logged_in: Platform, config: Path) -> None:
    logged_in.end(findings=[finding("high")])
    code, shown = on_a_terminal("watch", SCAN, XDG_CONFIG_HOME=str(config.parent))
    assert code == 0
    assert "╭─" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is shown again"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str) -> None:
    said = in_a_process("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert said.returncode == 0
    assert "_PALISADE_COMPLETE" in said.stdout


def test_completion_knows_the_commands() -> None:
    said = in_a_process(_PALISADE_COMPLETE="complete_bash", COMP_WORDS="palisade sca", COMP_CWORD="1")
    assert sorted(said.stdout.split()) == ["scan", "scan-status", "scans"]


def test_the_status_page_shows_commands_that_exist(logged_in: Platform, palisade: Palisade, tmp_path: Path) -> None:
    page = (ROOT / "web" / "public" / "index.html").read_text()
    blocks = re.findall(r"<pre><code>(.*?)</code></pre>", page, re.DOTALL)
    lines = [unescape(re.sub(r"<[^>]+>", "", line)) for block in blocks for line in block.splitlines()]
    commands = [split(line) for line in lines]
    assert len(commands) == 7
    for command in commands:
        assert command[0] == "palisade"
        assert palisade(*command[1:], "--help").code == 0
        assert palisade(*command[1:], "--nope").err.startswith("Error: No such option")


def test_the_client_knows_the_public_api_alone() -> None:
    folder = Path(str(client.__file__)).parent
    trees = [ast.parse(path.read_text()) for path in folder.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    allowed = {"httpx", "palisade", "rich", "typer", "websockets", *sys.stdlib_module_names}
    assert {name.partition(".")[0] for name in names} <= allowed


@given(st.text())
def test_nothing_that_is_shown_moves_the_terminal(text: str) -> None:
    shown = output.safe(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]", shown)
    assert output.safe(shown) == shown


def test_ordinary_text_is_shown_as_it_is() -> None:
    for text in ("Zürich", "日本語", "naïve — “quoted”", "emoji 🦔", "a\u00a0b"):
        assert output.safe(text) == text


def test_an_api_that_answers_html_is_told_apart(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("GET /scans", web.Response(text="<html>"))
    said = palisade("scans")
    assert said.code == 1
    assert "does not speak Palisade's API" in said.err
