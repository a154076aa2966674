"""What callers send to the developers API."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from kernel.text import Line

Scope = Annotated[str, Field(max_length=60, pattern=r"^[a-z][a-z_]*:([a-z][a-z_]*|\*)$")]
Id = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]
Network = Annotated[str, Field(min_length=2, max_length=49, examples=["203.0.113.0/24"])]


def _plain(text: str) -> str:
    if not text.replace("\n", "").isprintable():
        raise ValueError("must be text without control characters")
    return text.strip()


Text = Annotated[str, Field(max_length=500), AfterValidator(_plain)]


class Body(BaseModel):
    """Base of a command's body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class WriteKey(Body):
    """What a key may do, from where, how often and until when."""

    name: Line
    permissions: Annotated[list[Scope], Field(min_length=1, max_length=100, examples=[["scans:read", "scans:create"]])]
    networks: Annotated[
        list[Network], Field(max_length=50, description="CIDRs that it may be used from; empty: anywhere.")
    ] = []
    ends_at: AwareDatetime | None = Field(default=None, description="Absent: it never ends.")
    requests_per_second: Annotated[
        float | None, Field(ge=0.01, le=10_000, description="Its own limit, below the plan's.")
    ] = None


class CreateKey(WriteKey):
    """A key to make. Without a service account it acts as you."""

    service_account_id: Id | None = None


class RotateKey(Body):
    """How long the old secret is still good, so that programs can be changed one after another."""

    overlap_minutes: Annotated[int, Field(ge=0, le=10_080)] = 1440


class CreateServiceAccount(Body):
    """A principal that is no person."""

    name: Line
    description: Text = ""
    roles: Annotated[list[Id], Field(min_length=1, max_length=20, examples=[["viewer"]])]


class ChangeServiceAccount(CreateServiceAccount):
    """A service account as it shall be. Disabling it revokes its keys."""

    enabled: bool = True
