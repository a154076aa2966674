"""What can be wrong with a module that a tenant writes."""

from __future__ import annotations

from kernel.errors import Conflict, Invalid


class MalformedTemplate(Invalid):
    """The text is no template that this platform reads."""

    slug, title = "malformed-template", "The template cannot be used"


class TooManyModules(Conflict):
    """The organisation has as many modules, or versions of one, as it may have."""

    slug, title = "too-many-modules", "There are too many modules of your own"


class UnknownVersion(Conflict):
    """The module has no such version."""

    slug, title = "unknown-version", "The module has no such version"


class NameTaken(Conflict):
    """Another template has the name that this one would have as a module."""

    slug, title = "module-name-taken", "Another template has that name"
