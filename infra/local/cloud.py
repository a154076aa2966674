"""The local cloud from the command line: `python -m infra.local.cloud up|down|status|logs|serve`.

Exit codes: 0 done, 1 it failed (one sentence says why), 2 it was asked for something that cannot be.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file is what an older Python is told by
    sys.exit("Palisade needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")

import signal
import threading
import time
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from botocore.exceptions import ClientError, EndpointConnectionError
from rich.console import Console
from rich.table import Table

from infra.local import clients, emulator, lifecycle, processes
from infra.local.endpoints import Endpoints
from infra.local.layout import Layout

app = typer.Typer(help="The local cloud.", no_args_is_help=True, add_completion=False)
console = Console()
errors = Console(stderr=True)

LOOK_EVERY = 0.5
T = TypeVar("T")


@app.command()
def up() -> None:
    """Bring the local cloud up; return when it is ready."""
    began = time.monotonic()
    endpoints = _up(_layout())
    console.print(f"[green]The local cloud is ready[/] at {endpoints.url} ({time.monotonic() - began:.1f} s).")


@app.command()
def down() -> None:
    """End the local cloud; its state stays."""
    ran = lifecycle.down(_layout())
    console.print("The local cloud has ended; its state is kept." if ran else "The local cloud does not run.")


@app.command()
def serve() -> None:
    """Bring the local cloud up and keep it until Ctrl-C."""
    layout = _layout()
    endpoints = _up(layout)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    console.print(f"[green]The local cloud is ready[/] at {endpoints.url}. Ctrl-C ends it.")
    while not stop.wait(1):
        pass
    lifecycle.down(layout)


@app.command()
def prepare() -> None:
    """Make the emulator's environment, unless it is current."""
    if not emulator.is_current():
        with console.status("Making the emulator's environment"):
            _explained(emulator.make_environment)


@app.command()
def status() -> None:
    """Show the processes, addresses, stacks and sizes."""
    layout = _layout()
    console.print(_process_table(layout))
    if emulator.answers(layout.aws_port):
        console.print(_stack_table(layout))
    else:
        raise typer.Exit(1)


@app.command()
def logs(
    context: Annotated[str, typer.Argument(help="The bounded context, e.g. scans; empty for all.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    since: Annotated[int, typer.Option(min=1, help="How many minutes back.")] = 30,
) -> None:
    """Print what the Lambda functions of a context logged."""
    layout = _layout()
    if not emulator.answers(layout.aws_port):
        _fail("The local cloud does not run: `make up` starts it.")
    client = clients.client("logs", layout.aws)
    begin = int((time.time() - since * 60) * 1000)
    seen: set[str] = set()
    try:
        while True:
            _print_new(client, _groups(client, context), begin, seen)
            if not follow:
                break
            time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        pass
    finally:
        client.close()


def _layout() -> Layout:
    try:
        return Layout.of_environment()
    except ValueError as problem:
        errors.print(str(problem), style="red")
        raise typer.Exit(2) from None


def _up(layout: Layout) -> Endpoints:
    with console.status("Looking at the local cloud") as line:
        return _explained(lambda: lifecycle.up(layout, lambda step: line.update(step)))


def _explained(act: Callable[[], T]) -> T:
    """Run it; a failure that has a sentence for the user becomes that sentence."""
    try:
        return act()
    except lifecycle.FAILURES as problem:
        _fail(str(problem))
        raise


def _fail(sentence: str) -> None:
    errors.print(sentence, style="red", markup=False, highlight=False)
    raise typer.Exit(1)


def _process_table(layout: Layout) -> Table:
    table = Table("Process", "State", "PID", "Memory", "Address", title="Local cloud", title_justify="left")
    addresses = {"emulator": layout.aws, "front-door": layout.url}
    for name, process in lifecycle.running(layout).items():
        state = "[green]running[/]" if process else "[red]not running[/]"
        memory = processes.memory(process.pid) if process else None
        table.add_row(name, state, str(process.pid) if process else "", _bytes(memory), addresses.get(name, ""))
    return table


def _stack_table(layout: Layout) -> Table:
    kept = _bytes(lifecycle.size_of(layout.state))
    table = Table("Stack", "Status", title="Stacks", title_justify="left", caption=f"State on disk: {kept}")
    client = clients.client("cloudformation", layout.aws)
    try:
        for stack in client.describe_stacks()["Stacks"]:
            table.add_row(stack["StackName"], stack["StackStatus"])
    except (ClientError, EndpointConnectionError) as problem:
        table.add_row("", str(problem))
    finally:
        client.close()
    return table


def _bytes(count: int | None) -> str:
    return "" if count is None else f"{count / 1024 / 1024:.0f} MB"


def _groups(client: Any, context: str) -> list[str]:
    """The log groups of a context: its doors', by either way of naming them."""
    pages = client.get_paginator("describe_log_groups").paginate()
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return [name for name in names if context in name.replace("-", "/").split("/") or not context]


def _print_new(client: Any, groups: list[str], begin: int, seen: set[str]) -> None:
    events = []
    for group in groups:
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=begin):
            events += [(event["timestamp"], group, event) for event in page["events"]]
    for stamp, group, event in sorted(events, key=lambda entry: entry[:2]):
        key = f"{group} {event.get('eventId') or (stamp, event.get('logStreamName'), event['message'])}"
        if key not in seen:
            seen.add(key)
            clock = time.strftime("%H:%M:%S", time.localtime(stamp / 1000))
            console.print(f"{clock} {group.rpartition('/')[2]} {event['message']}", markup=False, highlight=False)


if __name__ == "__main__":
    app()
