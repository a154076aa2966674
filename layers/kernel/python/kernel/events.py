"""Domain events: typed, registered once, published through the outbox."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from kernel.actor import SYSTEM_USER, Actor

REGISTRY: dict[str, type[Event]] = {}
"""Every event class by its type, such as `ScanFinished.v1`."""


class Category(StrEnum):
    """Who looks for an event in the audit trail: everybody, the security team, or an auditor."""

    ACTIVITY = "activity"
    SECURITY = "security"
    COMPLIANCE = "compliance"


class Event(BaseModel):
    """A fact of the domain, past tense. A subclass names its context, version and category as class arguments:

    `class ScanFinished(Event, context="scans", version=1)`
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
    context: ClassVar[str] = ""
    type: ClassVar[str] = ""
    category: ClassVar[Category] = Category.ACTIVITY

    def __init_subclass__(cls, **_options: Any) -> None:
        """Class arguments are read in `__pydantic_init_subclass__`."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls, context: str = "", version: int = 1, category: Category = Category.ACTIVITY, **_options: Any
    ) -> None:
        cls.context = context
        cls.category = category
        cls.type = f"{cls.__name__}.v{version}"
        if cls.type in REGISTRY:
            raise TypeError(f"the event {cls.type} is declared twice")
        REGISTRY[cls.type] = cls


class Origin(BaseModel):
    """Who caused an event, and from where."""

    model_config = ConfigDict(frozen=True)
    user_id: str = SYSTEM_USER
    email: str | None = None
    address: str | None = None
    key_id: str | None = None
    provider_id: str | None = None


class Envelope(BaseModel):
    """An event on its way: what is on the bus, in a queue, and in a partner's webhook."""

    model_config = ConfigDict(frozen=True)

    id: str
    type: str
    context: str
    tenant_id: str
    category: Category = Category.ACTIVITY
    at: str
    sequence: int = Field(description="Version of the aggregate after the event; orders events of one aggregate.")
    origin: Origin = Origin()
    request_id: str | None = None
    trace_id: str | None = None
    data: dict[str, Any]

    def event(self) -> Event:
        """The typed event. Raises KeyError for a type that this code does not know."""
        return REGISTRY[self.type].model_validate(self.data)

    def actor(self) -> Actor:
        """The platform working for the event's tenant."""
        return Actor.system(self.tenant_id, request_id=self.request_id)


def event_schema(kind: type[Event]) -> dict[str, Any]:
    """The JSON Schema of an event of one type as it is on the bus: the envelope, with its data described."""
    envelope, data = Envelope.model_json_schema(), kind.model_json_schema()
    definitions = {**envelope.pop("$defs", {}), **data.pop("$defs", {})}
    envelope["properties"]["data"] = data
    envelope["title"] = kind.type
    return {**envelope, "$defs": definitions} if definitions else envelope
