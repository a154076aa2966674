"""What only operators do: they work on the stage's AWS account itself, with its credentials, and not through the API.

The tool is part of the platform's source, not of this package; here it is only found and started.
"""

from __future__ import annotations

import importlib

import typer

from palisade.errors import WrongUsage

app = typer.Typer(help="For operators with AWS access to the stage: back up and restore one organisation.")
TOOL = "infra.backup"
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command("backup", context_settings=PASS_ON)
def backup(context: typer.Context) -> int:
    """Write a backup of one organisation: `palisade admin backup [--stage NAME] TENANT [--at TIME]`."""
    return started("backup", context.args)


@app.command("backups", context_settings=PASS_ON)
def backups(context: typer.Context) -> int:
    """List the backups of one organisation: `palisade admin backups [--stage NAME] TENANT`."""
    return started("backups", context.args)


@app.command("restore", context_settings=PASS_ON)
def restore(context: typer.Context) -> int:
    """Make an organisation what it was: `palisade admin restore [--stage NAME] TENANT --at TIME [--dry-run]`."""
    return started("restore", context.args)


def started(command: str, arguments: list[str]) -> int:
    """Run the operator's tool; its exit code. Raises WrongUsage where it is not."""
    try:
        tool = importlib.import_module(f"{TOOL}.__main__")
    except ModuleNotFoundError as missing:
        raise WrongUsage(
            "`palisade admin` is for operators: it runs in the platform's source, with credentials of its AWS account."
        ) from missing
    stage, rest = _stage(arguments)
    try:
        return int(tool.main([*stage, command, *rest]))
    except SystemExit as ended:  # argparse has said what is wrong
        return ended.code if isinstance(ended.code, int) else 1 if ended.code else 0


def _stage(arguments: list[str]) -> tuple[list[str], list[str]]:
    """`--stage NAME`, which comes before the command there, and the rest."""
    if "--stage" not in arguments[:-1]:
        return [], arguments
    at = arguments.index("--stage")
    return arguments[at : at + 2], [*arguments[:at], *arguments[at + 2 :]]
