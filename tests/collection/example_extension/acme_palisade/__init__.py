"""Counts the words of a page: what a third party's module looks like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, Observation, ObservationType
from functions.collection.module import Config, Context, Found, Module


class AcmeConfig(Config):
    """What counts as a word."""

    least_letters: Annotated[int, Field(ge=1, le=50, description="Shorter words are not counted.")] = 1


class AcmeWords(Module[int]):
    """Fetches a page and counts."""

    face = ModuleFace(
        name="acme_words",
        version="1.2.0",
        summary="Counts the words of a page",
        consumes=(ObservationType.URL,),
        produces=(ObservationType.METADATA,),
        matching=r"^https?://",
        invasiveness=Invasiveness.ACTIVE,
        rate_group="http",
        licence="MIT",
    )
    config = AcmeConfig

    async def get(self, observation: Observation, context: Context) -> int:
        """How many words there are."""
        answer = await context.session.fetch(observation.value)
        return sum(len(word) >= context.config.least_letters for word in answer.body.decode("utf-8", "replace").split())

    def transform(self, observation: Observation, raw: int) -> Iterable[Found]:
        """The count, as a fact."""
        yield Found(ObservationType.METADATA, f"words of {observation.value}", {"words": raw})
