"""Logging in by single sign-on: the browser goes away and comes back to this machine."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from palisade import session, sso
from palisade.errors import WrongUsage
from tests.client.conftest import Palisade
from tests.client.platform import EMAIL, Platform

COME_BACK = "?code=c-1&state=s-1"


@pytest.fixture
def back(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the identity provider sends the browser back with; the browser looks for a picture first."""
    with_what, threads = [COME_BACK], list[threading.Thread]()

    def visit() -> None:
        assert httpx.get(sso.REDIRECT.replace("callback", "favicon.ico")).status_code == 404
        assert httpx.get(sso.REDIRECT + with_what[0]).status_code == 200

    def open_(_address: str) -> bool:
        threads.append(threading.Thread(target=visit))
        threads[-1].start()
        return True

    monkeypatch.setattr(webbrowser, "open", open_)
    yield with_what
    for thread in threads:
        thread.join()


def test_a_person_comes_back_from_the_browser_logged_in(
    platform: Platform, palisade: Palisade, config: Path, back: list[str]
) -> None:
    platform.answer("GET /users/me", {"email": EMAIL})
    said = palisade("login", "--sso", "--url", platform.url, "--email", EMAIL)
    assert said.code == 0, said.err
    assert said.out == f"Logged in at {platform.url} as {EMAIL}.\n"
    assert "https://login.example/go" in said.err
    assert session.read().access_token == platform.access_token
    assert platform.began["redirect_uri"] == sso.REDIRECT


@pytest.mark.parametrize(
    ("with_what", "why"),
    [
        ("?code=c-1&state=another", "did not begin here"),
        ("?code=c-1", "did not begin here"),
        ("?error=access_denied&state=s-1", "access_denied"),
    ],
)
def test_who_comes_back_from_elsewhere_is_not_let_in(
    platform: Platform, palisade: Palisade, config: Path, back: list[str], with_what: str, why: str
) -> None:
    back[0] = with_what
    said = palisade("login", "--sso", "--url", platform.url, "--email", EMAIL)
    assert (said.code, platform.called("POST /auth/sso/token")) == (1, [])
    assert why in said.err
    assert not (config / "session.json").exists()


def test_an_address_without_single_sign_on(platform: Platform, palisade: Palisade, back: list[str]) -> None:
    said = palisade("login", "--url", platform.url, "--domain", "other.example")
    assert said.code == 1
    assert "no single sign-on" in said.err


def test_the_port_must_be_free_and_somebody_named(platform: Platform, palisade: Palisade) -> None:
    assert palisade("login", "--sso", "--url", platform.url).code == 2
    with socket.create_server(("127.0.0.1", sso.PORT)):
        said = palisade("login", "--sso", "--url", platform.url, "--email", EMAIL)
    assert said.code == 2
    assert str(sso.PORT) in said.err
    with pytest.raises(WrongUsage):
        sso.who("a@b.example", "b.example")


def test_nobody_comes_back() -> None:
    with sso.Page() as page, pytest.raises(sso.NotBack):
        page.code("s-1", patience=0.01)
