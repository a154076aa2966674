"""The session: who is logged in where, kept in the user's configuration directory for its owner's eyes alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from palisade.errors import CannotWrite, NotLoggedIn

FILE = "session.json"


@dataclass(frozen=True)
class Session:
    """A person's session with one deployment of the platform."""

    url: str
    email: str
    access_token: str
    refresh_token: str

    def renewed(self, access_token: str, refresh_token: str | None) -> Session:
        """The session after a refresh; one that does not rotate keeps its refresh token."""
        return replace(self, access_token=access_token, refresh_token=refresh_token or self.refresh_token)


def config_dir() -> Path:
    """The directory of the client's files: `$XDG_CONFIG_HOME/palisade`, or `~/.config/palisade`."""
    base = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".config") / "palisade"


def read() -> Session:
    """The session that was kept. Raises NotLoggedIn when there is none that can be read."""
    try:
        return Session(**json.loads((config_dir() / FILE).read_text()))
    except FileNotFoundError:
        raise NotLoggedIn("Nobody is logged in: `palisade login` starts a session.") from None
    except (OSError, ValueError, TypeError):
        raise NotLoggedIn("The session cannot be read: `palisade login` starts a new one.") from None


def keep(session: Session) -> None:
    """Replace the kept session, with mode 0600 from its first byte. Raises CannotWrite."""
    directory = config_dir()
    fresh = directory / f"{FILE}.{os.getpid()}.new"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
            json.dump(asdict(session), output)
        fresh.replace(directory / FILE)
    except OSError as problem:
        raise CannotWrite(f"The session cannot be kept in {directory}: {problem.strerror}.") from problem


def forget() -> None:
    """Remove the kept session."""
    (config_dir() / FILE).unlink(missing_ok=True)
