"""Logging in and out."""

from __future__ import annotations

import sys
import webbrowser
from functools import partial
from typing import Annotated

import typer

from palisade import api, output, session, sso, tables
from palisade.commands.shared import Json, connected, segment
from palisade.errors import ApiProblem, Unreachable, WrongUsage

app = typer.Typer()
COLUMNS = {"Name": "name", "E-mail": "email", "Organisation": "organization_id", "Roles": "roles", "Platform": "url"}
ORGANIZATIONS = {"Id": "organization_id", "Name": "name", "Roles": "roles", "Current": "current"}
SESSIONS = {
    "Id": "session_id",
    "Device": "device",
    "Address": "address",
    "Last_seen": "last_seen_at",
    "Organisation": "organization_id",
    "Current": "current",
}
DEFAULT_URL = "http://localhost:8080"


@app.command()
def login(
    url: Annotated[str, typer.Option(envvar="PALISADE_URL", help="Where the platform is.")] = DEFAULT_URL,
    email: Annotated[str | None, typer.Option(envvar="PALISADE_EMAIL", help="Who logs in.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin instead of asking for it.")
    ] = False,
    code: Annotated[str | None, typer.Option(help="What the authenticator shows; else it is asked for.")] = None,
    recovery_code: Annotated[
        str | None, typer.Option(help="In place of the authenticator, which is switched off by it.")
    ] = None,
    by_sso: Annotated[
        bool, typer.Option("--sso", help="By your organisation's identity provider, in the browser.")
    ] = False,
    domain: Annotated[str | None, typer.Option(help="With --sso: the domain, in place of your address.")] = None,
    as_json: Json = False,
) -> None:
    """Start a session. It is kept for you alone, and refreshed by itself."""
    if by_sso or domain:
        _log_in_by_sso(url, sso.who(None if domain else email, domain), as_json=as_json)
        return
    email = email or _asked("E-mail", hidden=False)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _asked("Password", hidden=True)
    if not password:
        raise WrongUsage("The password is empty.")
    fresh, tokens = api.log_in(url, email, password, partial(_answer, code), recovery_code)
    session.keep(fresh)
    if tokens.get("mfa_setup_required"):
        output.hint("Your organisation demands a second factor: set it up, nothing else works until then.")
    if tokens.get("mfa_was_disabled"):
        output.hint("The second factor is switched off: set it up again.")
    said = {"url": fresh.url, "email": fresh.email}
    output.show(f"Logged in at {fresh.url} as {output.safe(fresh.email)}.", said, as_json=as_json)


def _log_in_by_sso(url: str, who: dict[str, str], *, as_json: bool) -> None:
    with sso.Page() as page:

        def come_back(begun: api.Resource) -> str:
            output.hint(f"Log in at {begun['connection']} in your browser: {begun['authorization_url']}")
            webbrowser.open(begun["authorization_url"])
            return page.code(begun["state"])

        fresh = api.log_in_by_sso(url, who, sso.REDIRECT, sso.Proof(), come_back)
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
def switch(
    organization: Annotated[str | None, typer.Argument(help="Its id; none lists yours.")] = None,
    as_json: Json = False,
) -> None:
    """Go on in another of your organisations, or list them."""
    if organization is None:
        with connected() as client:
            found = client.get("/users/me/organizations")
        output.show(tables.plain(found["items"], **ORGANIZATIONS), found, as_json=as_json)
        return
    there = api.switch(session.read(), organization)
    session.keep(there)
    output.show(f"You work in {output.safe(organization)} now.", {"organization_id": organization}, as_json=as_json)


@app.command()
def accept(
    token: Annotated[str, typer.Argument(help="The invitation, as it was mailed.")], as_json: Json = False
) -> None:
    """Accept an invitation into an organisation."""
    with connected() as client:
        joined = client.post("/invitations/accept", {"token": token})
    name = output.safe(str(joined["name"] or joined["organization_id"]))
    output.show(f"You are in {name}: `palisade switch {joined['organization_id']}`.", joined, as_json=as_json)


@app.command()
def sessions(
    end: Annotated[str | None, typer.Option(metavar="ID", help="End this one.")] = None,
    end_others: Annotated[bool, typer.Option("--end-others", help="End all but this one.")] = False,
    as_json: Json = False,
) -> None:
    """List your sessions, or end them."""
    with connected() as client:
        if end is not None or end_others:
            client.delete(f"/auth/sessions/{segment(end)}" if end else "/auth/sessions")
        found = client.get("/auth/sessions")
    output.show(tables.plain(found["items"], **SESSIONS), found, as_json=as_json)


@app.command()
def whoami(as_json: Json = False) -> None:
    """Show who is logged in, where, and in which roles."""
    with connected() as client:
        me = client.get("/users/me") | {"url": client.session.url}
    output.show(tables.fields(me, **COLUMNS), me, as_json=as_json)


def _answer(code: str | None, asked: api.Resource) -> api.Resource:
    """What the platform wants beyond the password. Raises WrongUsage where nobody can be asked."""
    if asked["challenge"] == "mfa":
        return {"code": code or _typed("Code of the authenticator", "--code")}
    new = _typed("New password", "a password that is not for the first time only", hidden=True)
    if new != _typed("New password again", "it twice", hidden=True):
        raise WrongUsage("The two are not the same.")
    return {"new_password": new}


def _typed(what: str, instead: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        raise WrongUsage(f"Nobody can be asked here: say {instead}.")
    return str(typer.prompt(what, hide_input=hidden, err=True)).strip()


def _asked(what: str, *, hidden: bool) -> str:
    """Ask the person. Raises WrongUsage where there is none."""
    if not sys.stdin.isatty():
        wanted = "--password-stdin" if hidden else "--email"
        raise WrongUsage(f"Nobody can be asked here: say {wanted}.")
    return str(typer.prompt(what, hide_input=hidden, err=True))
