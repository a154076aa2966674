"""LDAP: what a directory shows to strangers, and whether it can encrypt."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port, place_of, spoken_at
from functions.collection.module import Context, Found, Module
from functions.collection.weakness import exposure, misconfiguration
from kernel.egress import Connection, EgressProtocolError

if TYPE_CHECKING:
    from sansldap import LDAPClient, LDAPMessage

WAIT = 5.0
MAX_ANSWER = 256 * 1024
MAX_MESSAGES = 100
MAX_CONTEXTS = 5
START_TLS = "1.3.6.1.4.1.1466.20037"
READABLE = exposure(
    "ldap-anonymous-read", Severity.MEDIUM, "The directory can be read by everybody",
    "The server lets strangers search its directory. Names, mail addresses and groups of people help to guess "
    "passwords and to deceive.",
    "Allow searches to authenticated users only (`disallow bind_anon`, access rules).",
    "https://www.rfc-editor.org/rfc/rfc4513#section-6.3",
)  # fmt: skip
NO_TLS = misconfiguration(
    "ldap-no-tls", Severity.MEDIUM, "The directory takes passwords in clear",
    "The server does not offer StartTLS on its plain port, so that passwords of those who log in travel in clear.",
    "Configure a certificate, offer StartTLS, and refuse binds without it.",
    "https://www.rfc-editor.org/rfc/rfc4513#section-3",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Directory:
    """Whether an anonymous bind was taken, what the server says of itself (its root entry, RFC 4512 section 5.1),
    and the naming contexts whose entries it shows."""

    bound: bool
    root: Mapping[str, list[str]] = field(default_factory=dict)
    readable: tuple[str, ...] = ()


class LdapAudit(Module[Directory]):
    """Binds without a name, reads the root entry, and asks for one entry's name below each context."""

    face = ModuleFace(
        name="ldap_audit",
        version="1.0.0",
        summary="Finds LDAP directories that strangers can read, or that do not encrypt",
        consumes=(ObservationType.PORT, ObservationType.SERVICE),
        produces=(
            ObservationType.SERVICE,
            ObservationType.METADATA,
            ObservationType.EXPOSURE,
            ObservationType.MISCONFIGURATION,
        ),
        matching=r"^ldap://|^[^/]+:(389|3268)$",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="tcp",
        oracle="nmap",
    )

    async def get(self, observation: Observation, context: Context) -> Directory:
        """What the server shows. Raises `EgressError`, also for a server that is none."""
        import sansldap

        host, port = host_and_port(observation.value)
        client = sansldap.LDAPClient()
        async with await context.session.connect(host, port) as connection:
            client.bind_simple()
            [bound] = await _answers(client, connection)
            if not isinstance(bound, sansldap.BindResponse):
                raise EgressProtocolError("it does not answer as an LDAP server")
            if bound.result.result_code != sansldap.LDAPResultCode.SUCCESS:
                return Directory(False)
            root = await _root(client, connection)
            contexts = root.get("namingcontexts", [])[:MAX_CONTEXTS]
            readable = [name for name in contexts if await _shows_entries(client, connection, name)]
        return Directory(True, root, tuple(readable))

    def transform(self, observation: Observation, raw: Directory) -> Iterable[Found]:
        """The service, what it says of itself, and its weaknesses."""
        place, service = place_of(observation.value), spoken_at("ldap", observation.value)
        yield service
        if raw.root:
            attributes = {name: values[:20] for name, values in raw.root.items()}
            yield Found(ObservationType.METADATA, f"ldap:{place}", {**attributes, "asset": place}, parent=service)
            if START_TLS not in raw.root.get("supportedextension", []):
                yield NO_TLS.at(place, {"extensions": raw.root.get("supportedextension", [])[:50]}, parent=service)
        if raw.readable:
            yield READABLE.at(place, {"contexts": list(raw.readable)}, parent=service)


async def _root(client: LDAPClient, connection: Connection) -> dict[str, list[str]]:
    """The attributes of the root entry, their names in lower case; values are cut."""
    import sansldap

    wanted = ["namingContexts", "supportedExtension", "supportedSASLMechanisms", "supportedLDAPVersion", "vendorName"]
    client.search_request("", sansldap.SearchScope.BASE, attributes=[*wanted, "vendorVersion", "dnsHostName"])
    found: dict[str, list[str]] = {}
    for message in await _answers(client, connection):
        if isinstance(message, sansldap.SearchResultEntry):
            for attribute in message.attributes:
                values = itertools.islice(attribute.values, 100)
                found[attribute.name.lower()[:60]] = [value.decode("utf-8", "replace")[:200] for value in values]
    return found


async def _shows_entries(client: LDAPClient, connection: Connection, base: str) -> bool:
    """Whether a search below a context yields an entry; no attribute is asked for (RFC 4511 section 4.5.1.8)."""
    import sansldap

    client.search_request(base, sansldap.SearchScope.ONE_LEVEL, size_limit=1, attributes=["1.1"])
    return any(isinstance(each, sansldap.SearchResultEntry) for each in await _answers(client, connection))


async def _answers(client: LDAPClient, connection: Connection) -> list[LDAPMessage]:
    """The messages up to the one that ends the answer. Raises `EgressProtocolError`."""
    import sansldap

    await connection.send(client.data_to_send(), WAIT)
    taken = 0
    messages: list[LDAPMessage] = []
    while not messages or isinstance(messages[-1], sansldap.SearchResultEntry | sansldap.SearchResultReference):
        data = await connection.read(16 * 1024, WAIT)
        taken += len(data)
        if not data or taken > MAX_ANSWER or len(messages) > MAX_MESSAGES:
            raise EgressProtocolError("it does not answer as an LDAP server")
        try:
            messages += client.receive(data)
        except (sansldap.ProtocolError, ValueError, IndexError) as error:
            raise EgressProtocolError(f"it does not answer as an LDAP server: {error}") from error
    return messages
