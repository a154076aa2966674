"""Faults at the edge to AWS: what a process sees when it dies, or when the service says no."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from kernel import aws

Moment = Literal["before-call", "after-call", "after-call-error"]
Hook = Callable[..., Any]


class Crash(BaseException):
    """The process ends here. It is no Exception, so no handler of ours survives it."""


_hooks: dict[Moment, list[Hook]] = {"before-call": [], "after-call": [], "after-call-error": []}


def _listen() -> None:
    """A client takes over its session's listeners when it is made: so these are there before the first one is."""
    events = aws.session().get_component("event_emitter")
    for moment, hooks in _hooks.items():
        events.register(moment, lambda hooks=hooks, **keywords: _told(hooks, keywords))


def _told(hooks: list[Hook], keywords: dict[str, Any]) -> Any:
    answers = [hook(**keywords) for hook in hooks]
    return next((answer for answer in answers if answer is not None), None)


_listen()


@contextmanager
def hooked(hook: Hook, *moments: Moment) -> Iterator[None]:
    """Within, every call to AWS calls `hook` at these moments, with botocore's keywords."""
    for moment in moments:
        _hooks[moment].append(hook)
    try:
        yield
    finally:
        for moment in moments:
            _hooks[moment].remove(hook)


@contextmanager
def crashing(moment: Moment, at: int) -> Iterator[None]:
    """The process dies before, or just after, its AWS call number `at` (from 0)."""
    calls = 0

    def hook(**_keywords: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == at + 1:
            raise Crash

    with hooked(hook, moment):
        yield


@contextmanager
def counted() -> Iterator[list[str]]:
    """The names of the AWS calls made within, as they are made."""
    calls: list[str] = []

    def hook(model: Any, **_keywords: Any) -> None:
        calls.append(model.name)

    with hooked(hook, "before-call"):
        yield calls


@contextmanager
def answering(operation: str, *answers: dict[str, Any] | None) -> Iterator[list[dict[str, Any]]]:
    """The first calls of an operation get these answers instead of their own (None: its own).

    An answer with `Error` is a refusal, as botocore reads it. Yields the requests that were made.
    """
    requests: list[dict[str, Any]] = []
    planned = list(answers)

    def hook(model: Any, params: dict[str, Any], **_keywords: Any) -> Any:
        if model.name != operation:
            return None
        requests.append(params)
        answer = planned.pop(0) if planned else None
        return None if answer is None else (Reply(400 if "Error" in answer else 200), {**METADATA, **answer})

    with hooked(hook, "before-call"):
        yield requests


METADATA = {"ResponseMetadata": {"HTTPStatusCode": 200, "RequestId": "fault"}}


class Reply:
    """The part of an HTTP answer that botocore looks at."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


def refusal(code: str, message: str = "", **members: Any) -> dict[str, Any]:
    """An AWS error as botocore reads it."""
    return {"Error": {"Code": code, "Message": message or code}, **members}


@contextmanager
def one_call_at_a_time() -> Iterator[None]:
    """Threads may interleave between AWS calls and not within one: DynamoDB is atomic there, the mock is not."""
    lock = threading.Lock()

    def hold(**_keywords: Any) -> None:
        lock.acquire()

    def free(**_keywords: Any) -> None:
        lock.release()

    with hooked(hold, "before-call"), hooked(free, "after-call", "after-call-error"):
        yield
