"""The emulator of the local cloud: its environment, its process, and the program that the process runs.

The emulator lives in an environment of its own (it pins botocore), so this file has two sides. Imported by the
project it makes that environment and starts, watches and ends the process (`start`, `Handle`). Run by the
emulator's interpreter it mends the emulator and serves it, on loopback only. Both sides use the standard library
alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = ROOT / ".local" / "emulator"
REQUIREMENTS = ROOT / "requirements" / "emulator.txt"
HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
READY_WITHIN = 30.0
STOPS_WITHIN = 15.0
SNAPSHOT_WITHIN = 90.0
SNAPSHOT_PATH = "/_palisade/snapshot"
# What a process of the host needs to run at all; anything else would leak into the Lambda functions.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")


class EmulatorError(Exception):
    """The emulator cannot be made or started; the message is one sentence for the user."""


@dataclass
class Handle:
    """A running emulator."""

    process: subprocess.Popen[bytes]
    port: int
    state_dir: Path
    log: Path

    @property
    def endpoint(self) -> str:
        """The URL for AWS clients."""
        return f"http://{HOST}:{self.port}"

    def wait_ready(self, timeout: float = READY_WITHIN) -> None:
        """Return when it answers. Raises `EmulatorError` with the end of its log when it does not in time."""
        deadline = time.monotonic() + timeout
        while not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise EmulatorError(f"The emulator did not start; the end of {self.log}:\n{tail(self.log)}")
            time.sleep(0.02)

    def snapshot(self) -> None:
        """Have it write its whole state now. Raises `EmulatorError` when it cannot."""
        snapshot(self.port)

    def stop(self, timeout: float = STOPS_WITHIN) -> None:
        """End it gracefully; kill it when it does not end in time."""
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self.process.kill()
        self.process.wait()


def interpreter(environment: Path = ENVIRONMENT) -> Path:
    """The emulator's own Python."""
    return environment / "bin" / "python"


def is_current(environment: Path = ENVIRONMENT) -> bool:
    """Whether the environment exists and was made from the requirements as they are."""
    made_from = environment / "made-from.txt"
    return (
        made_from.exists() and interpreter(environment).exists() and made_from.read_bytes() == REQUIREMENTS.read_bytes()
    )


def make_environment(environment: Path = ENVIRONMENT) -> None:
    """Make the emulator's environment from its locked requirements with uv. Raises `EmulatorError`."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        raise EmulatorError("The emulator's environment needs uv, which the project's environment brings.")
    python = str(interpreter(environment))
    for arguments in (
        ["venv", "--quiet", "--clear", "--python", sys.executable, str(environment)],
        [
            "pip",
            "install",
            "--quiet",
            "--python",
            python,
            "--require-hashes",
            "--compile-bytecode",
            "-r",
            str(REQUIREMENTS),
        ],
    ):
        done = subprocess.run([uv, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise EmulatorError(f"The emulator's environment could not be made: {done.stderr.strip()[-600:]}")
    shutil.copyfile(REQUIREMENTS, environment / "made-from.txt")


def start(state_dir: Path, port: int, *, sources: tuple[Path, ...] = (), log: Path | None = None) -> Handle:
    """Start the emulator with its state in `state_dir`; `wait_ready` tells when it answers.

    `sources` are directories from which functions are imported instead of from their uploaded code. The process
    is the leader of its own group, so that Ctrl-C in a terminal does not reach it.
    """
    if not interpreter().exists():
        raise EmulatorError("The emulator's environment is missing; `make up` makes it.")
    state_dir.mkdir(parents=True, exist_ok=True)
    scratch = state_dir / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    log = log or state_dir / "emulator.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(interpreter()), str(Path(__file__).resolve())],
            env=_settings(state_dir, port, scratch, sources),
            cwd=state_dir,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Handle(process, port, state_dir, log)


def answers(port: int) -> bool:
    """Whether an emulator answers on this port of loopback."""
    request = urllib.request.Request(f"http://{HOST}:{port}/_ministack/health")
    try:
        with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310 # nosec B310 - loopback
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def snapshot(port: int) -> None:
    """Have the emulator on this port write its whole state now. Raises `EmulatorError` when it cannot."""
    request = urllib.request.Request(f"http://{HOST}:{port}{SNAPSHOT_PATH}", method="POST")
    try:
        urllib.request.urlopen(request, timeout=SNAPSHOT_WITHIN).close()  # noqa: S310 # nosec B310 - loopback
    except OSError as problem:
        raise EmulatorError(f"The local cloud could not save its state: {problem}") from problem


def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def tail(log: Path, size: int = 2000) -> str:
    """The end of a log file."""
    with contextlib.suppress(OSError):
        return log.read_text(errors="replace")[-size:]
    return ""


def _settings(state_dir: Path, port: int, scratch: Path, sources: tuple[Path, ...]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    packages = [path for path in sys.path if path.endswith("site-packages")]
    return inherited | {
        "TMPDIR": str(scratch),
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state_dir / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state_dir / "s3"),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
        "PALISADE_LOCAL_PACKAGES": os.pathsep.join(packages),
        "PALISADE_LOCAL_SOURCES": os.pathsep.join(str(source) for source in sources),
    }


def main() -> None:
    """Mend the emulator and serve it until SIGTERM or SIGINT."""
    sys.path[0] = str(ROOT)
    importlib.import_module("infra.local.mends").apply_all()
    # The workers import what the project's environment holds; the emulator itself has started without it.
    os.environ["PYTHONPATH"] = os.environ.pop("PALISADE_LOCAL_PACKAGES")
    asyncio.run(_serve())


async def _serve() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = importlib.import_module("hypercorn.config").Config()
    config.bind = [f"{HOST}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    config.loglevel = "WARNING"
    serve = importlib.import_module("hypercorn.asyncio").serve
    application = importlib.import_module("ministack.app").app
    await serve(application, config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    main()
