"""What a service says first, and what it is by that."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.endpoints import host_and_port
from functions.collection.module import Config, Context, Found, Module
from functions.collection.software import software_in
from kernel.egress import EgressTimeout

GREETINGS = (
    ("ssh", re.compile(rb"^SSH-\d")),
    ("smtp", re.compile(rb"^220[ -].*\b(?:E?SMTP|mail)\b", re.I)),
    ("ftp", re.compile(rb"^220[ -].*(?:FTP|FileZilla)", re.I)),
    ("smtp", re.compile(rb"^220[ -][^\r\n]*\r\n$")),
    ("pop3", re.compile(rb"^\+OK")),
    ("imap", re.compile(rb"^\* (?:OK|PREAUTH)", re.I)),
    ("vnc", re.compile(rb"^RFB \d{3}\.\d{3}")),
    ("mysql", re.compile(rb"^.{3}\x00\x0a[\d.]+", re.S)),
    ("rsync", re.compile(rb"^@RSYNCD:")),
    ("telnet", re.compile(rb"^\xff[\xfb-\xfe]")),
)
MAX_BANNER = 1024
MAX_WORDS = 500


class BannerConfig(Config):
    """How long to listen."""

    wait_seconds: Annotated[float, Field(gt=0, le=30, description="Wait for the first words.")] = 3.0


class Banner(Module[bytes]):
    """Connects, listens, and says nothing."""

    face = ModuleFace(
        name="banner",
        version="1.0.0",
        summary="Reads the greeting of a service and names its protocol and software",
        consumes=(ObservationType.PORT,),
        produces=(ObservationType.BANNER, ObservationType.SERVICE, ObservationType.SOFTWARE),
        invasiveness=Invasiveness.ACTIVE,
        rate_group="tcp",
        concurrency=50,
        oracle="nmap",
    )
    config = BannerConfig

    async def get(self, observation: Observation, context: Context) -> bytes:
        """The first bytes, empty from a service that waits for the client."""
        host, port = host_and_port(observation.value)
        async with await context.session.connect(host, port) as connection:
            try:
                return await connection.read(MAX_BANNER, context.config.wait_seconds)
            except EgressTimeout:
                return b""

    def transform(self, observation: Observation, raw: bytes) -> Iterable[Found]:
        """The banner, the service that it belongs to, and the software that it names."""
        words = printable(raw)
        if not words:
            return
        service = service_of(raw)
        banner = Found(ObservationType.BANNER, f"{observation.value} {words}", {"text": words, "service": service})
        yield banner
        if service:
            attributes = {"protocol": service, "port": observation.value}
            yield Found(ObservationType.SERVICE, f"{service}://{observation.value}", attributes, parent=banner)
            product = words[5:] if service == "mysql" else words
            yield from software_in(product.strip(), observation.value, service, parent=banner)


def service_of(greeting: bytes) -> str:
    """The protocol that begins with this greeting, or empty."""
    return next((name for name, pattern in GREETINGS if pattern.match(greeting)), "")


def printable(raw: bytes) -> str:
    """The first line as text (all of a binary greeting); what is no character becomes a dot."""
    text = raw.decode("utf-8", "replace").strip("\r\n\x00 ")
    line = text if "\x00" in text else next(iter(text.splitlines()), "")
    return "".join(char if char.isprintable() else "." for char in line)[:MAX_WORDS]
