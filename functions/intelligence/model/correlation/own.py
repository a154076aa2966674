"""An organisation's rules: those it wrote, and which of the product's it does without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

import msgspec
from pydantic import Field

from kernel.records import Record, Resource

MAX_OWN_RULES: Final = 100
MAX_OWN_BYTES: Final = 16 * 1024
"""Of one rule's text. With the number of rules it bounds what correlation costs."""
MAX_RULE_VERSIONS: Final = 50
"""Older texts of a rule are forgotten."""
MAX_DIFFERENCE: Final = 200


class OwnRule(Record, pk="TENANT#{tenant_id}#INTELLIGENCE", sk="RULE#{name}"):
    """A rule that an organisation wrote. It is valid as it stands here, and may be switched off. `number` is that of
    the text that it has, `latest` that of the newest which it has had."""

    name: str
    text: str
    number: int = 0
    latest: int = 0
    enabled: bool = True
    created_by: str
    created_at: str
    changed_by: str = ""
    changed_at: str = ""


class RuleVersion(Record, pk="TENANT#{tenant_id}#INTELLIGENCE", sk="RULEVERSION#{name}#{number:05}"):
    """A text that a rule of the organisation's own has had. Numbers go on when a rule is removed and added anew."""

    name: str
    number: int
    change: str
    text: str
    difference: list[str]
    created_by: str
    created_at: str


class RuleChoices(Record, pk="TENANT#{tenant_id}#INTELLIGENCE", sk="CHOICES#rules"):
    """The product's rules that an organisation does without."""

    disabled: list[str] = Field(default_factory=list)


class PinnedRules(msgspec.Struct, frozen=True):
    """What a scan's rules are from its first wave to its last: own rules by name, and what is switched off. `late` are
    own rules that took too long, and that the scan has gone on without."""

    texts: dict[str, str] = {}
    disabled: tuple[str, ...] = ()
    late: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether these are the product's rules, all of them and no others."""
        return not self.texts and not self.disabled and not self.late

    def without(self, late: Iterable[str]) -> PinnedRules:
        """The same, gone on without some of the own rules."""
        gone = {name for name in late if name in self.texts}
        texts = {name: text for name, text in self.texts.items() if name not in gone}
        return PinnedRules(texts, self.disabled, tuple(sorted({*self.late, *gone})))


class RuleView(Resource):
    """A correlation rule."""

    location: ClassVar[str | None] = "/rules/{name}"

    name: str
    version: int = Field(description="Counts the changes of a rule of your own; 0 for one of the product's.")
    number: int = Field(default=0, description="Which of its texts it has; 0 for one of the product's.")
    shipped: bool = Field(description="Whether it is the product's.")
    enabled: bool
    title: str
    risk: str
    description: str
    remedy: str
    controls: list[str]
    unknown_types: list[str] = Field(description="Types that it names and nothing here produces: it finds none.")
    unknown_modules: list[str] = Field(
        default_factory=list, description="Modules of SpiderFoot that it names and nothing here does the work of."
    )
    changed_by: str = ""
    changed_at: str = ""
    text: str | None = Field(default=None, description="The rule as YAML; absent in lists.")


class RuleVersionView(Resource):
    """One text of a rule of the organisation's own."""

    number: int
    active: bool = Field(description="Whether scans that begin from now on use it.")
    change: str = Field(description="What it came with: `added` or `changed`.")
    created_by: str
    created_at: str
    difference: list[str] = Field(description="The lines that it added (`+`) and took out (`-`), at most 200.")


class RuleHit(Resource):
    """What a rule would report."""

    asset: str
    headline: str
    severity: str
    confidence: float
    facts: int = Field(description="How many facts it rests on.")
    evidence: list[str] = Field(description="The observations that show it, at most 50.")
    chain: list[str] = Field(description="The facts from the target to the hit: by whom, when and how surely found.")


class RuleTrial(Resource):
    """What a rule finds in a scan. Nothing was stored."""

    rule: str
    scan_id: str
    facts_read: int
    complete: bool = Field(description="Whether these are all facts of the scan; the first hundred thousand are read.")
    matched: int = Field(description="Groups of facts that the rule matched.")
    left_out: int = Field(description="Of the hits, how many are not listed.")
    note: str = Field(
        default="", description="What a scan's log would say of the rule: that it matches or takes too much."
    )
    unknown_types: list[str]
    unknown_modules: list[str] = Field(default_factory=list)
    hits: list[RuleHit]
