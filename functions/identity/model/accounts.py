"""What is kept of an e-mail address that somebody logs in with: wrong tries, known devices, the second factor. Pure."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re

from pydantic import BaseModel, ConfigDict

from kernel.records import Hidden, Record

WINDOW_SECONDS = 900
"""Wrong tries count for so long."""
TRIES_FROM_ONE_PLACE = 5
TRIES_FROM_ANYWHERE = 30
KEPT_FAILURES = 60
FORGOTTEN_SECONDS = 86_400
"""After so long the table forgets an address that belongs to nobody."""
CODE_SECONDS = 120
"""A one-time code that was used is refused for so long: longer than it would be good."""
KNOWN_DEVICES = 20
NOBODY = "platform"
BROWSERS = (
    ("palisade/", "Palisade command line"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-httpx/", "Python program"),
    ("python-requests/", "Python program"),
)
SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_UNSAFE = re.compile(r"[^\x20-\x7e]")


class Place(BaseModel):
    """Where a log-in comes from: the address, and the device by the name that it gives itself."""

    model_config = ConfigDict(frozen=True)

    address: str | None = None
    device: str = "Unknown device"
    request_id: str | None = None

    @property
    def source(self) -> str:
        """Names the address, for counting."""
        return digest(self.address or "")

    @property
    def fingerprint(self) -> str:
        """Names the device in its network, for telling a new one."""
        return digest(f"{self.device}\x00{_network(self.address)}")


class Failure(BaseModel):
    """One wrong try."""

    at: int
    source: str


class UsedCode(BaseModel):
    """A one-time code that was good once."""

    hash: str
    at: int


class Account(Record, pk="PLATFORM#ACCOUNTS#{digest}", sk="ACCOUNT", platform=True):
    """An e-mail address at the door. There is one for an address of nobody too, so that both are treated alike."""

    tenant_id: Hidden[str] = NOBODY
    digest: str
    user_id: str | None = None
    failures: tuple[Failure, ...] = ()
    devices: tuple[str, ...] = ()
    has_factor: bool = False
    used_codes: tuple[UsedCode, ...] = ()
    recovery: tuple[str, ...] = ()

    def locked_for(self, place: Place, now: int) -> int:
        """Seconds until somebody may try again from this place; 0 when it is open."""
        recent = [failure for failure in self.failures if failure.at > now - WINDOW_SECONDS]
        here = [failure for failure in recent if failure.source == place.source]
        closing = [
            tries[-limit].at
            for tries, limit in ((here, TRIES_FROM_ONE_PLACE), (recent, TRIES_FROM_ANYWHERE))
            if len(tries) >= limit
        ]
        return max((at + WINDOW_SECONDS - now for at in closing), default=0)

    def fail(self, place: Place, now: int) -> None:
        """One more wrong try."""
        recent = [failure for failure in self.failures if failure.at > now - WINDOW_SECONDS]
        self.failures = (*recent, Failure(at=now, source=place.source))[-KEPT_FAILURES:]
        if self.user_id is None:
            self.expires_at = now + FORGOTTEN_SECONDS

    def succeed(self, place: Place) -> bool:
        """A right try: the wrong ones from there are forgiven, and the device is known from now on. Whether the device
        is new, on an account that knows others."""
        self.failures = tuple(failure for failure in self.failures if failure.source != place.source)
        known = self.devices
        if place.fingerprint not in known:
            self.devices = (*known, place.fingerprint)[-KNOWN_DEVICES:]
        return bool(known) and place.fingerprint not in known

    def was_used(self, code: str, now: int) -> bool:
        """Whether a one-time code let somebody in moments ago."""
        used = [known for known in self.used_codes if known.at > now - CODE_SECONDS]
        return any(hmac.compare_digest(known.hash, self._salted(code)) for known in used)

    def use_code(self, code: str, now: int) -> None:
        """A one-time code is good once."""
        kept = [known for known in self.used_codes if known.at > now - CODE_SECONDS]
        self.used_codes = (*kept, UsedCode(hash=self._salted(code), at=now))

    def use_recovery(self, code: str) -> bool:
        """Whether a recovery code is one of the account's; it is not any more."""
        offered = self._salted(_plain(code))
        rest = tuple(known for known in self.recovery if not hmac.compare_digest(known, offered))
        found = len(rest) < len(self.recovery)
        self.recovery = rest
        return found

    def keep_recovery(self, codes: list[str]) -> None:
        """Only these codes are good from now on."""
        self.recovery = tuple(self._salted(_plain(code)) for code in codes)

    def _salted(self, code: str) -> str:
        return digest(f"{self.digest}\x00{code}")


def normal(email: str) -> str:
    """The spelling by which an address is known."""
    return email.strip().lower()


def digest(text: str) -> str:
    """128 bits that name a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def device_name(user_agent: str | None) -> str:
    """What a person calls the device, from what its program says of itself."""
    said = _UNSAFE.sub("", user_agent or "")
    browser = next((name for mark, name in BROWSERS if mark in said), said.partition("/")[0][:40])
    system = next((name for mark, name in SYSTEMS if mark in said), "")
    if not browser:
        return system or "Unknown device"
    return f"{browser} on {system}" if system else browser


def _plain(code: str) -> str:
    return code.replace("-", "").replace(" ", "").lower()


def _network(address: str | None) -> str:
    """The neighbourhood of an address: people's own change within it."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    bits = 16 if parsed.version == 4 else 48
    return str(ipaddress.ip_network(f"{parsed}/{bits}", strict=False))
