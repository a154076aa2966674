"""Whether a tenant may send packets to what a scan would reach: its targets, and what its scope allows besides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from contracts.modules import ModuleFace
from contracts.observations import Invasiveness, ObservationType
from contracts.scope import REGEX, Scope, admits
from contracts.targets import Target
from functions.scans.errors import TargetNotOwned
from functions.scans.store import Store
from kernel.actor import Actor
from kernel.egress.addresses import Realm, classify, is_address

LOCAL = (Realm.LOOPBACK, Realm.PRIVATE)
"""Realms that only a deployment on the operator's own machine opens."""
_SPECIAL = frozenset(".^$*+?{}()[|\\")


class Ending(NamedTuple):
    """The letters that every name ends with which an alternative of an expression admits; `whole`: it is these."""

    letters: str
    whole: bool


def demand_owned(
    store: Store, actor: Actor, targets: Sequence[Target], scope: Scope, faces: Iterable[ModuleFace]
) -> None:
    """Active modules need targets that the tenant has proven to own, and a scope that allows nothing else; passive ones
    do not. Raises TargetNotOwned."""
    if all(face.invasiveness is Invasiveness.PASSIVE for face in faces):
        return
    strangers = {target.value: _hosts(target) for target in targets if not _is_local(target.host)}
    allowed = [pattern for pattern in scope.allow if not _is_local_pattern(pattern)]
    if not strangers and not allowed:
        return
    owned = store.approved_patterns(actor)
    unproven = [*_unproven(strangers, owned), *(each for each in allowed if not covers(owned, each))]
    if unproven:
        raise TargetNotOwned(
            f"Prove that you may scan {', '.join(unproven[:5])} (POST /targets), or choose the stealth profile."
        )


def covers(owned: Sequence[str], pattern: str) -> bool:
    """Whether all that a pattern of a scope admits is the tenant's own. An expression is taken to admit whatever ends
    in the letters that it ends with."""
    if pattern.startswith(REGEX):
        return all(_is_owned_ending(owned, ending) for ending in endings(pattern.removeprefix(REGEX)))
    network = _network(pattern)
    hosts = [network[0], network[1]] if network else [pattern.rstrip(".").lower().removeprefix("*.")]
    return any(all(_admits_below(each, host) for host in hosts) for each in owned)


def endings(expression: str) -> Iterator[Ending]:
    """How each alternative of an RE2 expression ends, as far as it ends in letters that stand for themselves."""
    letters, whole, depth, place = "", True, 0, 0
    if "\\Q" in expression:
        yield Ending("", whole=False)
    while place < len(expression):
        sign, following = expression[place], expression[place + 1 : place + 2]
        if depth == 0 and sign == "|":
            yield Ending(letters.lower(), whole)
            letters, whole = "", True
        elif sign == "\\" and following and not following.isalnum():
            letters += following
            place += 1
        elif sign == "$" and depth == 0 and following in ("", "|"):
            pass  # whole names are compared: it ends there anyway
        elif sign in _SPECIAL or sign == ")" or depth:
            depth += (sign == "(") - (sign == ")")
            letters, whole = "", False
            place = _end_of_class(expression, place) if sign == "[" else place + (sign == "\\")
        else:
            letters += sign
        place += 1
    yield Ending(letters.lower(), whole)


def _end_of_class(expression: str, place: int) -> int:
    """The place of the bracket that closes the class which begins at `place`."""
    place += 1
    place += expression[place : place + 1] == "^"
    place += expression[place : place + 1] == "]"
    while place < len(expression) and expression[place] != "]":
        if expression.startswith("[:", place) and ":]" in expression[place:]:
            place = expression.index(":]", place) + 1
        place += 2 if expression[place] == "\\" else 1
    return place


def _is_owned_ending(owned: Sequence[str], ending: Ending) -> bool:
    if ending.whole:
        return _is_local(ending.letters) or any(_admits_below(each, ending.letters) for each in owned)
    return any(ending.letters.endswith(f".{each}") for each in owned)


def _unproven(strangers: Mapping[str, Sequence[str]], owned: Sequence[str]) -> list[str]:
    return [
        value
        for value, hosts in strangers.items()
        if not any(all(_admits_below(pattern, host) for host in hosts) for pattern in owned)
    ]


def _hosts(target: Target) -> list[str]:
    """The hosts that stand for a target: of a network, its last address as well as its first."""
    last = [str(ip_network(target.value)[-1])] if target.type == ObservationType.CIDR else []
    return [target.host, *last]


def _admits_below(pattern: str, host: str) -> bool:
    return admits(pattern, host) or admits(f"*.{pattern}", host)


def _is_local_pattern(pattern: str) -> bool:
    network = _network(pattern)
    return all(map(_is_local, network)) if network else _is_local(pattern)


def _network(pattern: str) -> tuple[str, str] | None:
    """The first and the last address of a pattern that is an address or a network."""
    try:
        network = ip_network(pattern, strict=False)
    except ValueError:
        return None
    return str(network[0]), str(network[-1])


def _is_local(host: str) -> bool:
    return classify(host)[0] in LOCAL if is_address(host) else host == "localhost"
