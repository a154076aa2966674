"""Mail servers: encryption, relaying for strangers, and whom they give away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port
from functions.collection.module import Context, Found, Module
from functions.collection.weakness import exposure, misconfiguration
from kernel.egress import Connection, EgressProtocolError

WAIT = 10.0
MAX_LINES = 100
NO_STARTTLS = misconfiguration(
    "smtp-no-starttls", Severity.MEDIUM, "The mail server does not encrypt",
    "The server offers no STARTTLS, so mail to it travels in clear and can be read and changed on the way.",
    "Configure a certificate and offer STARTTLS; announce it with MTA-STS or DANE.",
    "https://www.rfc-editor.org/rfc/rfc3207",
)  # fmt: skip
AUTH_IN_CLEAR = misconfiguration(
    "smtp-auth-in-clear", Severity.HIGH, "The mail server takes passwords in clear",
    "The server offers AUTH before the connection is encrypted, so that passwords travel in clear.",
    "Offer AUTH after STARTTLS only.", "https://cwe.mitre.org/data/definitions/319.html",
)  # fmt: skip
OPEN_RELAY = exposure(
    "smtp-open-relay", Severity.HIGH, "The mail server relays for everybody",
    "The server accepts mail from strangers to strangers, and is used for spam as soon as it is found.",
    "Relay for authenticated users and your own networks only.", "https://cwe.mitre.org/data/definitions/284.html",
)  # fmt: skip
VRFY = misconfiguration(
    "smtp-vrfy", Severity.LOW, "The mail server confirms user names",
    "The VRFY command tells which mailboxes exist, which helps to guess passwords and to phish.",
    "Switch VRFY and EXPN off.", "https://cwe.mitre.org/data/definitions/204.html",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the server offered in answer to EHLO, and its codes for probes of VRFY and of relaying: VRFY of a mailbox
    that every server has (RFC 5321 section 4.5.1), and of one that none has."""

    extensions: frozenset[str]
    vrfy_code: int
    vrfy_nobody_code: int
    relay_code: int

    @property
    def confirms_names(self) -> bool:
        """Whether the answers tell who exists; 252 alone says nothing."""
        if self.vrfy_code in (250, 251):
            return self.vrfy_nobody_code not in (250, 251)
        return self.vrfy_code == 252 and self.vrfy_nobody_code in (550, 551, 553)


class SmtpAudit(Module[Conversation]):
    """Greets the server, asks, and leaves before any message is sent."""

    face = ModuleFace(
        name="smtp_audit",
        version="1.1.0",
        summary="Checks a mail server for STARTTLS, clear-text log-in, open relaying and VRFY",
        consumes=(ObservationType.SERVICE,),
        produces=(ObservationType.MISCONFIGURATION, ObservationType.EXPOSURE),
        matching=r"^smtp://",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="tcp",
        oracle="smtplib",
    )

    async def get(self, observation: Observation, context: Context) -> Conversation:
        """One conversation; both addresses of the relay probe lie in domains reserved for examples (RFC 2606)."""
        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port) as connection:
            code, _ = await _reply(connection)
            if code != 220:
                raise EgressProtocolError(f"the mail server greets with {code}")
            _, lines = await _ask(connection, "EHLO scanner.example.com")
            vrfy_code, _ = await _ask(connection, "VRFY postmaster")
            vrfy_nobody_code, _ = await _ask(connection, "VRFY no-such-mailbox-27183")
            await _ask(connection, "MAIL FROM:<probe@example.com>")
            relay_code, _ = await _ask(connection, "RCPT TO:<probe@example.net>")
            await _ask(connection, "RSET")
            await _ask(connection, "QUIT")
        words = {line.partition(" ")[0].partition("=")[0].upper() for line in lines[1:]}
        return Conversation(frozenset(words), vrfy_code, vrfy_nobody_code, relay_code)

    def transform(self, observation: Observation, raw: Conversation) -> Iterable[Found]:
        """The weaknesses."""
        asset = observation.value.rpartition("://")[2]
        offered = {"extensions": sorted(raw.extensions)}
        if "STARTTLS" not in raw.extensions:
            yield NO_STARTTLS.at(asset, offered)
        if "AUTH" in raw.extensions:
            yield AUTH_IN_CLEAR.at(asset, offered)
        if raw.relay_code in (250, 251):
            yield OPEN_RELAY.at(asset, {"to": "probe@example.net", "code": raw.relay_code}, confidence=0.9)
        if raw.confirms_names:
            yield VRFY.at(asset, {"code": raw.vrfy_code, "code_for_nobody": raw.vrfy_nobody_code})


async def _ask(connection: Connection, command: str) -> tuple[int, list[str]]:
    await connection.send(command.encode() + b"\r\n", WAIT)
    return await _reply(connection)


async def _reply(connection: Connection) -> tuple[int, list[str]]:
    """A reply's code and lines (RFC 5321 section 4.2). Raises `EgressProtocolError`."""
    lines: list[str] = []
    for _ in range(MAX_LINES):
        line = (await connection.read_line(WAIT)).decode("utf-8", "replace").rstrip("\r\n")
        if len(line) < 3 or not line[:3].isdecimal():
            raise EgressProtocolError("the mail server answers with something that is no reply")
        lines.append(line[4:])
        if line[3:4] != "-":
            return int(line[:3]), lines
    raise EgressProtocolError("the mail server answers without end")
