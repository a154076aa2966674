"""Mailboxes and file servers: do they take passwords in clear, and do they let strangers in?"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port, place_of
from functions.collection.module import Context, Found, Module
from functions.collection.weakness import exposure, misconfiguration
from kernel.egress import Connection, EgressError, EgressProtocolError

WAIT = 8.0
MAX_LINES = 100
NAMES = {"ftp": "The FTP server", "imap": "The IMAP server", "pop3": "The POP3 server"}
NO_TLS = misconfiguration(
    "login-no-tls", Severity.MEDIUM, "A server for log-ins does not encrypt",
    "The server offers no TLS on this port, so that names, passwords and what follows travel in clear.",
    "Configure a certificate and offer STARTTLS (FTP: AUTH TLS), or shut the port and serve over TLS alone.",
    "https://www.rfc-editor.org/rfc/rfc8314",
)  # fmt: skip
IN_CLEAR = misconfiguration(
    "login-in-clear", Severity.HIGH, "A server takes passwords in clear",
    "The server takes a name and password before the connection is encrypted, so that whoever is on the way reads "
    "them.",
    "Require TLS before log-in (Dovecot: `disable_plaintext_auth = yes`; vsftpd: `force_local_logins_ssl=YES`).",
    "https://cwe.mitre.org/data/definitions/319.html",
)  # fmt: skip
ANONYMOUS = exposure(
    "login-anonymous", Severity.MEDIUM, "A server lets strangers in",
    "The server accepts an anonymous log-in, so that everybody reads what it offers, and perhaps leaves files there.",
    "Switch anonymous log-in off unless the content is meant for everybody, and make it read-only then.",
    "https://cwe.mitre.org/data/definitions/287.html",
)  # fmt: skip
CAPABILITY = re.compile(r"[A-Z0-9=+_.-]{1,60}")


@dataclass(frozen=True, slots=True)
class Door:
    """What a server for log-ins offers before any encryption."""

    protocol: str
    offers: tuple[str, ...]
    tls: bool
    passwords: bool
    anonymous: bool


class LoginAudit(Module[Door]):
    """Asks what the server can do, and tries the log-in that is meant for strangers (RFC 1635, RFC 4505)."""

    face = ModuleFace(
        name="login_audit",
        version="1.0.0",
        summary="Checks FTP, IMAP and POP3 servers for clear-text and anonymous log-in",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.MISCONFIGURATION, ObservationType.EXPOSURE),
        matching=r"^(ftp|imap|pop3)://",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="tcp",
        oracle="nmap",
    )

    async def get(self, observation: Observation, context: Context) -> Door:
        """How the server receives a stranger. Raises `EgressError`, also for a server that is none."""
        protocol = observation.value.partition("://")[0]
        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port) as connection:
            return await SPEAKERS[protocol](connection)

    def transform(self, observation: Observation, raw: Door) -> Iterable[Found]:
        """The weaknesses."""
        place = place_of(observation.value)
        evidence = {"server": NAMES[raw.protocol], "offers": list(raw.offers)[:50]}
        if not raw.tls:
            yield NO_TLS.at(place, evidence)
        if raw.passwords:
            yield IN_CLEAR.at(place, evidence)
        if raw.anonymous:
            yield ANONYMOUS.at(place, evidence)


async def _ftp(connection: Connection) -> Door:
    """RFC 959, 2389 (FEAT) and 4217 (AUTH TLS)."""
    await _ftp_reply(connection, 220)
    code, lines = await _ftp_ask(connection, "FEAT")
    offers = tuple(line.strip().upper()[:60] for line in lines[1:-1]) if code == 211 else ()
    tls = any(offer.startswith("AUTH TLS") for offer in offers)
    # A server that wants encryption first, or takes nobody but strangers, refuses any other name at once.
    passwords = (await _ftp_ask(connection, "USER nobody"))[0] == 331
    return Door("ftp", offers, tls, passwords, await _ftp_stranger(connection))


async def _ftp_stranger(connection: Connection) -> bool:
    """Whether the log-in of RFC 1635 works; some servers hang up instead of an answer."""
    try:
        code, _ = await _ftp_ask(connection, "USER anonymous")
        if code == 331:
            code, _ = await _ftp_ask(connection, "PASS palisade@example.com")
        await connection.send(b"QUIT\r\n", WAIT)
    except EgressError:
        return False
    return code == 230


async def _ftp_ask(connection: Connection, command: str) -> tuple[int, list[str]]:
    await connection.send(command.encode() + b"\r\n", WAIT)
    return await _ftp_reply(connection)


async def _ftp_reply(connection: Connection, wanted: int | None = None) -> tuple[int, list[str]]:
    """A reply's code and lines; a long one ends with a line that begins with its code and a space."""
    lines: list[str] = []
    for _ in range(MAX_LINES):
        lines.append(await _line(connection))
        code = lines[0][:3]
        if not code.isdecimal() or len(code) < 3 or (wanted and int(code) != wanted):
            raise EgressProtocolError(f"the FTP server answers {lines[0][:40]!r}")
        if lines[-1].startswith(f"{code} ") or (len(lines) == 1 and lines[0][3:4] != "-"):
            return int(code), lines
    raise EgressProtocolError("the FTP server answers without end")


async def _imap(connection: Connection) -> Door:
    """RFC 9051, and RFC 4505 for strangers."""
    greeting = await _line(connection)
    if not greeting.upper().startswith(("* OK", "* PREAUTH")):
        raise EgressProtocolError(f"the IMAP server greets with {greeting[:40]!r}")
    lines, _ = await _imap_ask(connection, "a1", "CAPABILITY")
    said = " ".join(line for line in lines if line.upper().startswith("* CAPABILITY"))
    offers = tuple(CAPABILITY.findall(said.upper()))[1:]
    anonymous = greeting.upper().startswith("* PREAUTH")
    if "AUTH=ANONYMOUS" in offers:
        _, anonymous = await _imap_ask(connection, "a2", "AUTHENTICATE ANONYMOUS", answer="cGFsaXNhZGU=")
    await connection.send(b"a3 LOGOUT\r\n", WAIT)
    return Door("imap", offers, "STARTTLS" in offers, "LOGINDISABLED" not in offers, anonymous)


async def _imap_ask(connection: Connection, tag: str, command: str, answer: str = "") -> tuple[list[str], bool]:
    """The lines before the tagged one, and whether that is OK. `answer` is given where the server asks for more."""
    await connection.send(f"{tag} {command}\r\n".encode(), WAIT)
    lines: list[str] = []
    for _ in range(MAX_LINES):
        line = await _line(connection)
        if line.startswith(f"{tag} "):
            return lines, line[len(tag) + 1 :].upper().startswith("OK")
        if line.startswith("+"):
            await connection.send(answer.encode() + b"\r\n", WAIT)
        lines.append(line)
    raise EgressProtocolError("the IMAP server answers without end")


async def _pop3(connection: Connection) -> Door:
    """RFC 1939, 2449 (CAPA) and 2595 (STLS)."""
    greeting = await _line(connection)
    if not greeting.startswith("+OK"):
        raise EgressProtocolError(f"the POP3 server greets with {greeting[:40]!r}")
    offers: list[str] = []
    await connection.send(b"CAPA\r\n", WAIT)
    if (await _line(connection)).startswith("+OK"):
        while (line := await _line(connection)) != ".":
            offers.append(line.upper()[:100])
            if len(offers) > MAX_LINES:
                raise EgressProtocolError("the POP3 server answers without end")
    methods = {word for offer in offers if offer.startswith("SASL ") for word in offer.split()}
    await connection.send(b"AUTH ANONYMOUS cGFsaXNhZGU=\r\n" if "ANONYMOUS" in methods else b"USER nobody\r\n", WAIT)
    accepted = (await _line(connection)).startswith("+OK")
    anonymous = accepted and "ANONYMOUS" in methods
    await connection.send(b"QUIT\r\n", WAIT)
    passwords = "USER" in offers or "PLAIN" in methods or (accepted and not anonymous)  # pragma: allowlist secret
    return Door("pop3", tuple(offers), "STLS" in offers, passwords, anonymous)


async def _line(connection: Connection) -> str:
    """A line without its end. Raises `EgressProtocolError` at the end of the stream."""
    line = await connection.read_line(WAIT)
    if not line:
        raise EgressProtocolError("the server hangs up")
    return line.decode("utf-8", "replace").rstrip("\r\n")


SPEAKERS: dict[str, Callable[[Connection], Awaitable[Door]]] = {"ftp": _ftp, "imap": _imap, "pop3": _pop3}
