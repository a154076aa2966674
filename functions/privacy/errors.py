"""What can be wrong with a wish for one's data, or to be forgotten."""

from __future__ import annotations

from kernel.errors import Conflict, Invalid


class NotTheAddress(Invalid):
    """The confirmation is not the person's address."""

    slug, title = "wrong-confirmation", "The confirmation is not the person's e-mail address"


class OwnerStays(Conflict):
    """The owner cannot be erased."""

    slug, title = "owner-cannot-be-erased", "The person owns the organisation: transfer it to somebody else first"


class LastAdministratorStays(Conflict):
    """Somebody must administer the organisation."""

    slug, title = "last-administrator", "The person is the last administrator: make somebody else one first"


class AlreadyErasing(Conflict):
    """The person is being erased."""

    slug, title = "already-erasing", "An erasure of this person is under way already"


class TooLateToCancel(Conflict):
    """The time to take it back is over."""

    slug, title = "erasure-has-begun", "The erasure has begun, or is over: it cannot be taken back"


class NothingToRetry(Conflict):
    """Only an incomplete erasure is tried again."""

    slug, title = "nothing-to-retry", "The erasure is not incomplete: there is nothing to try again"
