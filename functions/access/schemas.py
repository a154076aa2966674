"""What callers send to the access API."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from functions.access.model import MAX_TEAMS_OF_ONE
from kernel.text import Line

PermissionName = Annotated[str, Field(max_length=60, pattern=r"^[a-z][a-z_]*:([a-z][a-z_]*|\*)$")]
Id = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]
Source = Annotated[str, Field(min_length=1, max_length=10_000)]


def _address(text: str) -> str:
    """An address as Cedar reads it. Raises ValueError."""
    import ipaddress

    return str(ipaddress.ip_address(text))


def _plain(text: str) -> str:
    if not text.replace("\n", "").isprintable():
        raise ValueError("must be text without control characters")
    return text.strip()


Text = Annotated[str, Field(max_length=500), AfterValidator(_plain)]
Address = Annotated[str, Field(min_length=2, max_length=45, pattern=r"^[0-9A-Fa-f.:]+$"), AfterValidator(_address)]


class Body(BaseModel):
    """Base of a command's body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class WriteRole(Body):
    """A role as it shall be."""

    name: Line
    description: Text = ""
    permissions: Annotated[list[PermissionName], Field(min_length=1, max_length=100, examples=[["scans:read"]])]


class WritePolicy(Body):
    """A policy as it shall be, in Cedar. `GET /policies/schema` says what it can speak of."""

    name: Line
    description: Text = ""
    source: Source
    enabled: bool = True


class WriteTeam(Body):
    """A team as it shall be."""

    name: Line
    description: Text = ""


class Subject(Body):
    """Who acts in a dry run. Roles and teams that are absent are those of the person."""

    user_id: Id | None = Field(default=None, description="A person or a service account; absent: the caller.")
    roles: Annotated[list[Id], Field(max_length=50)] | None = None
    teams: Annotated[list[Id], Field(max_length=MAX_TEAMS_OF_ONE)] | None = None


class Circumstances(Body):
    """Under which circumstances, in a dry run. What is absent is as in the caller's own request."""

    address: Address | None = None
    time: AwareDatetime | None = None
    mfa: bool = True
    via_api_key: bool = False
    method: Annotated[str, Field(max_length=10, pattern=r"^[A-Z]+$")] | None = None
    path: Annotated[str, Field(max_length=500, pattern=r"^/[!-~]*$")] | None = None


class Draft(Body):
    """A policy that is not there yet, or an enabled one as it could be."""

    policy_id: Id | None = Field(default=None, description="The stored policy that it would replace.")
    source: Source


class TryPolicies(Body):
    """A request that nobody makes: what would the policies say to it?"""

    user: Subject = Subject()
    action: PermissionName
    resource_id: Id | None = None
    context: Circumstances = Circumstances()
    draft: Draft | None = None

    def model_post_init(self, _context: Any) -> None:
        """A question is about one permission, not about an area's."""
        if self.action.endswith(":*"):
            raise ValueError("name one permission")
