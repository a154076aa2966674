"""A small domain to try the kernel on: boats in harbours. Its events are borrowed, so that the register stays true."""

from __future__ import annotations

from contracts.organizations import OrganizationCreated, OrganizationRenamed
from kernel.actor import Actor
from kernel.events import Event
from kernel.ids import new_id
from kernel.records import Record


class Boat(
    Record,
    pk="TENANT#{tenant_id}#BOATS#{harbour}",
    sk="BOAT#{boat_id}",
    gsi1=("TENANT#{tenant_id}#BOATS", "{name}#{boat_id}"),
):
    location = "/boats/{boat_id}"

    harbour: str = "north"
    boat_id: str
    name: str = "Argo"
    cargo: str = ""


class Buoy(Record, pk="PLATFORM#BUOYS", sk="BUOY#{number}", platform=True):
    number: int


def boat(who: Actor, boat_id: str | None = None, **fields: str) -> Boat:
    """A boat that is not stored yet."""
    return Boat(tenant_id=who.tenant_id, boat_id=boat_id or new_id("boat"), **fields)


def launched(boat: Boat) -> Event:
    """Something that happened to a boat."""
    return OrganizationCreated(organization_id=boat.boat_id, name=boat.name)


def renamed(boat: Boat) -> Event:
    """Something else that happened to it."""
    return OrganizationRenamed(organization_id=boat.boat_id, name=boat.name, before="")
