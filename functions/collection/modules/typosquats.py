"""Domains that can be taken for the target's and belong to somebody: registered to deceive, or by chance."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from contracts.findings import Severity
from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.lookalikes import lookalikes
from functions.collection.module import Config, Context, Found, Module
from functions.collection.weakness import exposure
from kernel.egress import EgressError

REGISTERED = exposure(
    "lookalike-registered", Severity.LOW, "A domain that looks like yours is registered",
    "Somebody has registered a name that differs from yours by a slip of the finger or the eye. Visitors can be "
    "deceived with it.",
    "Find out who owns it (RDAP); watch it, block it in mail and web filters, or have it taken down if it deceives.",
    "https://attack.mitre.org/techniques/T1583/001/",
)  # fmt: skip
TAKES_MAIL = exposure(
    "lookalike-takes-mail", Severity.MEDIUM, "A domain that looks like yours takes mail",
    "Somebody has registered a name that differs from yours by a slip of the finger or the eye, and set it up for "
    "mail. Letters that are mistyped arrive there, and letters from there look like yours.",
    "Find out who owns it (RDAP), and block it in mail filters; have it taken down if it deceives.",
    "https://attack.mitre.org/techniques/T1583/001/",
)  # fmt: skip
SHOWN = 10


class TyposquatsConfig(Config):
    """How many names are tried."""

    candidates: Annotated[int, Field(ge=1, le=5000, description="Names tried for one domain.")] = 1000
    concurrency: Annotated[int, Field(ge=1, le=200, description="Questions in flight.")] = 50
    ignore: Annotated[
        tuple[Annotated[str, Field(max_length=253)], ...],
        Field(max_length=1000, description="Names that are the owner's own."),
    ] = ()


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A name that exists: how it is made, its name servers, addresses and mail servers."""

    name: str
    kind: str
    servers: list[str]
    addresses: list[str]
    mail: list[str]


class Typosquats(Module[list[Lookalike]]):
    """Asks the resolver about names like the target's. Their owners' machines are never touched, and as the names
    are out of scope they lead to no further work."""

    face = ModuleFace(
        name="typosquats",
        version="1.0.0",
        summary="Finds registered domains that can be mistaken for the target's",
        consumes=(ObservationType.DOMAIN,),
        produces=(ObservationType.EXPOSURE,),
        invasiveness=Invasiveness.PASSIVE,
        cost_class=CostClass.HEAVY,
        rate_group="dns",
        batch_size=4,
        concurrency=1,
        data_source="DNS",
        oracle="dig",
    )
    config = TyposquatsConfig

    async def get(self, observation: Observation, context: Context) -> list[Lookalike]:
        """The names that somebody has registered; only for domains that the scan was pointed at."""
        domain, config, session = observation.value, context.config, context.session
        if domain not in session.target_domains():
            return []
        names = lookalikes(domain, config.candidates)
        own = {name for name in names if name in config.ignore or session.prove(name)}
        waiting = iter([(name, kind) for name, kind in names.items() if name not in own])
        usual = await self._answers_everything({name.partition(".")[2] for name in names}, domain, context)
        found: list[Lookalike] = []

        async def work() -> None:
            for name, kind in waiting:
                if context.is_over:
                    return
                seen = await _look_up(name, kind, domain, context)
                if seen and not usual.get(name.partition(".")[2], frozenset()) >= {*seen.servers, *seen.addresses}:
                    found.append(seen)

        await asyncio.gather(*(work() for _ in range(config.concurrency)))
        return sorted(found, key=lambda each: each.name)

    def transform(self, observation: Observation, raw: list[Lookalike]) -> Iterable[Found]:
        """A weakness for each, on the name itself."""
        for seen in raw:
            evidence = {
                "of": observation.value, "made_by": seen.kind, "name_servers": seen.servers[:SHOWN],
                "addresses": seen.addresses[:SHOWN], "mail_servers": seen.mail[:SHOWN],
            }  # fmt: skip
            check = TAKES_MAIL if seen.mail else REGISTERED
            yield check.at(seen.name, evidence, confidence=0.6)

    async def _answers_everything(self, endings: set[str], domain: str, context: Context) -> dict[str, frozenset[str]]:
        """What registries say of names that cannot exist, by ending: some answer for every name."""
        usual = {}
        for ending in sorted(endings):
            label = hashlib.blake2b(ending.encode(), digest_size=10).hexdigest()
            seen = await _look_up(f"{label}.{ending}", "", domain, context)
            if seen:
                usual[ending] = frozenset((*seen.servers, *seen.addresses))
        return usual


async def _look_up(name: str, kind: str, about: str, context: Context) -> Lookalike | None:
    """A name that is delegated or has an address, or None."""
    try:
        servers = await context.session.query(name, "NS", about=about)
        if servers.rcode != "NOERROR":
            return None
        addresses = await context.session.query(name, "A", about=about)
        if not servers.records("NS") and not addresses.addresses:
            return None
        mail = await context.session.query(name, "MX", about=about)
    except EgressError as error:
        context.log.debug("%s: %s", name, error)
        return None
    exchanges = [entry.rpartition(" ")[2].rstrip(".") for entry in mail.records("MX")]
    hosts = sorted(server.rstrip(".").lower() for server in servers.records("NS"))
    return Lookalike(name, kind, hosts, addresses.addresses, sorted(filter(None, exchanges)))
