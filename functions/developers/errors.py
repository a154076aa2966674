"""What can be wrong with API keys and service accounts."""

from __future__ import annotations

from kernel.errors import Conflict, Forbidden, Invalid, Unavailable


class UnknownScope(Invalid):
    """No route needs such a permission."""

    slug, title = "unknown-scope", "There is no such permission"


class ScopeNotHeld(Forbidden):
    """A key can do no more than who makes it, and who it acts as."""

    slug, title = "scope-not-held", "A key cannot do more than its creator and its owner"


class OwnerNotAMember(Forbidden):
    """A key acts as a person of the organisation, or as a service account."""

    slug, title = "key-owner-not-a-member", "Only members of the organisation can own a key"


class KeyEndsInThePast(Invalid):
    """A key that is over before it begins."""

    slug, title = "key-ends-in-the-past", "The key would have ended already"


class BadNetwork(Invalid):
    """The text names no network."""

    slug, title = "bad-network", "The network is not valid"


class LimitAbovePlan(Invalid):
    """A key's limit lies below the plan's."""

    slug, title = "limit-above-plan", "The limit is above that of the plan"


class KeyRevoked(Conflict):
    """A revoked key stays revoked."""

    slug, title = "api-key-revoked", "The key has been revoked"


class NotTheOwner(Forbidden):
    """Who has a key's secret acts as its owner."""

    slug, title = "not-the-keys-owner", "Only its owner can rotate a key"


class KeyEnded(Conflict):
    """A key that is over cannot be rotated."""

    slug, title = "api-key-ended", "The key has ended"


class TooManyKeys(Conflict):
    """There are as many keys as there may be."""

    slug, title = "too-many-keys", "There are as many keys as there may be"


class TooManyAccounts(Conflict):
    """There are as many service accounts as there may be."""

    slug, title = "too-many-service-accounts", "There are as many service accounts as there may be"


class AccountNameTaken(Conflict):
    """Two service accounts cannot have one name."""

    slug, title = "service-account-name-taken", "The name is taken"


class AccountDisabled(Conflict):
    """A service account that is disabled gets no keys."""

    slug, title = "service-account-disabled", "The service account is disabled"


class AccountInUse(Conflict):
    """Programs still use the service account."""

    slug, title = "service-account-in-use", "The service account has keys"


class UnknownRole(Invalid):
    """The organisation has no such role."""

    slug, title = "unknown-role", "There is no such role"


class Moved(Unavailable):
    """Somebody else changed the same things at the same moment, again and again."""

    slug, title = "keys-changed-meanwhile", "Others change this at the same time"
