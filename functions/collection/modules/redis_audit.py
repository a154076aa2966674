"""Redis: does it talk to strangers?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from contracts.findings import Severity
from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port, place_of, spoken_at
from functions.collection.module import Context, Found, Module
from functions.collection.software import software
from functions.collection.weakness import exposure
from kernel.egress import Connection, EgressProtocolError

WAIT = 5.0
QUESTION: Any = ("INFO", "server")
MAX_REPLY = 64 * 1024
SHOWN = ("redis_version", "redis_mode", "os", "role")
WITHOUT_PASSWORD = exposure(
    "redis-without-password", Severity.CRITICAL, "Redis serves everybody",
    "The store answers commands without a password. Who reaches it reads and changes all data, and on many systems "
    "runs programs of their own.",
    "Bind the server to internal addresses, and require a password or TLS client certificates.",
    "https://redis.io/docs/latest/operate/oss_and_stack/management/security/",
)  # fmt: skip


class RedisAudit(Module[object]):
    """Asks the server about itself, and reads nothing else."""

    face = ModuleFace(
        name="redis_audit",
        version="1.0.0",
        summary="Finds Redis servers that answer without a password",
        consumes=(ObservationType.PORT, ObservationType.SERVICE),
        produces=(ObservationType.SERVICE, ObservationType.SOFTWARE, ObservationType.EXPOSURE),
        matching=r"^redis://|^[^/]+:6379$",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="tcp",
        oracle="nmap",
    )

    async def get(self, observation: Observation, context: Context) -> object:
        """The reply to INFO: text, or the server's refusal."""
        import hiredis

        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port) as connection:
            await connection.send(hiredis.pack_command(QUESTION), WAIT)
            return await _reply(connection)

    def transform(self, observation: Observation, raw: object) -> Iterable[Found]:
        """The service; its version and the weakness when it answers."""
        service = spoken_at("redis", observation.value)
        yield service
        if not isinstance(raw, bytes):
            return
        said = dict(line.partition(":")[::2] for line in raw.decode("utf-8", "replace").splitlines())
        place = place_of(observation.value)
        yield software("redis", "redis", said.get("redis_version", ""), place, parent=service)
        shown = {name: said[name][:100] for name in SHOWN if name in said}
        yield WITHOUT_PASSWORD.at(place, shown, parent=service)


async def _reply(connection: Connection) -> object:
    """One reply of the protocol, errors included. Raises `EgressProtocolError` for anything else."""
    import hiredis

    reader, taken, reply = hiredis.Reader(), 0, False
    while reply is False:
        data = await connection.read(4096, WAIT)
        taken += len(data)
        if not data or taken > MAX_REPLY:
            raise EgressProtocolError("it does not answer as a Redis server")
        reader.feed(data)
        try:
            reply = reader.gets()
        except hiredis.HiredisError as error:
            raise EgressProtocolError(f"it does not answer as a Redis server: {error}") from error
    if not isinstance(reply, bytes | hiredis.ReplyError):
        raise EgressProtocolError("it does not answer as a Redis server")
    return reply
