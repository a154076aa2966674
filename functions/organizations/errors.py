"""What can be wrong with an organisation."""

from __future__ import annotations

from kernel.errors import Conflict, Forbidden, Invalid, Problem


class WrongName(Invalid):
    """What destroys is confirmed by the name of what it destroys."""

    slug, title = "confirmation-does-not-match", "Type the organisation's name exactly to confirm"


class NotOwner(Forbidden):
    """Some things are the owner's alone."""

    slug, title = "owner-only", "Only the owner of the organisation may do this"


class NotClosing(Conflict):
    """There is no deletion to take back."""

    slug, title = "not-closing", "The organisation is not being closed"


class NotAMember(Invalid):
    """The person is not in the organisation."""

    slug, title = "not-a-member", "There is no such person in the organisation"


class UnknownPlan(Invalid):
    """No such plan."""

    slug, title = "unknown-plan", "There is no such plan"


class PlanTooSmall(Conflict):
    """The organisation uses more than the plan allows."""

    slug, title = "plan-too-small", "The organisation uses more than this plan allows"


class TooManyOrganizations(Problem):
    """The plan allows no further organisation."""

    slug, status, title = "plan-limit-reached", 402, "Your plan allows no further organisation"


class UnknownProvider(Invalid):
    """The provider is no organisation here, or is the customer itself."""

    slug, title = "unknown-provider", "There is no such organisation to delegate to"


class AlreadyOver(Invalid):
    """A delegation that ends before it begins."""

    slug, title = "already-over", "The end must lie in the future"


class RoleNotHeld(Forbidden):
    """Nobody can hand on what he may not do himself."""

    slug, title = "role-not-held", "You cannot delegate a role that allows more than you may"
