"""What modules need of one another: modules they depend on, and facts that somebody has to find first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from contracts.modules import ModuleFace

FACT = "fact:"
"""In `depends_on`, `fact:certificate` asks for any module that finds certificates."""


class Resolution(NamedTuple):
    """The modules that run, those among them that were added because others depend on them, and what cannot be had:
    `missing` says why a module cannot run, `idle` why one will get nothing to do, both by name."""

    chosen: dict[str, ModuleFace]
    added: list[str]
    missing: dict[str, str]
    idle: dict[str, str]


def resolve(
    wanted: Iterable[str],
    available: Mapping[str, ModuleFace],
    given: Iterable[str],
    disabled: frozenset[str] = frozenset(),
) -> Resolution:
    """What has to run so that the wanted modules can. `given` are the types of the facts that there are to begin with.
    A module that is not available, or is disabled, is named with what needs it; so is a cycle."""
    chosen: dict[str, ModuleFace] = {}
    missing: dict[str, str] = {}
    asked = list(dict.fromkeys(wanted))

    def take(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            missing[path[0]] = f"modules depend on one another in a circle: {' → '.join((*path, name))}"
        elif name not in available:
            missing[path[-1] if path else name] = f"there is no module {name!r}"
        elif name in disabled and path:
            missing[path[-1]] = f"it depends on {name!r}, which is disabled"
        elif name not in chosen or path:
            chosen[name] = available[name]
            for need in available[name].depends_on:
                for each in _providers(need, available, {*chosen, *asked}, disabled):
                    take(each, (*path, name))

    for name in asked:
        take(name, ())
    added = [name for name in chosen if name not in asked]
    return Resolution(dict(sorted(chosen.items())), added, missing, _idle(chosen, available, set(given)))


def _providers(need: str, available: Mapping[str, ModuleFace], chosen: set[str], disabled: frozenset[str]) -> list[str]:
    """The modules that meet a need; of a fact, one that is chosen already, else the first by name."""
    if not need.startswith(FACT):
        return [need]
    finders = [n for n, face in sorted(available.items()) if need.removeprefix(FACT) in face.produces]
    if any(name in chosen for name in finders):
        return []
    return [name for name in finders if name not in disabled][:1] or [need]


def _idle(chosen: Mapping[str, ModuleFace], available: Mapping[str, ModuleFace], known: set[str]) -> dict[str, str]:
    """Facts spread from module to module until nothing new comes; who was never reached has nothing to do."""
    waiting = dict(chosen)
    while reached := [name for name, face in waiting.items() if known.intersection(map(str, face.consumes))]:
        for name in reached:
            known.update(map(str, waiting.pop(name).produces))
    return {name: _explained(face, available) for name, face in sorted(waiting.items())}


def _explained(face: ModuleFace, available: Mapping[str, ModuleFace]) -> str:
    kinds = ", ".join(sorted(map(str, face.consumes)))
    finders = sorted(n for n, other in available.items() if n != face.name and set(face.consumes) & set(other.produces))
    hint = f"; {', '.join(finders[:5])} would" if finders else ""
    return f"none of the chosen modules finds what it works on ({kinds}){hint}"


def cycles(available: Mapping[str, ModuleFace]) -> list[str]:
    """Every module that depends on itself through others, explained; an empty list is what a catalogue must have."""
    found = (resolve([name], available, ()).missing for name in available)
    return sorted({text for missing in found for text in missing.values() if "circle" in text})
