"""What can be wrong with roles, policies and teams."""

from __future__ import annotations

from kernel.errors import Conflict, Forbidden, Invalid, Unavailable


class UnknownPermission(Invalid):
    """No route needs such a permission."""

    slug, title = "unknown-permission", "There is no such permission"


class PermissionNotHeld(Forbidden):
    """Nobody can hand on what he does not hold."""

    slug, title = "permission-not-held", "You cannot give a permission that you do not hold"


class DefaultRole(Conflict):
    """The platform's own roles are the same for everybody."""

    slug, title = "default-role", "A default role cannot be changed"


class RoleInUse(Conflict):
    """Somebody has the role."""

    slug, title = "role-in-use", "The role is in use"


class NameTaken(Conflict):
    """Two of a kind cannot have one name."""

    slug, title = "name-taken", "The name is taken"


class TooMany(Conflict):
    """The organisation has as many as it may."""

    slug, title = "too-many", "The organisation has as many as it may"


class BadPolicy(Invalid):
    """The text is no policy, or speaks of what does not exist."""

    slug, title = "bad-policy", "The policy is not valid"


class PolicyTooComplex(Invalid):
    """The text is nested deeper, or is longer, than can be evaluated on every request."""

    slug, title = "policy-too-complex", "The policy is too complex"


class WouldLockOut(Conflict):
    """Nobody could take the policy back."""

    slug, title = "policy-locks-out", "The policy would lock the last administrator out"


class NotAMember(Invalid):
    """The person is not in the organisation."""

    slug, title = "not-a-member", "There is no such person in the organisation"


class TeamNotEmpty(Conflict):
    """Somebody is in the team."""

    slug, title = "team-not-empty", "The team has members"


class UnknownPolicy(Invalid):
    """A draft replaces a policy that is there."""

    slug, title = "unknown-policy", "There is no such policy"


class Moved(Unavailable):
    """Somebody else changed the same things at the same moment, again and again."""

    slug, title = "changed-meanwhile", "Others change this at the same time"
