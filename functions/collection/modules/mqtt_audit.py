"""MQTT: does a broker let strangers in?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port, place_of, spoken_at
from functions.collection.module import Context, Found, Module
from functions.collection.software import software_in
from functions.collection.weakness import exposure
from kernel.egress import Connection, EgressError, EgressProtocolError

WAIT = 5.0
MAX_PACKET = 16 * 1024
ACCEPTED = 0
CONNACK, PUBLISH = 0x20, 0x30
VERSION_TOPIC = "$SYS/broker/version"
ANONYMOUS = exposure(
    "mqtt-anonymous", Severity.HIGH, "The MQTT broker lets everybody in",
    "The broker accepts clients without a name and password. Who reaches it can listen to what devices report, and on "
    "most brokers send them commands.",
    "Switch anonymous clients off (`allow_anonymous false`), and give every client rights to its own topics only.",
    "https://cwe.mitre.org/data/definitions/306.html",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Welcome:
    """The broker's return code (MQTT 3.1.1 section 3.2.2.3), and the version that it publishes."""

    code: int
    version: str = ""


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What the packet builders ask of a connection."""

    proto_name: bytes = b"MQTT"
    proto_ver: int = 4


class MqttAudit(Module[Welcome]):
    """Connects without credentials and listens to the broker's own version, to nothing else."""

    face = ModuleFace(
        name="mqtt_audit",
        version="1.0.0",
        summary="Finds MQTT brokers that accept clients without credentials",
        consumes=(ObservationType.PORT, ObservationType.SERVICE),
        produces=(ObservationType.SERVICE, ObservationType.SOFTWARE, ObservationType.EXPOSURE),
        matching=r"^mqtt://|^[^/]+:1883$",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="tcp",
        oracle="nmap",
    )

    async def get(self, observation: Observation, context: Context) -> Welcome:
        """How the broker receives a stranger. Raises `EgressProtocolError` for a server that is none."""
        from gmqtt.mqtt.package import LoginPackageFactor

        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port) as connection:
            hello = LoginPackageFactor.build_package("palisade", None, None, True, 30, _Dialect())
            await connection.send(bytes(hello), WAIT)
            kind, body = await _packet(connection)
            if kind & 0xF0 != CONNACK or len(body) < 2:
                raise EgressProtocolError("it does not answer as an MQTT broker")
            return Welcome(body[1], await _version(connection) if body[1] == ACCEPTED else "")

    def transform(self, observation: Observation, raw: Welcome) -> Iterable[Found]:
        """The service, its software, and the weakness."""
        place, service = place_of(observation.value), spoken_at("mqtt", observation.value)
        yield service
        yield from software_in(raw.version, place, "mqtt", parent=service)
        if raw.code == ACCEPTED:
            yield ANONYMOUS.at(place, {"version": raw.version}, parent=service)


async def _version(connection: Connection) -> str:
    """What the broker publishes about its version, or empty when it does not."""
    from gmqtt.mqtt.package import SubscribePacket
    from gmqtt.mqtt.utils import IdGenerator

    class Link(_Dialect):
        id_generator = IdGenerator()

    from gmqtt import Subscription

    _, packet = SubscribePacket.build_package([Subscription(VERSION_TOPIC)], Link())
    try:
        await connection.send(bytes(packet), WAIT)
        for _ in range(5):
            kind, body = await _packet(connection)
            if kind & 0xF0 == PUBLISH:
                return body[2 + int.from_bytes(body[:2], "big") :].decode("utf-8", "replace")[:100]
    except EgressError:
        return ""
    return ""


async def _packet(connection: Connection) -> tuple[int, bytes]:
    """The first byte and the body of a packet (MQTT 3.1.1 section 2.2). Raises `EgressProtocolError`."""
    from gmqtt.mqtt.utils import unpack_variable_byte_integer

    kind, size = (await connection.read_exactly(1, WAIT))[0], bytearray()
    while not size or (size[-1] & 0x80 and len(size) < 4):
        size += await connection.read_exactly(1, WAIT)
    if size[-1] & 0x80 or (length := unpack_variable_byte_integer(size)[0]) > MAX_PACKET:
        raise EgressProtocolError("an MQTT packet that is too long")
    return kind, await connection.read_exactly(length, WAIT) if length else b""
