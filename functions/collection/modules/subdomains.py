"""Names below a domain that nobody links to: tried one by one from a list of words."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.dns_facts import records_of
from functions.collection.module import Config, Context, Found, Module
from functions.collection.session import Answer
from kernel.egress import EgressError

WORDS = Path(__file__).parents[1] / "data" / "subdomains.txt"
PROBES = 3


class SubdomainsConfig(Config):
    """Which names are tried."""

    words: Annotated[tuple[str, ...], Field(max_length=100_000, description="Instead of the built-in list.")] = ()
    concurrency: Annotated[int, Field(ge=1, le=500, description="Questions in flight.")] = 100


@dataclass(frozen=True, slots=True)
class Guesses:
    """Names that exist with their answers, and what the zone answers for names that cannot exist."""

    hits: dict[str, Answer]
    wildcard: frozenset[str]


class Subdomains(Module[Guesses]):
    """Tries names; a zone that answers for every name counts only answers that differ from its usual one."""

    face = ModuleFace(
        name="subdomains",
        version="1.0.0",
        summary="Finds subdomains by trying common names, aware of wildcards",
        consumes=(ObservationType.DOMAIN,),
        produces=(ObservationType.HOST, ObservationType.DNS_RECORD),
        invasiveness=Invasiveness.ACTIVE,
        cost_class=CostClass.HEAVY,
        rate_group="dns",
        batch_size=8,
        concurrency=2,
        data_source="DNS",
        oracle="dig",
    )
    config = SubdomainsConfig

    async def get(self, observation: Observation, context: Context) -> Guesses:
        """Ask for each word below the domain, once the zone's answer to nonsense is known."""
        zone = observation.value
        nonsense = await asyncio.gather(*(_ask(f"{label}.{zone}", context) for label in impossible_labels(zone)))
        wildcard = frozenset(item for answer in nonsense if answer for item in signature(answer))
        slots = asyncio.Semaphore(context.config.concurrency)

        async def guess(word: str) -> tuple[str, Answer | None]:
            async with slots:
                name = f"{word}.{zone}"
                return name, None if context.is_over else await _ask(name, context)

        answers = await asyncio.gather(*(guess(word) for word in context.config.words or built_in_words()))
        return Guesses({name: answer for name, answer in answers if answer}, wildcard)

    def transform(self, observation: Observation, raw: Guesses) -> Iterable[Found]:
        """The names whose answer is their own."""
        for name, answer in raw.hits.items():
            if signature(answer) - raw.wildcard:
                yield Found(ObservationType.HOST, name)
                yield from records_of(answer, "A", "AAAA", "CNAME")


def signature(answer: Answer) -> frozenset[str]:
    """What an answer says, names aside: its aliases and addresses."""
    return frozenset((*answer.aliases, *answer.addresses))


def impossible_labels(zone: str) -> list[str]:
    """Labels that no zone holds; the same ones on every run, so that a scan repeats itself."""
    return [hashlib.blake2b(f"{zone}/{n}".encode(), digest_size=10).hexdigest() for n in range(PROBES)]


@cache
def built_in_words() -> tuple[str, ...]:
    """The words of the built-in list."""
    lines = WORDS.read_text().splitlines()
    return tuple(dict.fromkeys(word for line in lines if not line.startswith("#") for word in line.split()))


async def _ask(name: str, context: Context) -> Answer | None:
    """The answer for a name that exists, or None."""
    try:
        answer = await context.session.query(name, "A")
        if answer.rcode == "NOERROR" and not answer.addresses and not answer.aliases:
            answer = await context.session.query(name, "AAAA")
    except EgressError as error:
        context.log.debug("%s: %s", name, error)
        return None
    return answer if answer.rcode == "NOERROR" and signature(answer) else None
