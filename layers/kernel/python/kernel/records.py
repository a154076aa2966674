"""Records: entities that say themselves under which keys they live, and that no key lacks its tenant."""

from __future__ import annotations

import string
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from kernel.actor import Actor

T = TypeVar("T")
Hidden = Annotated[T, SkipJsonSchema()]
"""A field that is stored and never shown on the wire."""

TENANT_PREFIX = "TENANT#{tenant_id}#"
PLATFORM_PREFIX = "PLATFORM#"
INDEXES = ("gsi1", "gsi2")
MAX_PARTITION_BYTES = 2048
MAX_SORT_BYTES = 1024
"""What DynamoDB takes as a key; a longer one names nothing that can be there."""


class InvalidKey(ValueError):
    """A key that cannot be built."""


class Resource(BaseModel):
    """What the API shows. `location` is the template of its own address."""

    model_config = ConfigDict(extra="ignore", defer_build=True)
    location: ClassVar[str | None] = None
    confidential: ClassVar[bool] = False
    """Whether it holds a secret that is shown once: it is kept for a repeat under the tenant's data key alone."""
    hidden: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: Any) -> None:
        cls.hidden = frozenset(
            name
            for name, info in cls.model_fields.items()
            if any(isinstance(mark, SkipJsonSchema) for mark in info.metadata)  # type: ignore[misc]
        )

    def wire(self) -> bytes:
        """The JSON that a caller sees."""
        return self.model_dump_json(exclude=set(self.hidden)).encode()

    def path(self) -> str | None:
        """Where this resource is found, if it has an address of its own."""
        return self.location.format(**self.__dict__) if self.location else None


class KeyTemplate:
    """A key with named holes, such as `SCAN#{scan_id}` or `WAVE#{wave:05}`. Filled in part, it gives the prefix up
    to the first gap."""

    def __init__(self, template: str, max_bytes: int = MAX_SORT_BYTES) -> None:
        self.template = template
        self.max_bytes = max_bytes
        self.parts = [(text, name, form or "") for text, name, form, _ in string.Formatter().parse(template)]
        self.names = tuple(name for _, name, _ in self.parts if name)

    def prefix(self, values: dict[str, Any]) -> str:
        """The key, or its beginning up to the first value that is not given."""
        built = ""
        for text, name, form in self.parts:
            built += text
            if name is None or values.get(name) is None:
                break
            built += _component(name, values[name], form)
        if len(built.encode(errors="replace")) > self.max_bytes:
            raise InvalidKey(f"the key {self.template} has more than {self.max_bytes} bytes")
        return built

    def fill(self, values: dict[str, Any]) -> str:
        """The whole key. Raises InvalidKey when a value is missing."""
        missing = [name for name in self.names if values.get(name) is None]
        if missing:
            raise InvalidKey(f"the key {self.template} lacks {', '.join(missing)}")
        return self.prefix(values)


def _component(name: str, value: Any, form: str) -> str:
    text = format(value, form)
    if "#" in text:
        raise InvalidKey(f"{name} holds the key separator '#'")
    return text


class Record(Resource):
    """An entity in the table. A subclass declares its keys as class arguments:

    `class Scan(Record, pk="TENANT#{tenant_id}#SCANS", sk="SCAN#{scan_id}", gsi1=("TENANT#{tenant_id}#…", "…"))`

    A class whose partition key (or that of an index) lacks the tenant is refused when it is defined; what belongs
    to no tenant declares `PLATFORM#…` and `platform=True`. `version` counts writes: it is the condition of the
    next one, the ETag, and the sequence number of the events.
    """

    keys: ClassVar[dict[str, tuple[KeyTemplate, KeyTemplate]]] = {}
    is_platform: ClassVar[bool] = False

    tenant_id: Hidden[str]
    version: int = 0
    expires_at: Hidden[int | None] = Field(default=None, description="Unix time at which the table forgets it.")

    def __init_subclass__(cls, **_options: Any) -> None:
        """Class arguments are read when the fields are known, in `__pydantic_init_subclass__`."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        pk: str | None = None,
        sk: str | None = None,
        gsi1: tuple[str, str] | None = None,
        gsi2: tuple[str, str] | None = None,
        platform: bool = False,
        **options: Any,
    ) -> None:
        super().__pydantic_init_subclass__(**options)
        if pk is None or sk is None:
            return
        declared = {"": (pk, sk), "gsi1": gsi1, "gsi2": gsi2}
        required = PLATFORM_PREFIX if platform else TENANT_PREFIX
        for pair in filter(None, declared.values()):
            if not pair[0].startswith(required):
                raise TypeError(f"{cls.__name__}: the partition key {pair[0]!r} must begin with {required!r}")
        cls.is_platform = platform
        cls.keys = {
            index: (KeyTemplate(pair[0], MAX_PARTITION_BYTES), KeyTemplate(pair[1]))
            for index, pair in declared.items()
            if pair
        }

    @classmethod
    def key(cls, actor: Actor, **values: Any) -> dict[str, str]:
        """The primary key of one item of the actor's tenant. Raises InvalidKey when a part is missing."""
        values["tenant_id"] = actor.tenant_id
        pk, sk = cls.keys[""]
        return {"pk": pk.fill(values), "sk": sk.fill(values)}

    @classmethod
    def platform_key(cls, **values: Any) -> dict[str, str]:
        """The key of an item that belongs to no tenant. Raises TypeError for a tenant's kind of item."""
        if not cls.is_platform:
            raise TypeError(f"{cls.__name__} belongs to tenants: its key needs an actor")
        pk, sk = cls.keys[""]
        return {"pk": pk.fill(values), "sk": sk.fill(values)}

    @classmethod
    def partition(cls, actor: Actor, index: str = "", **values: Any) -> tuple[str, str]:
        """The partition and the sort-key prefix that the given values reach, in the table or an index."""
        values["tenant_id"] = actor.tenant_id
        pk, sk = cls.keys[index]
        return pk.fill(values), sk.prefix(values)

    @classmethod
    def platform_partition(cls, index: str = "", **values: Any) -> tuple[str, str]:
        """The partition and the sort-key prefix of items that belong to no tenant. Raises TypeError for a tenant's
        kind of item."""
        if not cls.is_platform:
            raise TypeError(f"{cls.__name__} belongs to tenants: its key needs an actor")
        pk, sk = cls.keys[index]
        return pk.fill(values), sk.prefix(values)

    def item(self) -> dict[str, Any]:
        """All that is stored: the fields, and the keys made of them."""
        values = self.model_dump(mode="json", exclude_none=True)
        for index, (pk, sk) in self.keys.items():
            values[f"{index}pk"], values[f"{index}sk"] = pk.fill(values), sk.fill(values)
        return values
