"""SMB: does a file server let strangers in, and does it protect what it sends?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port, place_of, spoken_at
from functions.collection.module import Context, Found, Module
from functions.collection.weakness import exposure, misconfiguration
from kernel.egress import EgressError

if TYPE_CHECKING:
    from functions.collection.smb import Server

GUIDE = "https://learn.microsoft.com/openspecs/windows_protocols/ms-smb2/"
NULL_SESSION = exposure(
    "smb-null-session", Severity.MEDIUM, "The file server lets strangers in",
    "The server opens a session without a name and password, and connects it to its channel for services (IPC$). "
    "Strangers can ask there for users, groups and shares.",
    "Refuse anonymous sessions (Samba: `restrict anonymous = 2`; Windows: RestrictAnonymous).",
    "https://cwe.mitre.org/data/definitions/287.html",
)  # fmt: skip
UNSIGNED = misconfiguration(
    "smb-signing-not-required", Severity.MEDIUM, "The file server does not require signatures",
    "Who is on the way can change files and commands, or pass somebody else's log-in on to this server.",
    "Require signing (Samba: `server signing = mandatory`).", GUIDE,
)  # fmt: skip
OLD_DIALECT = misconfiguration(
    "smb-old-dialect", Severity.LOW, "The file server speaks nothing newer than SMB 2",
    "SMB 3 brought encryption and protection against being talked down to older versions.",
    "Update the server and allow SMB 3.", GUIDE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reception:
    """What the server is, and whether it took a stranger."""

    server: Server
    null_session: bool


class SmbAudit(Module[Reception]):
    """Negotiates, logs in as nobody, and asks for IPC$."""

    face = ModuleFace(
        name="smb_audit",
        version="1.0.0",
        summary="Finds SMB file servers that open sessions for strangers or do not require signatures",
        consumes=(ObservationType.PORT, ObservationType.SERVICE),
        produces=(
            ObservationType.SERVICE,
            ObservationType.METADATA,
            ObservationType.EXPOSURE,
            ObservationType.MISCONFIGURATION,
        ),
        matching=r"^(smb|microsoft-ds)://|^[^/]+:445$",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="tcp",
        oracle="nmap",
    )

    async def get(self, observation: Observation, context: Context) -> Reception:
        """One conversation. Raises `EgressError`, also for a server that is none."""
        from functions.collection.smb import Conversation

        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port) as connection:
            talk = Conversation(connection)
            server = await talk.negotiate()
            try:
                return Reception(server, await talk.enter(host))
            except EgressError as error:
                context.log.debug("%s: %s", observation.value, error)
                return Reception(server, False)

    def transform(self, observation: Observation, raw: Reception) -> Iterable[Found]:
        """The service, what it says of itself, and its weaknesses."""
        place, service, server = place_of(observation.value), spoken_at("smb", observation.value), raw.server
        yield service
        attributes = {"dialect": server.dialect, "signing": server.signing, "guid": server.guid, "asset": place}
        yield Found(ObservationType.METADATA, f"smb:{place}", attributes, parent=service)
        evidence = {"dialect": server.dialect, "signing": server.signing}
        if raw.null_session:
            yield NULL_SESSION.at(place, evidence, parent=service)
        if server.signing != "required":
            yield UNSIGNED.at(place, evidence, parent=service)
        if server.dialect.startswith("2."):
            yield OLD_DIALECT.at(place, evidence, parent=service)
