"""Logging in and out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from palisade import api, output, session, tables
from palisade.commands.shared import Json, connected
from palisade.errors import ApiProblem, Unreachable, WrongUsage

app = typer.Typer()
COLUMNS = {"Name": "name", "E-mail": "email", "Organisation": "organization_id", "Roles": "roles", "Platform": "url"}
DEFAULT_URL = "http://localhost:8080"


@app.command()
def login(
    url: Annotated[str, typer.Option(envvar="PALISADE_URL", help="Where the platform is.")] = DEFAULT_URL,
    email: Annotated[str | None, typer.Option(envvar="PALISADE_EMAIL", help="Who logs in.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin instead of asking for it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start a session. It is kept for you alone, and refreshed by itself."""
    email = email or _asked("E-mail", hidden=False)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _asked("Password", hidden=True)
    if not password:
        raise WrongUsage("The password is empty.")
    fresh = api.log_in(url, email, password)
    session.keep(fresh)
    said = {"url": fresh.url, "email": fresh.email}
    output.show(f"Logged in at {fresh.url} as {output.safe(fresh.email)}.", said, as_json=as_json)


@app.command()
def logout(as_json: Json = False) -> None:
    """End the session, here and on the platform."""
    ended = session.read()
    session.forget()
    try:
        api.log_out(ended)
    except (ApiProblem, Unreachable) as problem:
        output.hint(f"The session is forgotten here; the platform could not be told: {problem}")
    output.show("Logged out.", {"url": ended.url, "email": ended.email}, as_json=as_json)


@app.command()
def whoami(as_json: Json = False) -> None:
    """Show who is logged in, where, and in which roles."""
    with connected() as client:
        me = client.get("/users/me") | {"url": client.session.url}
    output.show(tables.fields(me, **COLUMNS), me, as_json=as_json)


def _asked(what: str, *, hidden: bool) -> str:
    """Ask the person. Raises WrongUsage where there is none."""
    if not sys.stdin.isatty():
        wanted = "--password-stdin" if hidden else "--email"
        raise WrongUsage(f"Nobody can be asked here: say {wanted}.")
    return str(typer.prompt(what, hide_input=hidden, err=True))
