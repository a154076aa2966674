"""What can be wrong with a scan."""

from __future__ import annotations

from kernel.errors import Conflict, Forbidden, Invalid


class UnknownModule(Invalid):
    """The catalogue has no such module."""

    slug, title = "unknown-module", "There is no such module"


class ModuleDisabled(Conflict):
    """The tenant has switched the module off."""

    slug, title = "module-disabled", "The module is disabled in this organisation"


class MissingDependency(Invalid):
    """A module needs another one that cannot run."""

    slug, title = "missing-dependency", "A module needs another one that cannot run"


class UnknownProfile(Invalid):
    """No profile has this name."""

    slug, title = "unknown-profile", "There is no such profile"


class ReservedProfile(Conflict):
    """The platform's own profiles cannot be replaced."""

    slug, title = "reserved-profile", "This name belongs to one of the platform's profiles"


class TooManyProfiles(Conflict):
    """An organisation has a number of profiles at most."""

    slug, title = "too-many-profiles", "There are too many profiles"


class NothingToRun(Invalid):
    """Profile and targets leave no module that may run."""

    slug, title = "nothing-to-run", "No module may run on these targets"


class BadTarget(Invalid):
    """A target cannot be read."""

    slug, title = "bad-target", "A target cannot be scanned"


class TargetOutsideScope(Invalid):
    """The scope of the scan excludes one of its targets."""

    slug, title = "target-outside-scope", "A target lies outside the scope"


class TargetNotOwned(Forbidden):
    """The tenant has not shown that it may scan the target."""

    slug, title = "target-not-owned", "You have not shown that you may scan this target"


class MalformedCron(Invalid):
    """The schedule's expression is not cron."""

    slug, title = "malformed-cron", "The cron expression cannot be read"


class MalformedCalendar(Invalid):
    """The times at which a scan may run make no sense."""

    slug, title = "malformed-calendar", "The calendar cannot be kept"


class NotAtWork(Conflict):
    """The organisation is suspended, or being closed."""

    slug, title = "organization-not-at-work", "The organisation is suspended, or is being closed"


class UnknownTimezone(Invalid):
    """The IANA database has no such zone."""

    slug, title = "unknown-timezone", "There is no such time zone"


class UnknownTeam(Invalid):
    """The organisation has no such team, or it is none of the caller's."""

    slug, title = "unknown-team", "There is no such team among yours"


class WrongState(Conflict):
    """The scan's state does not allow the command."""

    slug, title = "scan-wrong-state", "The scan is in a state that does not allow this"


class NotVerified(Conflict):
    """The proof of ownership is not in place yet."""

    slug, title = "target-not-verified", "The proof of ownership was not found"
