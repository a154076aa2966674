"""What can go wrong, as problems (RFC 9457) and as exit codes that scripts can rely on."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar

PROBLEM_BASE = "https://palisade.dev/problems/"
ADVICE = {
    "target-not-owned": "If you may scan it, say so with --attest 'who allowed it', or prove that it is yours: see "
    "`palisade targets add --help`.",
}
"""What to do about problems of some kinds."""


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    NOT_LOGGED_IN = 3
    FINDINGS = 4
    SCAN_NOT_FINISHED = 5
    TAMPERED = 6
    DAMAGED = 7
    INTERRUPTED = 130


class PalisadeError(Exception):
    """Base of what a command can fail with; its text is one sentence for people, `advice` what they may do next."""

    exit_code: ClassVar[ExitCode] = ExitCode.PROBLEM
    slug: ClassVar[str] = "client-error"
    title: ClassVar[str] = "The command failed"
    advice: str | None = None

    def problem(self) -> dict[str, Any]:
        """The same for programs."""
        return {"type": PROBLEM_BASE + self.slug, "title": self.title, "detail": str(self)}


class Unreachable(PalisadeError):
    """The platform gives no answer."""

    slug, title = "unreachable", "The platform does not answer"


class NotLoggedIn(PalisadeError):
    """There is no session, or it is over."""

    exit_code = ExitCode.NOT_LOGGED_IN
    slug, title = "not-logged-in", "Log in first"


class WrongUsage(PalisadeError):
    """The command cannot mean what it was given."""

    exit_code = ExitCode.USAGE
    slug, title = "usage", "The command was not understood"


class ReportFailed(PalisadeError):
    """The platform could not make a report."""

    slug, title = "report-failed", "The report could not be made"


class NotDelivered(PalisadeError):
    """An endpoint did not take what was sent to it."""

    slug, title = "not-delivered", "The endpoint did not take the event"


class CannotWrite(PalisadeError):
    """A file cannot be written."""

    slug, title = "cannot-write", "The file cannot be written"


class ApiProblem(PalisadeError):
    """The API refused; the problem is the API's own."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.advice = ADVICE.get(self.kind)
        super().__init__(_sentence(document))

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.document.get("status", 0))

    @property
    def kind(self) -> str:
        """The last part of the problem's type, such as `target-not-owned`."""
        return str(self.document.get("type", "")).rpartition("/")[2]

    def problem(self) -> dict[str, Any]:
        """The problem as the API stated it."""
        return self.document


def _sentence(document: dict[str, Any]) -> str:
    """A problem in one sentence: its detail, the faults of single fields, and its trace when the fault is not ours."""
    text = str(document.get("detail") or document.get("title") or "The API refused the request").rstrip(".")
    errors = document.get("errors") or []
    faults = [f"{fault.get('pointer', '')} {fault.get('detail', '')}".strip(" .") for fault in errors]
    if faults:
        text = f"{text}: {'; '.join(faults)}"
    if document.get("status", 0) >= 500 and document.get("trace_id"):
        text = f"{text} (request {document['trace_id']})"
    return f"{text}."
