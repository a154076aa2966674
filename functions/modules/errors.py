"""What can be wrong with a module's settings."""

from __future__ import annotations

from kernel.errors import Invalid


class BadConfiguration(Invalid):
    """The configuration does not fit the module's schema."""

    slug, title = "bad-module-configuration", "The configuration does not fit the module"
