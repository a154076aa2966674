"""What a type name in a rule stands for: one of our types, perhaps only some facts of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from contracts.observations import ObservationType
from functions.intelligence.model.correlation.patterns import found, split_negation
from functions.intelligence.model.correlation.spiderfoot import FOREIGN, ORIGIN, TYPES, Kind

OURS: Final = {type_.value: Kind(type_.value) for type_ in ObservationType}
NAMES: Final[dict[str, tuple[Kind, ...]]] = {
    **{name: (kind,) for name, kind in OURS.items()},
    **{name: tuple(replace(kind, name=name) for kind in kinds) for name, kinds in TYPES.items()},
}
"""All type names that a rule may use: ours, and those of SpiderFoot."""
IMPORTED: Final = {name: (Kind("metadata", attribute=(ORIGIN, f"^{name}$"), name=name),) for name in FOREIGN}
"""What only facts imported from SpiderFoot are."""


@dataclass(frozen=True, slots=True)
class TypeTest:
    """A condition on the type: kinds that are wanted, or kinds that are not.

    `unknown` are the wanted names that mean nothing here; to exclude what nothing produces is no loss.
    """

    wanted: tuple[Kind, ...] | None
    unwanted: tuple[Kind, ...]
    unknown: tuple[str, ...]


def exact_types(patterns: Sequence[str]) -> TypeTest:
    """The kinds that exact names stand for."""
    wanted, unwanted = _split(patterns)
    return TypeTest(
        _simplified(kind for name in wanted for kind in _kinds(name)) if wanted else None,
        _simplified(kind for name in unwanted for kind in _kinds(name)),
        tuple(name for name in wanted if name not in NAMES),
    )


def _kinds(name: str) -> tuple[Kind, ...]:
    return NAMES[name] if name in NAMES else IMPORTED.get(name, ())


def regex_types(patterns: Sequence[str]) -> TypeTest:
    """The kinds whose names a regular expression finds. Raises PatternError."""
    wanted, unwanted = _split(patterns)
    strange = tuple(pattern for pattern in wanted if not any(name in NAMES for name in _names(pattern)))
    return TypeTest(_search(wanted) if wanted else None, _search(unwanted) if unwanted else (), strange)


def _search(patterns: Sequence[str]) -> tuple[Kind, ...]:
    return _simplified(kind for pattern in patterns for name in _names(pattern) for kind in _kinds(name))


def _names(pattern: str) -> list[str]:
    """The names that a pattern finds. One without small letters is meant for SpiderFoot's names, which have none."""
    test = found([pattern])
    names = (*TYPES, *sorted(FOREIGN)) if pattern.isupper() else (*NAMES, *sorted(FOREIGN))
    return [name for name in names if test(name)]


def _split(patterns: Iterable[str]) -> tuple[list[str], list[str]]:
    wanted: list[str] = []
    unwanted: list[str] = []
    for pattern in patterns:
        negated, bare = split_negation(pattern)
        (unwanted if negated else wanted).append(bare)
    return wanted, unwanted


def _simplified(kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """Distinct kinds, without those that a plain kind of ours covers."""
    distinct = dict.fromkeys(kinds)
    plain = {kind.type for kind in distinct if kind.plain and not kind.name}
    return tuple(kind for kind in distinct if kind.type not in plain or kind in OURS.values())
