"""The format of a correlation rule: what a SpiderFoot 4.0 file holds, and what ours add.

Ours: the fields `host`, `asset`, `confidence` and `attributes.…`, the methods `at_least` and `at_most`, graph paths
beside `collect`, `weight` in an analysis (the field that says how often a fact counts), and `confidence`, `remedy`,
`references`, `controls`, `asset`, `supersedes` at the top.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from functions.intelligence.errors import RuleError

MAX_RULE_BYTES: Final = 64 * 1024
FIELD: Final = (
    r"^(?:(?:source|child|entity)\.)?"
    r"(?:type|module|data|value|host|asset|confidence|attributes\.[a-z][a-z0-9_.-]{0,60})$"
)


def _texts(value: Any) -> Any:
    """One value or several, numbers and truth values included, as texts."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(_text(each) for each in values)


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


FieldName = Annotated[str, Field(pattern=FIELD)]
Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...],
    BeforeValidator(_texts),
    Field(min_length=1, max_length=200),
]


class Strict(BaseModel):
    """No key that is not known, so that a mistyped one is an error and not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Match(Strict):
    """A condition on a field. Several values are alternatives; `not ` before one excludes it."""

    method: Literal["exact", "regex", "at_least", "at_most"]
    field: FieldName
    value: Texts


class Step(Strict):
    """One stop of a graph path: facts of these types, reached from the stop before in at most `within` edges."""

    type: Texts
    where: tuple[Match, ...] = ()
    within: Annotated[int, Field(ge=1, le=6)] = 1


class Collection(Strict):
    """Facts to look at together: collected by conditions, or the ends of a graph path."""

    collect: Annotated[tuple[Match, ...], Field(min_length=1)] | None = None
    path: Annotated[tuple[Step, ...], Field(min_length=2, max_length=8)] | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.collect is None) == (self.path is None):
            raise ValueError("give either collect or path")
        return self


class Aggregation(Strict):
    """The field by whose value facts are grouped."""

    field: FieldName


class Analysis(Strict):
    """What a group must be like to be reported."""

    method: Literal[
        "threshold", "outlier", "first_collection_only", "match_all_to_first_collection", "both_collections"
    ]
    field: FieldName = "data"
    minimum: Annotated[int, Field(ge=0)] = 0
    maximum: Annotated[int, Field(ge=0)] | None = None
    count_unique_only: bool = False
    maximum_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    noisy_percent: Annotated[float, Field(ge=0, le=100)] = 10.0
    match_method: Literal["contains", "exact", "subnet"] = "exact"
    must_be_unique: bool | None = None
    weight: FieldName | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.method == "outlier" and self.maximum_percent is None:
            raise ValueError("outlier needs maximum_percent")
        return self


class Meta(Strict):
    """What the rule is about."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(min_length=1, max_length=5000)]
    risk: Annotated[
        Literal["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"],
        BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
    ]
    author: str | None = None
    url: str | None = None


class Headline(Strict):
    """How a hit is titled; `{data}` and other fields in braces are filled in."""

    text: Annotated[str, Field(min_length=1, max_length=500)]
    publish_collections: tuple[int, ...] | None = None


class Rule(Strict):
    """A correlation rule as its file states it."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,80}$")]
    version: Literal[1]
    meta: Meta
    collections: Annotated[tuple[Collection, ...], Field(min_length=1, max_length=16)]
    aggregation: Aggregation | None = None
    analysis: Annotated[tuple[Analysis, ...], Field(max_length=8)] = ()
    headline: Annotated[Headline, BeforeValidator(lambda value: {"text": value} if isinstance(value, str) else value)]
    enabled: bool = True
    confidence: Annotated[float, Field(gt=0, le=1)] = 1.0
    remedy: Annotated[str, Field(max_length=5000)] = ""
    references: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    controls: Annotated[tuple[str, ...], Field(max_length=50)] = ()
    asset: FieldName | None = None
    supersedes: Annotated[tuple[str, ...], Field(max_length=50)] = ()


class _Loader(yaml.SafeLoader):
    """YAML without tags, aliases or repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is repeated", node.start_mark)
        return super().construct_mapping(node, deep)


def read_rule(text: str, file: str) -> Rule:
    """The rule in a YAML text. Raises RuleError that names `file`, the key and the reason."""
    if len(text) > MAX_RULE_BYTES:
        raise RuleError(file, "", f"the file is larger than {MAX_RULE_BYTES // 1024} KB")
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 # nosec B506 - a SafeLoader that allows even less
    except yaml.YAMLError as error:
        raise RuleError(file, "", _one_line(error)) from None
    except (RecursionError, ValueError) as error:
        raise RuleError(file, "", f"cannot be read as YAML: {type(error).__name__}") from None
    if not isinstance(content, dict):
        raise RuleError(file, "", "the file must hold one mapping")
    try:
        return Rule.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        raise RuleError(file, ".".join(str(part) for part in fault["loc"]), fault["msg"]) from None


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())
