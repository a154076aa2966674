"""The command line `palisade`.

Exit codes: 0 done · 1 the platform refused or does not answer · 2 the command cannot mean that · 3 nobody is logged
in · 4 there are findings at or above `--fail-on` · 5 the scan failed or was stopped · 6 the audit trail was changed ·
7 a scan's facts are damaged · 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.text import Text

from palisade import __version__, output
from palisade.commands import (
    account,
    admin,
    archives,
    audit,
    keys,
    knowledge,
    modules,
    organization,
    policies,
    profiles,
    results,
    roles,
    rules,
    scans,
    schedules,
    targets,
    webhooks,
)
from palisade.errors import ExitCode, PalisadeError, WrongUsage

EPILOG = (
    "Exit codes: 0 done, 1 the platform refused or does not answer, 2 usage, 3 not logged in, "
    "4 findings at or above --fail-on, 5 the scan failed or was stopped, 6 the audit trail was changed, "
    "7 a scan's facts are damaged, 130 interrupted."
)
app = typer.Typer(
    name="palisade",
    help="Find what a company exposes: scans, findings and reports of the Palisade platform.",
    epilog=EPILOG,
)
for part in (account, scans, results):
    app.add_typer(part.app)
for name, group in (
    ("scans", archives),
    ("knowledge", knowledge),
    ("modules", modules),
    ("rules", rules),
    ("profiles", profiles),
    ("targets", targets),
    ("webhooks", webhooks),
    ("schedules", schedules),
    ("audit", audit),
    ("organization", organization),
    ("keys", keys),
    ("roles", roles),
    ("policies", policies),
    ("admin", admin),
):
    app.add_typer(group.app, name=name)

UsageError: type[BaseException] = typer.BadParameter.__mro__[1]
"""What every misuse of the command line is; Typer publishes only this kind of it."""


@app.callback(invoke_without_command=True)
def palisade(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Find what a company exposes: scans, findings and reports of the Palisade platform."""
    if version:
        typer.echo(f"palisade {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in arguments
    try:
        code = app(arguments, prog_name="palisade", standalone_mode=False)
    except PalisadeError as error:
        return _tell(error, as_json=as_json)
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except Exception as error:
        if not isinstance(error, UsageError):
            raise
        return _tell(_usage(error), as_json=as_json)
    return code if isinstance(code, int) else ExitCode.OK


def _usage(error: BaseException) -> WrongUsage:
    """A misuse in one sentence, with where to read on."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "palisade"
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return WrongUsage(f"{message.rstrip('.')}: see `{command} --help`.")


def _tell(error: PalisadeError, *, as_json: bool) -> int:
    if as_json:
        sys.stderr.write(json.dumps(error.problem()) + "\n")
    else:
        output.err().print(Text.assemble(("Error: ", "bold red"), output.safe(error)), soft_wrap=True)
        if error.advice:
            output.hint(error.advice)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
