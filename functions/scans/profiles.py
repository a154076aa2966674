"""Profiles: which modules a scan runs, how fast and how politely. Those of the platform, and a tenant's own. Pure."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from contracts.modules import CostClass, ModuleFace
from contracts.observations import Invasiveness, ObservationType
from contracts.scans import Budget, Politeness
from kernel.records import Record
from kernel.text import Line

ModuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,40}$")]
ModuleNames = Annotated[tuple[ModuleName, ...], Field(max_length=200)]
ProfileName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$", examples=["nightly-web"])]
MAX_OWN_PROFILES = 50
"""All of them are read whenever they are listed."""
WEB_TYPES = frozenset(
    {
        ObservationType.URL,
        ObservationType.HTTP_RESPONSE,
        ObservationType.WEB_FORM,
        ObservationType.WEB_PARAM,
        ObservationType.TECHNOLOGY,
        ObservationType.CERTIFICATE,
        ObservationType.TLS_CONFIG,
    }
)


class Choice(BaseModel):
    """Which modules, and how. A module runs when its invasiveness and cost are among those named; `modules` names the
    only ones there are, `without` those that never run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: Line
    pace: Annotated[float, Field(ge=0.01, le=1, description="Share of each module's rate and concurrency.")] = 1.0
    invasiveness: tuple[Invasiveness, ...] = (Invasiveness.PASSIVE, Invasiveness.ACTIVE)
    costs: tuple[CostClass, ...] = tuple(CostClass)
    web_only: bool = False
    modules: ModuleNames | None = None
    without: ModuleNames = ()
    politeness: Politeness = Politeness()
    budget: Budget | None = Field(default=None, description="Of a scan that names none itself.")

    def picks(self, face: ModuleFace) -> bool:
        """Whether a module runs."""
        web = not self.web_only or not WEB_TYPES.isdisjoint(face.consumes + face.produces)
        named = (self.modules is None or face.name in self.modules) and face.name not in self.without
        return named and web and face.invasiveness in self.invasiveness and face.cost_class in self.costs


class Profile(Choice):
    """A choice under its name."""

    name: str
    built_in: bool = True


class OwnProfile(Record, pk="TENANT#{tenant_id}#SCANS", sk="PROFILE#{name}"):
    """A profile that a tenant has made."""

    location: ClassVar[str | None] = "/scans/profiles"

    name: str
    choice: Choice
    updated_by: str
    updated_at: str

    def profile(self) -> Profile:
        """As it is shown and used."""
        return Profile(name=self.name, built_in=False, **dict(self.choice))


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="quick",
            summary="Light modules only: minutes, a first picture.",
            costs=(CostClass.LIGHT,),
        ),
        Profile(
            name="comprehensive",
            summary="Every module that does not disturb its target.",
        ),
        Profile(
            name="stealth",
            summary="Passive modules at a tenth of the pace.",
            pace=0.1,
            invasiveness=(Invasiveness.PASSIVE,),
        ),
        Profile(
            name="web",
            summary="Web sites and their TLS: crawl, fingerprint, headers, exposed files.",
            web_only=True,
        ),
        Profile(
            name="intrusive",
            summary="Everything, probes that may disturb their target included: agree on it with its owner.",
            invasiveness=tuple(Invasiveness),
        ),
    )
}


def choose_modules(
    catalogue: dict[str, ModuleFace], profile: Profile, wanted: tuple[str, ...] | None, disabled: frozenset[str]
) -> dict[str, ModuleFace]:
    """The modules of a scan by name: those that were named, or those of the profile that are not disabled."""
    if wanted is not None:
        return {name: catalogue[name] for name in wanted}
    return {name: face for name, face in catalogue.items() if profile.picks(face) and name not in disabled}
