"""Why a template is refused, or why one did not come to its end."""

from __future__ import annotations


class TemplateError(Exception):
    """A template that cannot be used. `pointer` is a JSON Pointer (RFC 6901) into it, `line` counts from 1 and is
    0 where the place is not known: enough for an answer that shows the author where to look."""

    def __init__(self, reason: str, pointer: str = "", line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pointer = pointer
        self.line = line

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else ""
        where = ", ".join(part for part in (place, self.pointer) if part)
        return f"{where}: {self.reason}" if where else self.reason


class Unsupported(TemplateError):
    """A construct of the format that this engine leaves out; `construct` names it for statistics."""

    def __init__(self, construct: str, why: str, pointer: str = "", line: int = 0) -> None:
        super().__init__(f"{construct} is not supported: {why}", pointer, line)
        self.construct = construct


class EvaluationError(Exception):
    """An expression that cannot be evaluated: a type that does not fit, a name that is not known, or a bound."""
