"""What can go wrong in this room, in words that a person can act on."""

from __future__ import annotations

from kernel.errors import Conflict, Invalid, Problem, Unavailable


class RuleError(Problem):
    """A correlation rule cannot be used: which file, which key, and why."""

    slug, status, title = "malformed-rule", 422, "The correlation rule is malformed"

    def __init__(self, file: str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.file = file
        self.key = key
        self.reason = reason


class NothingToCompare(Invalid):
    """A scan is to be compared, and nobody said with what."""

    slug, title = "nothing-to-compare", "There is no scan to compare with"


class UnknownFormat(Invalid):
    """The graph is not written in this format."""

    slug, title = "unknown-format", "The graph cannot be written in this format"


class MalformedPattern(Invalid):
    """A pattern over the graph cannot be matched."""

    slug, title = "malformed-pattern", "The pattern cannot be matched"


class UnknownMeasure(Invalid):
    """Nodes are not ranked by this measure."""

    slug, title = "unknown-measure", "There is no such measure"


class TooMuchForFormat(Invalid):
    """The graph is larger than this format can hold."""

    slug, title = "too-much-for-format", "The graph is too large for this format"


class UnknownTeam(Invalid):
    """A scan cannot belong to this team."""

    slug, title = "unknown-team", "There is no such team"


class NotAwaiting(Conflict):
    """An import has its file already."""

    slug, title = "import-not-awaiting", "The import awaits no file"


class NotJoined(Unavailable):
    """What somebody sees of the graph is not put together yet."""

    slug, title = "graph-not-joined", "The graph is being put together"


class NotEnded(Conflict):
    """A scan that goes on cannot be moved."""

    slug, title = "scan-not-ended", "The scan has not ended"


class RuleExists(Conflict):
    """Another rule has this id."""

    slug, title = "rule-exists", "There is a rule with this id"


class ShippedRule(Conflict):
    """A rule of the product is disabled, not changed."""

    slug, title = "rule-is-shipped", "The rule is the product's"


class UnknownRuleVersion(Conflict):
    """The rule has no such version."""

    slug, title = "unknown-rule-version", "The rule has no such version"


class TooManyRules(Conflict):
    """An organisation has a number of rules at most."""

    slug, title = "too-many-rules", "There are too many rules"
