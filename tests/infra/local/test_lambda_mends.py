"""The mends of Lambda: error types, logs, cold starts, hot reload."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.mends import lambda_logs
from tests.infra.local.cloud_kit import Function, until

pytestmark = pytest.mark.emulator
Make = Callable[..., Function]


def test_an_error_carries_the_class_of_its_exception(function: Make) -> None:
    failing = function("class ScanRefused(Exception):\n  pass\ndef handler(e, c):\n  raise ScanRefused('not yours')")
    answer = failing.invoke()
    assert answer["errorType"] == "ScanRefused"
    assert answer["errorMessage"] == "not yours"
    assert "room.py" in "".join(answer["stackTrace"])


def test_an_exception_leaves_the_worker_warm(function: Make) -> None:
    moody = function("import os\ndef handler(e, c):\n  if e: raise ValueError(e)\n  return os.getpid()")
    first = moody.invoke(0)
    assert moody.invoke("angry")["errorType"] == "ValueError"
    assert moody.invoke(0) == first


def test_a_runtime_that_dies_is_an_exit_error_and_is_replaced(function: Make) -> None:
    mortal = function("import os\ndef handler(e, c):\n  if e: os.kill(os.getpid(), 9)\n  return os.getpid()")
    first = mortal.invoke(0)
    assert mortal.invoke(1)["errorType"] == "Runtime.ExitError"
    assert mortal.invoke(0) != first


def test_a_log_is_read_up_to_its_mark_and_no_further() -> None:
    worker = SimpleNamespace(_stderr_queue=queue.Queue(), _proc=object())
    for line in ("first", f"second{lambda_logs.END}", "of the next invocation"):
        worker._stderr_queue.put(line)
    assert lambda_logs._read_to_the_mark(worker) == "first\nsecond"
    assert worker._stderr_queue.get_nowait() == "of the next invocation"


def test_every_line_of_a_handler_reaches_its_log(function: Make, aws: Callable[[str], Any]) -> None:
    chatty = function("def handler(e, c):\n  for n in range(500): print('logged', n, '.')\n  raise KeyError('gone')")
    chatty.invoke()
    events = aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{chatty.name}")["events"]
    text = "\n".join(event["message"] for event in events)
    assert text.count("logged ") == 500
    assert "KeyError" in text
    assert "\x1e" not in text


def test_botocore_is_left_to_the_handlers_that_use_it(function: Make) -> None:
    bare = function("import sys\ndef handler(e, c): return 'botocore' in sys.modules")
    assert bare.invoke() is False


def test_a_published_snapstart_version_is_active_at_once_and_runs(function: Make, aws: Callable[[str], Any]) -> None:
    snapped = function("def handler(e, c): return c.function_version", SnapStart={"ApplyOn": "PublishedVersions"})
    version = snapped.client.publish_version(FunctionName=snapped.name)
    assert version["State"] == "Active"
    snapped.client.create_alias(FunctionName=snapped.name, Name="live", FunctionVersion=version["Version"])
    assert Function(snapped.client, f"{snapped.name}:live", "").invoke() == "1"


def test_a_changed_source_is_picked_up_by_the_next_invocation(function: Make, sources: Path) -> None:
    room = sources / "rooms" / "greeting.py"
    room.parent.mkdir()
    room.write_text("def handler(e, c): return 'before'")
    live = function("", handler="rooms.greeting.handler")
    assert live.invoke() == "before"
    room.write_text("def handler(e, c): return 'after'")
    until(lambda: live.invoke() == "after", "the change", seconds=5)


def test_uploaded_code_runs_where_the_tree_has_no_such_handler(function: Make) -> None:
    assert function("def handler(e, c): return 'uploaded'").invoke() == "uploaded"


def test_workers_see_the_project_and_nothing_of_the_host(function: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = function("import os, pydantic\ndef handler(e, c): return [dict(os.environ), pydantic.__file__]")
    environment, module = looking.invoke()
    assert environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert "site-packages" in module
    assert not {name for name in environment if name in os.environ} - {
        *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LOG_LEVEL", "LC_CTYPE", "DOCKER_HOST", "TMPDIR"),
        *(name for name in environment if name.startswith("AWS_")),
    }
