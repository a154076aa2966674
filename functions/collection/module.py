"""What a scan module is: a face, and four verbs. The engine loads; a module gets, transforms and cleans up."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from contracts.modules import ModuleFace
from contracts.observations import Observation
from contracts.scope import ScopeProof

Raw = TypeVar("Raw")


class Config(BaseModel):
    """Base of a module's configuration; its JSON Schema is part of the module's face."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Found:
    """A fact as a module yields it, before the engine gives it an id, a source and a time.

    `value` need not be canonical. `consumed` says that this module has processed the fact already (a crawler
    that has fetched the page it reports), so the planner does not hand it back.
    """

    type: str
    value: str
    attributes: dict[str, Any] = field(default_factory=dict)
    confidence: float = 1.0
    consumed: bool = False


class Blobs(Protocol):
    """Bodies too large for an observation; a reference survives the batch, so that later modules read it."""

    def put(self, body: bytes) -> str:
        """Keep a body for the scan; returns its reference."""

    async def get(self, reference: str) -> bytes:
        """The body behind a reference of this scan. Raises KeyError when there is none."""


class Session(Protocol):
    """The outside world as a module may touch it: rate-limited, scope-checked, through the egress client."""

    def prove(self, host: str) -> ScopeProof | None:
        """The proof that a host is in scope, or None: then nothing may be sent to it."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a module works with while it handles one observation."""

    config: Any
    session: Any
    blobs: Blobs
    deadline: float
    """`time.monotonic()` value after which no new work may begin."""
    log: logging.Logger


class Module(ABC, Generic[Raw]):
    """A scan module. One instance serves one batch."""

    face: ClassVar[ModuleFace]
    config: ClassVar[type[Config]] = Config

    @abstractmethod
    async def get(self, observation: Observation, context: Context) -> Raw:
        """Fetch what the observation leads to. The only verb that touches the network."""

    @abstractmethod
    def transform(self, observation: Observation, raw: Raw) -> Iterable[Found]:
        """What was fetched, as facts. Pure, and the same for the same input."""

    async def cleanup(self) -> None:
        """Release what the batch held."""
        return None
