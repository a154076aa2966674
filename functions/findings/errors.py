"""What can go wrong with a finding, in words that a person can act on."""

from __future__ import annotations

from kernel.errors import Conflict, Invalid


class WrongTransition(Conflict):
    """The finding's status does not allow the change."""

    slug, title = "wrong-transition", "The finding's status does not allow this"


class ReasonMissing(Invalid):
    """Accepting a risk or calling it false needs a reason."""

    slug, title = "reason-missing", "Say why"
