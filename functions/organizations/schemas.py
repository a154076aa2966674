"""What callers send to the organizations API."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from contracts.residency import REGION
from kernel.ids import ULID_PATTERN
from kernel.text import Line

UserId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
OrganizationId = Annotated[str, StringConstraints(pattern=rf"^org_{ULID_PATTERN}$")]
RoleName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FoundOrganization(_Body):
    """A further organisation; who founds it is its owner and administrator."""

    name: Line
    region: Annotated[
        str | None,
        Field(max_length=32, pattern=REGION, description="Where it is to live: the region that is asked, if any."),
    ] = None


class ChangeOrganization(_Body):
    """What an administrator may change."""

    name: Line


class CloseOrganization(_Body):
    """Confirms a deletion."""

    name: Annotated[Line, Field(description="The organisation's name, exactly as it is.")]


class TransferOwnership(_Body):
    """Who owns the organisation from now on."""

    user_id: UserId
    name: Annotated[Line, Field(description="The organisation's name, to confirm.")]


class ChangeSubscription(_Body):
    """Another plan."""

    plan: Annotated[str, StringConstraints(pattern=r"^[a-z]{3,20}$")]


class GrantDelegation(_Body):
    """Let a provider's people work in the organisation."""

    roles: Annotated[tuple[RoleName, ...], Field(min_length=1, max_length=10)]
    ends_at: Annotated[AwareDatetime | None, Field(description="When it ends by itself.")] = None
    user_ids: Annotated[
        tuple[UserId, ...], Field(max_length=50, description="The provider's people who may come; empty: any.")
    ] = ()
    note: Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
