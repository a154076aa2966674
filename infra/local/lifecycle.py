"""Bringing the local cloud up, however it was left, and down again.

`up` is the same whether nothing runs, everything runs, or a crash left half of it: what fits is kept, what does not
is ended, and what is missing is started, synthesised, deployed and seeded.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib
import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from infra.local import clients, demo_targets, deploy, emulator, processes, supervisor, synth, web
from infra.local.assembly import AssemblyError
from infra.local.deploy import DeployError, Progress
from infra.local.emulator import ROOT, EmulatorError
from infra.local.endpoints import Endpoints, Origins
from infra.local.layout import Layout
from infra.local.synth import SynthError
from infra.operator import OperatorError

STARTS_WITHIN = 40.0
FREES_WITHIN = 1.0
SEED = "infra.local.seed"
# The background processes that this one started; they outlive it, and are reaped by it if they do not.
_started: list[subprocess.Popen[bytes]] = []

Say = Callable[[str], None]
Synthesise = Callable[[Path, Say], Path]


class LocalCloudError(Exception):
    """The local cloud cannot be brought up; the message is what the user should read."""


FAILURES = (LocalCloudError, EmulatorError, SynthError, DeployError, AssemblyError)
"""What `up` can fail with: each has a message that the user should read."""


def up(layout: Layout, say: Say, synthesise: Synthesise | None = None) -> Endpoints:
    """Bring the local cloud up and return where it is. `say` gets a line for each step that takes time.

    Raises one of `FAILURES`.
    """
    with _alone(layout, say):
        if not emulator.is_current():
            say("Making the emulator's environment")
            emulator.make_environment()
            _end_all(layout)
        _ensure_running(layout, say)
        _await_targets(layout)
        assembly = (synthesise or _synthesise_for(layout))(layout.assemblies, say)
        _await_answers(layout)
        deployed = deploy.deploy(assembly, layout.aws, layout.deployed, lambda step: say(_words(step)))
        endpoints = Endpoints(layout.url, layout.aws, layout.demo, deployed.outputs)
        _open_the_door(layout, endpoints)
        _seed(layout, endpoints, say)
        emulator.snapshot(layout.aws_port)
        return endpoints


def down(layout: Layout) -> bool:
    """End everything gracefully; the state stays. Whether anything ran."""
    with _alone(layout, lambda _line: None):
        return _end_all(layout)


def running(layout: Layout) -> dict[str, processes.Process | None]:
    """The local cloud's processes by name; None for one that does not run."""
    names = (supervisor.NAME, supervisor.EMULATOR, supervisor.FRONT_DOOR, supervisor.TARGETS)
    return {name: processes.recall(layout.run_file(name)) for name in names}


@contextmanager
def _alone(layout: Layout, say: Say) -> Iterator[None]:
    """One command at a time changes the local cloud; the lock ends with its holder, however that ends."""
    (layout.home / "run").mkdir(parents=True, exist_ok=True)
    (layout.home / "logs").mkdir(exist_ok=True)
    with (layout.home / "run" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Waiting for another command that changes the local cloud")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure_running(layout: Layout, say: Say) -> None:
    """Keep a supervisor that runs this code on these ports; otherwise end what is left and start one."""
    wanted = {"port": layout.port, "aws_port": layout.aws_port, "code": _code_digest()}
    keeper = processes.recall(layout.run_file(supervisor.NAME))
    if keeper is not None and keeper.about == wanted:
        return
    if _end_all(layout):
        say("Ending what an earlier run left")
    for variable, port in (("PORT", layout.port), ("AWS_PORT", layout.aws_port)):
        _check_free(variable, port)
    say("Starting the local cloud")
    demo_targets.forget(layout)
    with layout.log(supervisor.NAME).open("ab") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "infra.local.supervisor", "--home", str(layout.home)),
                *("--port", str(layout.port), "--aws-port", str(layout.aws_port)),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _started.append(process)
    processes.remember(layout.run_file(supervisor.NAME), process.pid, **wanted)


def _code_digest() -> str:
    """A digest of what the background processes run, so that they are replaced when it changes."""
    files = [*sorted((ROOT / "infra" / "local").rglob("*.py")), emulator.REQUIREMENTS]
    kept_out = ROOT / "infra" / "local" / "run"
    return hashlib.sha256(b"".join(f.read_bytes() for f in files if kept_out not in f.parents)).hexdigest()[:16]


def _check_free(variable: str, port: int) -> None:
    """Raise `LocalCloudError` when the port stays taken: a process that was just ended may hold it a moment."""
    deadline = time.monotonic() + FREES_WITHIN
    while not _is_free(port):
        if time.monotonic() > deadline:
            raise LocalCloudError(
                f"Port {port} is in use by another program: stop it, or choose another port with {variable}=…"
            )
        time.sleep(0.05)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((emulator.HOST, port))
        except OSError:
            return False
        return True


def _await_answers(layout: Layout) -> None:
    """Wait until both the emulator and the front door answer."""
    deadline = time.monotonic() + STARTS_WITHIN
    for name, port in ((supervisor.EMULATOR, layout.aws_port), (supervisor.FRONT_DOOR, layout.port)):
        while not (emulator.answers(port) if name == supervisor.EMULATOR else _listens(port)):
            if time.monotonic() > deadline:
                log = layout.log(name)
                raise LocalCloudError(f"The {name} did not start; the end of {log}:\n{emulator.tail(log)}")
            time.sleep(0.05)


def _await_targets(layout: Layout) -> None:
    """Wait until the demo targets serve: the templates name their name server."""
    deadline = time.monotonic() + STARTS_WITHIN
    while demo_targets.listed(layout) is None:
        if time.monotonic() > deadline:
            log = layout.log(supervisor.TARGETS)
            raise LocalCloudError(f"The demo targets did not start; the end of {log}:\n{emulator.tail(log)}")
        time.sleep(0.02)


def _synthesise_for(layout: Layout) -> Synthesise:
    return functools.partial(synth.synthesise, settings=demo_targets.settings(layout))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((emulator.HOST, port)) == 0


def _end_all(layout: Layout) -> bool:
    """End the supervisor first, which ends its children; then what children a killed supervisor left."""
    ended = False
    for name, process in running(layout).items():
        if process is not None:
            process.end()
            ended = True
        layout.run_file(name).unlink(missing_ok=True)
    _started[:] = [process for process in _started if process.poll() is None]
    return ended


def _words(step: Progress) -> str:
    verbs = {"upload": "Uploading", "create": "Creating", "update": "Updating", "delete": "Deleting"}
    return f"{verbs[step.verb]} {step.subject} ({step.done + 1} of {step.total})"


def _open_the_door(layout: Layout, endpoints: Endpoints) -> None:
    """Publish the web app and tell the front door what it forwards to."""
    bucket = endpoints.output("WebBucket")
    if bucket:
        web.publish(layout.aws, bucket)
    socket_api, stage = _web_socket_api(layout.aws)
    Origins(
        aws=layout.aws,
        http_api=endpoints.output("HttpApiId"),
        web_socket_api=endpoints.output("WebSocketApiId") or socket_api,
        web_socket_stage=endpoints.output("WebSocketStage") or stage,
        web_bucket=bucket,
    ).write(layout.origins)


def _web_socket_api(aws: str) -> tuple[str | None, str]:
    """The deployed WebSocket API and its stage, where the stacks' outputs do not name them."""
    gateway = clients.client("apigatewayv2", aws)
    try:
        found = [api["ApiId"] for api in gateway.get_apis()["Items"] if api["ProtocolType"] == "WEBSOCKET"]
        stages = [stage["StageName"] for api in found[:1] for stage in gateway.get_stages(ApiId=api)["Items"]]
        return (found or [None])[0], (stages or ["$default"])[0]
    finally:
        gateway.close()


def _seed(layout: Layout, endpoints: Endpoints, say: Say) -> None:
    if importlib.util.find_spec(SEED) is not None:
        say("Preparing the demo tenants")
        module = importlib.import_module(SEED)
        try:
            module.seed(endpoints)
        except (OperatorError, httpx.HTTPError) as problem:
            raise LocalCloudError(f"The demo tenants could not be prepared: {problem}") from problem
        module.record_targets(endpoints.demo_file, demo_targets.listed(layout) or [])


def size_of(directory: Path) -> int:
    """The bytes that a directory's files take."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
