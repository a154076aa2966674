"""What a scan module is: a face, and four verbs. The engine loads; a module gets, transforms and cleans up."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from contracts.modules import ModuleFace
from contracts.observations import Observation
from functions.collection.halt import Halt

if TYPE_CHECKING:
    from functions.collection.session import Session

Raw = TypeVar("Raw")

TARGET_MODULE = "target"
"""The `module` of the facts that the first wave starts from: what the scan was pointed at."""


class Config(BaseModel):
    """Base of a module's configuration; its JSON Schema is part of the module's face."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Found:
    """A fact as a module yields it, before the engine gives it an id, a source and a time.

    `value` need not be canonical. `consumed` says that this module has processed the fact already (a crawler
    that has fetched the page it reports), so the planner does not hand it back. `parent` is another fact of the
    same task that led to this one; without it, the source is the observation that was handled.
    """

    type: str
    value: str
    attributes: dict[str, Any] = field(default_factory=dict)
    confidence: float = 1.0
    consumed: bool = False
    parent: Found | None = None


class Blobs(Protocol):
    """Bodies too large for an observation; a reference survives the batch, so that later modules read it."""

    def put(self, body: bytes) -> str:
        """Keep a body for the scan; returns its reference."""

    async def get(self, reference: str) -> bytes:
        """The body behind a reference of this scan. Raises KeyError when there is none."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a module works with while it handles one observation. `config` is an instance of its `Config`."""

    config: Any
    session: Session
    blobs: Blobs
    deadline: float
    """`time.monotonic()` value after which no new work may begin."""
    log: logging.Logger
    halt: Halt = field(default_factory=Halt)

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed or the batch is to rest: return what there is."""
        return self.halt.is_set or time.monotonic() >= self.deadline


class Module(ABC, Generic[Raw]):
    """A scan module. One instance serves one batch."""

    face: ClassVar[ModuleFace]
    config: ClassVar[type[Config]] = Config

    @abstractmethod
    async def get(self, observation: Observation, context: Context) -> Raw:
        """Fetch what the observation leads to. The only verb that touches the network.

        Raises whatever the session raises: an unreachable or refused destination is logged and yields nothing.
        """

    @abstractmethod
    def transform(self, observation: Observation, raw: Raw) -> Iterable[Found]:
        """What was fetched, as facts. Pure, and the same for the same input."""

    async def cleanup(self) -> None:
        """Release what the batch held."""


@dataclass(frozen=True, slots=True)
class Walk(Generic[Raw]):
    """What a walk brought home: raw material by the observation it began at, and the observations not begun."""

    raws: Sequence[tuple[Observation, Raw]]
    leftovers: Sequence[Observation] = ()


class Walker(Module[Raw]):
    """A module that takes its whole batch in one stride, because the observations share what was seen already.

    It watches the deadline itself and returns in time.
    """

    @abstractmethod
    async def walk(self, observations: Sequence[Observation], context: Context) -> Walk[Raw]:
        """Fetch what the observations lead to, taken in the order given."""

    async def get(self, observation: Observation, context: Context) -> Raw:
        """A walk from one observation. Raises TimeoutError when the deadline came first."""
        for _, raw in (await self.walk([observation], context)).raws:
            return raw
        raise TimeoutError("the walk did not begin before the deadline")
