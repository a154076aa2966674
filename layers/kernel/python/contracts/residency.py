"""Residency: an organisation lives in one region, and a stage is in one. What belongs elsewhere is refused here, with
the address where it belongs."""

from __future__ import annotations

import json
import os

from kernel.errors import Invalid, OtherRegion

REGION = r"^[a-z]{2}(-[a-z]+)+-[1-9]$"


class ForeignRegion(Invalid):
    """An organisation is founded where it is to live."""

    slug, title = "foreign-region", "An organisation can only be founded in the region that it is to live in"


def here() -> str:
    """The region of this stage; empty where there is but one."""
    return os.environ.get("HOME_REGION") or os.environ.get("AWS_REGION", "")


def address_of(region: str) -> str | None:
    """Where a region's platform is reached, if the stage knows (`REGION_ADDRESSES`, a JSON object)."""
    known: dict[str, str] = json.loads(os.environ.get("REGION_ADDRESSES", "{}"))
    return known.get(region)


def home_for(region: str) -> str:
    """The home region of a new organisation that wants this one, or any. Raises ForeignRegion."""
    if region and here() and region != here():
        raise ForeignRegion(_way(f"This is {here()}.", region))
    return region or here()


def demand_here(region: str) -> None:
    """Raises OtherRegion for an organisation that lives elsewhere; one of no region lives wherever it is."""
    if region and here() and region != here():
        raise OtherRegion(_way(f"The organisation lives in {region}, and this is {here()}.", region))


def _way(said: str, region: str) -> str:
    address = address_of(region)
    return f"{said} Use {address}." if address else f"{said} Use the platform's address for {region}."
