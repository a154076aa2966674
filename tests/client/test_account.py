"""Logging in and out, the session's file, and what happens when tokens end."""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path

import pytest
from aiohttp import web

from palisade import session
from palisade.errors import CannotWrite, NotLoggedIn
from palisade.session import Session
from tests.client.conftest import Palisade
from tests.client.platform import EMAIL, PASSWORD, RECOVERY, Platform, problem

ME = {
    "user_id": "u1",
    "organization_id": "org_1",
    "email": EMAIL,
    "name": "Ada",
    "roles": ["analyst", "viewer"],
    "permissions": ["scans:read"],
}


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))


def test_login_keeps_a_session_for_its_owner_alone(
    platform: Platform, palisade: Palisade, config: Path, typed: None
) -> None:
    before = os.umask(0)
    try:
        said = palisade("login", "--url", f"{platform.url}/", "--email", EMAIL, "--password-stdin")
    finally:
        os.umask(before)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"Logged in at {platform.url} as {EMAIL}.\n"
    assert stat.S_IMODE((config / "session.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    assert PASSWORD not in (config / "session.json").read_text()
    assert os.listdir(config) == ["session.json"]


def test_login_says_who_and_where_to_programs(platform: Platform, palisade: Palisade, typed: None) -> None:
    said = palisade("login", "--url", platform.url, "--email", EMAIL, "--password-stdin", "--json")
    assert (said.code, said.data) == (0, {"url": platform.url, "email": EMAIL})


def test_a_wrong_password_is_the_platforms_problem_and_keeps_nothing(
    platform: Platform, palisade: Palisade, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    said = palisade("login", "--url", platform.url, "--email", EMAIL, "--password-stdin", "--json")
    assert (said.code, said.problem["type"]) == (1, "https://palisade.dev/problems/wrong-credentials")
    assert len(platform.calls) == 1, "a log-in is not tried twice"
    assert not config.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "say --email"),
        (("--email", EMAIL), "say --password-stdin"),
        (("--email", EMAIL, "--password-stdin", "--url", "http://palisade.example"), "use https"),
        (("--email", EMAIL, "--password-stdin", "--url", "ftp://palisade.example"), "not an address"),
        (("--email", EMAIL, "--password-stdin", "--url", "localhost:8080"), "not an address"),
    ],
)
def test_a_login_that_cannot_be_is_a_usage_error(
    palisade: Palisade, typed: None, arguments: tuple[str, ...], sentence: str
) -> None:
    said = palisade("login", *arguments)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err


def test_an_empty_password_is_not_sent(platform: Platform, palisade: Palisade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    said = palisade("login", "--url", platform.url, "--email", EMAIL, "--password-stdin")
    assert (said.code, platform.calls) == (2, [])


def test_whoami_shows_the_caller(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("GET /users/me", ME)
    said = palisade("whoami")
    assert said.code == 0
    assert all(word in said.out for word in ("Ada", EMAIL, "org_1", "analyst", "viewer", logged_in.url))
    assert palisade("whoami", "--json").data == ME | {"url": logged_in.url}


def test_an_ended_access_token_is_refreshed_once_and_kept(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.answer("GET /users/me", ME)
    logged_in.access_token = "token-1"
    assert palisade("whoami", "--json").code == 0
    assert session.read() == Session(logged_in.url, EMAIL, "token-1", "refresh-0")
    palisade("whoami")
    assert [call.path for call in logged_in.calls] == ["/users/me", "/auth/refresh", "/users/me", "/users/me"]


def test_a_session_that_is_over_says_so(logged_in: Platform, palisade: Palisade) -> None:
    logged_in.access_token, logged_in.refresh_token = "token-1", "refresh-1"
    said = palisade("scans", "--json")
    assert (said.code, said.problem["type"]) == (3, "https://palisade.dev/problems/not-logged-in")
    assert palisade("scans").err == "Error: The session is over: `palisade login` starts a new one.\n"


def test_a_token_that_is_refused_after_its_refresh_is_not_refreshed_for_ever(
    logged_in: Platform, palisade: Palisade
) -> None:
    logged_in.answer("GET /scans", problem(401, "unauthenticated", "Log in first"))
    assert palisade("scans").code == 3
    assert len(logged_in.called("POST /auth/refresh")) == 1


@pytest.mark.parametrize("command", ["whoami", "scans", "modules", "targets", "webhooks", "schedules", "findings"])
def test_without_a_session_every_command_ends_with_3(palisade: Palisade, command: str) -> None:
    said = palisade(command)
    assert (said.code, said.out) == (3, "")
    assert said.err == "Error: Nobody is logged in: `palisade login` starts a session.\n"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1}', '{"nope": ""}', "\x00"])
def test_a_torn_session_file_is_no_session(palisade: Palisade, config: Path, text: str) -> None:
    config.mkdir(parents=True)
    (config / "session.json").write_text(text)
    assert palisade("scans").code == 3


def test_logout_ends_the_session_here_and_there(logged_in: Platform, palisade: Palisade, config: Path) -> None:
    assert palisade("logout").code == 0
    assert logged_in.called("POST /auth/logout")[0].body == {"refresh_token": "refresh-0"}
    assert not (config / "session.json").exists()
    assert palisade("logout").code == 3


def test_logout_forgets_even_when_nobody_answers(palisade: Palisade, config: Path) -> None:
    session.keep(Session("http://127.0.0.1:1", EMAIL, "a", "b"))
    said = palisade("logout", "--json")
    assert (said.code, said.data["email"]) == (0, EMAIL)
    assert not (config / "session.json").exists()


def test_a_relative_xdg_directory_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_CONFIG_HOME", value)
        assert session.config_dir() == tmp_path / ".config" / "palisade"


def test_a_directory_that_cannot_be_written_is_one_sentence(config: Path) -> None:
    config.parent.mkdir(parents=True)
    config.write_text("a file where the directory should be")
    with pytest.raises(CannotWrite, match=r"^The session cannot be kept in "):
        session.keep(Session("https://x.example", EMAIL, "a", "b"))


def test_a_wider_mode_is_narrowed_when_the_session_is_kept_again(config: Path) -> None:
    kept = Session("https://x.example", EMAIL, "a", "b")
    config.mkdir(parents=True)
    (config / "session.json").write_text("{}")
    (config / "session.json").chmod(0o644)
    session.keep(kept)
    assert stat.S_IMODE((config / "session.json").stat().st_mode) == 0o600
    assert session.read() == kept
    assert json.loads((config / "session.json").read_text())["email"] == EMAIL
    session.forget()
    with pytest.raises(NotLoggedIn):
        session.read()


def asked(platform: Platform, challenge: str) -> None:
    platform.asks = {"challenge": challenge, "session": "s" * 20, "expires_in": 300}


def test_a_second_factor_is_answered_with_the_code(platform: Platform, palisade: Palisade, typed: None) -> None:
    asked(platform, "mfa")
    said = palisade("login", "--url", platform.url, "--email", EMAIL, "--password-stdin", "--code", "123456")
    assert said.code == 0
    assert session.read().access_token == "token-0"
    assert [call.path for call in platform.calls] == ["/auth/login", "/auth/challenge"]


@pytest.mark.parametrize("challenge", ["mfa", "new_password"])
def test_a_question_that_nobody_can_be_asked_is_a_usage_error(
    platform: Platform, palisade: Palisade, typed: None, challenge: str
) -> None:
    asked(platform, challenge)
    said = palisade("login", "--url", platform.url, "--email", EMAIL, "--password-stdin")
    assert (said.code, said.out) == (2, "")


def test_a_recovery_code_says_what_it_did(platform: Platform, palisade: Palisade, typed: None) -> None:
    said = palisade("login", "--url", platform.url, "--email", EMAIL, "--password-stdin", "--recovery-code", RECOVERY)
    assert said.code == 0
    assert "set it up again" in said.err


def test_sessions_are_listed_and_ended(logged_in: Platform, palisade: Palisade) -> None:
    mine = {"session_id": "s1", "device": "Palisade command line on Linux", "address": "127.0.0.1", "current": True}
    logged_in.answer("GET /auth/sessions", {"items": [mine], "next_cursor": None})
    logged_in.answer("DELETE /auth/sessions/s2", web.Response(status=204))
    logged_in.answer("DELETE /auth/sessions", web.Response(status=204))
    assert "Palisade command line" in palisade("sessions").out
    assert palisade("sessions", "--end", "s2", "--json").data["items"] == [mine]
    assert palisade("sessions", "--end-others").code == 0
    assert len(logged_in.called("DELETE /auth/sessions")) == 1


def test_one_goes_on_in_another_organisation(logged_in: Platform, palisade: Palisade) -> None:
    there = {"organization_id": "org_2", "name": "Globex", "roles": ["viewer"], "current": False}
    logged_in.answer("GET /users/me/organizations", {"items": [there], "next_cursor": None})
    assert "Globex" in palisade("switch").out
    assert palisade("switch", "org_2").code == 0
    assert session.read().refresh_token == "refresh-2"
    logged_in.answer("POST /invitations/accept", there)
    assert "You are in Globex" in palisade("accept", "org_2.inv_1.secret").out
