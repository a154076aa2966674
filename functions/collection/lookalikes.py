"""Names that can be taken for a domain: by a slip of the finger, of the eye, or of a bit. Pure."""
# ruff: noqa: RUF001 - letters of other scripts that look like ours are the matter here

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator

from contracts.observations import canonical_host

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
VOWELS = "aeiou"
LETTERS = f"{string.ascii_lowercase}{string.digits}-"
NEIGHBOURS = {
    "1": "2q", "2": "1qw3", "3": "2we4", "4": "3er5", "5": "4rt6", "6": "5ty7", "7": "6yu8", "8": "7ui9", "9": "8io0",
    "0": "9op", "q": "12wa", "w": "23qeas", "e": "34wrsd", "r": "45etdf", "t": "56ryfg", "y": "67tugh", "u": "78yihj",
    "i": "89uojk", "o": "90ipkl", "p": "0ol", "a": "qwsz", "s": "weadzx", "d": "ersfxc", "f": "rtdgcv", "g": "tyfhvb",
    "h": "yugjbn", "j": "uihknm", "k": "iojlm", "l": "opk", "z": "asx", "x": "sdzc", "c": "dfxv", "v": "fgcb",
    "b": "ghvn", "n": "hjbm", "m": "jkn",
}  # fmt: skip
"""Keys beside each other on a QWERTY keyboard."""
ALIKE = {
    "0": "o", "1": "li", "b": "6", "d": ("cl",), "e": "3", "g": "9q", "i": "1l", "l": "1i", "m": ("rn", "nn"), "n": "m",
    "o": "0", "q": "g", "rn": "m", "s": "5", "u": "v", "v": "u", "vv": "w", "w": ("vv",), "z": "2", "cl": "d",
}  # fmt: skip
FOREIGN = {
    "a": "аàáâä", "b": "Ьƅ", "c": "сç", "d": "ԁɗ", "e": "еéèë", "g": "ɡ", "h": "һ", "i": "іìíï", "j": "ј", "k": "κ",
    "l": "ӏł", "m": "м", "n": "ñո", "o": "оóòöø", "p": "р", "q": "ԛ", "r": "г", "s": "ѕš", "t": "т", "u": "υùúü",
    "v": "ѵ", "w": "ԝ", "x": "х", "y": "уýÿ", "z": "ž",
}  # fmt: skip
ENDINGS = (
    "com", "net", "org", "co", "io", "app", "dev", "info", "biz", "online", "site", "xyz", "shop", "store", "top",
    "cloud", "me", "us", "eu", "de", "uk", "co.uk", "fr", "nl", "ru", "cn", "cm", "om",
)  # fmt: skip
WORDS = ("login", "secure", "mail", "support", "account", "portal", "my", "online", "sso", "vpn")


def lookalikes(domain: str, limit: int) -> dict[str, str]:
    """Names and how each is made, at most `limit`: some of every kind before more of any. The domain is one as
    people register it; what precedes its first dot is varied."""
    label, _, ending = canonical_host(domain).partition(".")
    if not ending or not _LABEL.fullmatch(label):
        return {}
    made = [(kind, iter(variants(label, ending))) for kind, variants in KINDS.items()]
    found: dict[str, str] = {}
    while made and len(found) < limit:
        for kind, variants in list(made):
            name = next((name for name in variants if name not in found and name != domain and _is_name(name)), None)
            if name is None:
                made.remove((kind, variants))
            elif len(found) < limit:
                found[name] = kind
    return found


def _is_name(name: str) -> bool:
    labels = name.split(".")
    return len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _within(change: Callable[[str], Iterator[str]]) -> Callable[[str, str], Iterator[str]]:
    """A change of the label alone; international letters are written in their ASCII form."""
    return lambda label, ending: (canonical_host(f"{changed}.{ending}") for changed in change(label))


def _omission(label: str) -> Iterator[str]:
    return (label[:at] + label[at + 1 :] for at in range(len(label)))


def _repetition(label: str) -> Iterator[str]:
    return (label[:at] + label[at] + label[at:] for at in range(len(label)) if label[at] != "-")


def _transposition(label: str) -> Iterator[str]:
    return (label[:at] + label[at + 1] + label[at] + label[at + 2 :] for at in range(len(label) - 1))


def _replacement(label: str) -> Iterator[str]:
    return (label[:at] + key + label[at + 1 :] for at, char in enumerate(label) for key in NEIGHBOURS.get(char, ""))


def _insertion(label: str) -> Iterator[str]:
    return (label[:at] + key + label[at:] for at, char in enumerate(label) for key in NEIGHBOURS.get(char, ""))


def _homoglyph(label: str) -> Iterator[str]:
    for seen, shown in ALIKE.items():
        at = label.find(seen)
        while at >= 0:
            yield from (label[:at] + other + label[at + len(seen) :] for other in shown)
            at = label.find(seen, at + 1)


def _foreign(label: str) -> Iterator[str]:
    return (label[:at] + other + label[at + 1 :] for at, char in enumerate(label) for other in FOREIGN.get(char, ""))


def _bitsquat(label: str) -> Iterator[str]:
    """One bit flipped in memory or on a wire (Dinaburg, 2011)."""
    for at, char in enumerate(label):
        flipped = (chr(ord(char) ^ (1 << bit)) for bit in range(8))
        yield from (label[:at] + other + label[at + 1 :] for other in flipped if other in LETTERS)


def _hyphenation(label: str) -> Iterator[str]:
    yield from (f"{label[:at]}-{label[at:]}" for at in range(1, len(label)))
    if "-" in label:
        yield label.replace("-", "")


def _vowels(label: str) -> Iterator[str]:
    return (
        label[:at] + vowel + label[at + 1 :]
        for at, char in enumerate(label)
        if char in VOWELS
        for vowel in VOWELS
        if vowel != char
    )


def _dictionary(label: str) -> Iterator[str]:
    for word in WORDS:
        yield from (f"{label}-{word}", f"{word}-{label}", f"{label}{word}")


def _endings(label: str, ending: str) -> Iterator[str]:
    return (f"{label}.{other}" for other in ENDINGS if other != ending)


def _dots(label: str, ending: str) -> Iterator[str]:
    """A dot too many, or the one after `www` forgotten."""
    yield f"www{label}.{ending}"
    yield from (f"{label[:at]}.{label[at:]}.{ending}" for at in range(1, len(label)))


KINDS: dict[str, Callable[[str, str], Iterator[str]]] = {
    "omission": _within(_omission),
    "repetition": _within(_repetition),
    "transposition": _within(_transposition),
    "homoglyph": _within(_homoglyph),
    "foreign letter": _within(_foreign),
    "other ending": _endings,
    "replacement": _within(_replacement),
    "insertion": _within(_insertion),
    "bit flip": _within(_bitsquat),
    "hyphen": _within(_hyphenation),
    "vowel": _within(_vowels),
    "added word": _within(_dictionary),
    "dot": _dots,
}
