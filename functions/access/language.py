"""The language that tenants write policies in: Cedar with our schema, its bounds, and where a text is wrong. Pure.

The bounds come before the engine: its parser recurses, and a text that is nested deep enough ends the process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from contracts.access import AREAS
from contracts.routes import permissions, singular
from functions.access.errors import BadPolicy, PolicyTooComplex
from functions.access.model import Policy
from kernel.errors import FieldError

if TYPE_CHECKING:
    from cedarpy import Schema

MAX_TOKENS = 1500
MAX_DEPTH = 16
MAX_CONDITIONALS = 32
MAX_FAULTS = 10
MAX_COMPILED_BYTES = 200_000
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)|"(?:\\.|[^"\\])*"|[A-Za-z_][A-Za-z0-9_]*|\d+|&&|\|\||[=!<>]=|::|.""", re.DOTALL
)
_HIDING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Characters that make a text look other than it is."""
_POLICY_NUMBER = re.compile(r"^policy(\d+)$")
_ABOUT_POLICY = re.compile(r"^for policy `policy\d+`, ")
_FOR_ACTION = re.compile(r' (?:in context )?for Action::"[^"]*"')
_QUOTED = re.compile(r"`([^`]+)`")
END = "unexpected end of input"


class Token(NamedTuple):
    """A word of a policy, and where it stands."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)


@cache
def schema_text() -> str:
    """The platform's model as a Cedar schema: who acts, what is done, to what, and under which circumstances."""
    entities = "\n".join(f"entity {_type(area)} in [Organization] {{ id: String }};" for area in _resource_areas())
    return _SCHEMA.format(entities=entities, actions="\n".join(_actions()))


def check(source: str, pointer: str = "/source") -> None:
    """Raises BadPolicy or PolicyTooComplex, with line and column of each fault in the text that `pointer` points to."""
    try:
        _check(source)
    except (BadPolicy, PolicyTooComplex) as problem:
        for fault in problem.errors or ():
            fault["pointer"] = pointer
        raise


def _check(source: str) -> None:
    if hiding := _HIDING.search(source):
        raise _bad(source, [(hiding.start(), "a character that cannot be seen")])
    tokens = _tokens(source)
    _demand_simple(source, tokens)
    parsed = _parsed(source, tokens)
    if parsed["templates"]:
        raise _bad(source, [(0, "a policy names its principal and resource: templates with ?slots are not supported")])
    if not parsed["staticPolicies"]:
        raise _bad(source, [(0, "there is no policy in the text")])
    _demand_valid(source, tokens)


def compiled(policies: Iterable[Policy]) -> str:
    """One text of many policies, each statement annotated with the id of the policy that it is from."""
    text = "\n".join(_annotated(policy) for policy in sorted(policies, key=lambda policy: policy.policy_id))
    if len(text.encode()) > MAX_COMPILED_BYTES:
        raise PolicyTooComplex("All enabled policies together are too long.")
    return text


def _annotated(policy: Policy) -> str:
    import cedarpy

    parsed = json.loads(cedarpy.policies_to_json_str(policy.source))
    for statement in parsed["staticPolicies"].values():
        statement["annotations"] = {"id": policy.policy_id}
    return cedarpy.policies_from_json_str(json.dumps(parsed))


def _tokens(source: str) -> list[Token]:
    return [Token(found.group(), found.start()) for found in _TOKEN.finditer(source) if found.lastgroup != "space"]


def _demand_simple(source: str, tokens: list[Token]) -> None:
    depth, conditionals = 0, 0
    for position, token in enumerate(tokens):
        depth += (token.text in "([{") - (token.text in ")]}")
        conditionals += token.text == "if"
        if depth > MAX_DEPTH:
            raise _complex(source, token, f"more than {MAX_DEPTH} levels of brackets")
        if conditionals > MAX_CONDITIONALS:
            raise _complex(source, token, f"more than {MAX_CONDITIONALS} conditionals")
        if position >= MAX_TOKENS:
            raise _complex(source, token, f"more than {MAX_TOKENS} words and signs")


def _parsed(source: str, tokens: list[Token]) -> dict[str, Any]:
    message = _parse_error(source)
    if message is None:
        import cedarpy

        found: dict[str, Any] = json.loads(cedarpy.policies_to_json_str(source))
        return found
    raise _bad(source, [(_place_of_error(source, tokens, message), message)])


def _parse_error(text: str) -> str | None:
    import cedarpy

    try:
        cedarpy.PolicySet.from_str(text)
    except ValueError as error:
        return str(error)
    return None


def _place_of_error(source: str, tokens: list[Token], message: str) -> int:
    """The first word after which nothing can make the text right: the engine says what is wrong, and not where."""
    low, high = 0, len(tokens)
    while low < high:
        middle = (low + high) // 2
        if _parse_error(source[: tokens[middle].end]) in (None, END):
            low = middle + 1
        else:
            high = middle
    if low == len(tokens):
        return len(source.rstrip())
    named = {f"unexpected token `{token.text}`": token.start for token in tokens[: low + 1]}
    if message in named:
        return named[message]
    starts = _statements(tokens)
    meant_whole = not message.startswith("unexpected") and tokens[low].text == ";"
    return max(start for start in starts if start <= tokens[low].start) if meant_whole else tokens[low].start


def _statements(tokens: list[Token]) -> list[int]:
    """Where each statement begins."""
    begins = [True, *(token.text == ";" for token in tokens)]
    return [token.start for token, first in zip(tokens, begins, strict=False) if first]


def _demand_valid(source: str, tokens: list[Token]) -> None:
    import cedarpy

    result = cedarpy.validate_policies(source, _schema())
    if result.validation_passed:
        return
    starts = [*_statements(tokens), len(source)]
    faults: dict[tuple[int, str], None] = {}
    for error in result.errors:
        number = _POLICY_NUMBER.match(error.policy_id)
        place = int(number.group(1)) if number else 0
        message = _FOR_ACTION.sub("", _ABOUT_POLICY.sub("", error.error))[:300]
        faults.setdefault((_place_of_name(source, tokens, starts[place], starts[place + 1], message), message))
    raise _bad(source, list(faults))


def _place_of_name(source: str, tokens: list[Token], start: int, end: int, message: str) -> int:
    """Where the name that a message speaks of stands in its statement; the statement's beginning when it does not."""
    for name in _QUOTED.findall(message):
        word = next((token.start for token in tokens if start <= token.start < end and token.text == name), -1)
        found = word if word >= 0 else source.find(name, start, end)
        if found >= 0:
            return found
    return start


def _bad(source: str, faults: list[tuple[int, str]]) -> BadPolicy:
    return BadPolicy(errors=[_fault(source, place, text) for place, text in faults[:MAX_FAULTS]])


def _complex(source: str, token: Token, text: str) -> PolicyTooComplex:
    return PolicyTooComplex(errors=[_fault(source, token.start, text)])


def _fault(source: str, place: int, text: str) -> FieldError:
    before = source[:place]
    line, column = before.count("\n") + 1, place - before.rfind("\n")
    return {"pointer": "/source", "detail": f"line {line}, column {column}: {text}"}


@cache
def _schema() -> Schema:
    import cedarpy

    return cedarpy.Schema.from_str(schema_text())


def _resource_areas() -> list[str]:
    areas = {*AREAS, *(permission.partition(":")[0] for permission in permissions())}
    return sorted(areas - {"organizations", "roles", "teams"})


def _actions() -> Iterator[str]:
    known = sorted(permissions())
    areas = sorted({permission.partition(":")[0] for permission in known})
    yield from (f'action "{area}:*" in ["*"];' for area in areas)
    yield from (f'action "*:{verb}" in ["*"];' for verb in sorted({name.partition(":")[2] for name in known}))
    for permission in known:
        area, _, verb = permission.partition(":")
        applies = f"principal: [User], resource: [{_type(area)}], context: Circumstances"
        yield f'action "{permission}" in ["{area}:*", "*:{verb}", "*"] appliesTo {{ {applies} }};'


def _type(area: str) -> str:
    return "".join(word.capitalize() for word in singular(area).split("_"))


_SCHEMA = """\
// Who acts. A service account is a User whose id begins with svc_.
entity User in [Role, Team] {{ id: String, service_account: Bool }};
entity Role in [Organization] {{ id: String }};
entity Team in [Organization] {{ id: String }};
entity Organization {{ id: String }};

// What is acted on. The id is empty where a request is about no single one.
{entities}

// Under which circumstances. Times are UTC; Monday is weekday 1.
type Circumstances = {{
  address: ipaddr, time: datetime, hour: Long, weekday: Long,
  mfa: Bool, via_api_key: Bool, method: String, path: String
}};

// What is done: the permissions of the API, in groups by area ("scans:*"), by verb ("*:read") and of all ("*").
action "*";
{actions}
"""
