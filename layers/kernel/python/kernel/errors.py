"""Domain errors. Each knows its problem type and status (RFC 9457); one place turns them into answers."""

from __future__ import annotations

from typing import ClassVar, TypedDict

PROBLEM_BASE = "https://palisade.dev/problems/"


class FieldError(TypedDict):
    """One fault in the input: where (a JSON pointer) and what."""

    pointer: str
    detail: str


class Problem(Exception):
    """Base of every error that a caller may see. `detail` is for people and never carries a secret."""

    slug: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: list[FieldError] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = errors
        self.retry_after = retry_after


class BadRequest(Problem):
    """The request cannot be read."""

    slug, status, title = "bad-request", 400, "The request cannot be read"


class Unauthenticated(Problem):
    """Nobody is logged in."""

    slug, status, title = "unauthenticated", 401, "Log in first"


class Forbidden(Problem):
    """The caller is known and may not do this."""

    slug, status, title = "forbidden", 403, "You may not do this"


class Suspended(Forbidden):
    """The organisation may not work at the moment."""

    slug, title = "organization-suspended", "The organisation is suspended"


class ForbiddenByPolicy(Forbidden):
    """The roles allow it, and a policy that the organisation wrote does not."""

    slug, title = "forbidden-by-policy", "A policy of your organisation forbids this"


class OtherRegion(Forbidden):
    """The organisation's data lives elsewhere, and so does everybody who works on it."""

    slug, title = "other-region", "The organisation lives in another region"


class NotFound(Problem):
    """No such resource, or another tenant's: the two must look alike."""

    slug, status, title = "not-found", 404, "There is no such resource"


class MethodNotAllowed(Problem):
    """The resource exists and does not know the method."""

    slug, status, title = "method-not-allowed", 405, "This resource does not support the method"


class Conflict(Problem):
    """The resource is in a state that forbids the command."""

    slug, status, title = "conflict", 409, "The resource is in a state that does not allow this"


class PreconditionFailed(Problem):
    """The resource moved on since the caller read it."""

    slug, status, title = "precondition-failed", 412, "The resource has changed since you read it"


class TooLarge(Problem):
    """The body is over the limit."""

    slug, status, title = "body-too-large", 413, "The body is too large"


class Invalid(Problem):
    """The request can be read and its content is wrong."""

    slug, status, title = "invalid", 422, "The request has errors"


class TooManyRequests(Problem):
    """A limit of the plan is used up."""

    slug, status, title = "too-many-requests", 429, "Too many requests"


class Unavailable(Problem):
    """Something that this answer needs is out of reach."""

    slug, status, title = "unavailable", 503, "A service that this needs does not answer"
