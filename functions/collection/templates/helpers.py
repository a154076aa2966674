"""The functions that an expression may call: those of the format that compute and reach nothing outside."""

from __future__ import annotations

import base64
import binascii
import calendar
import gzip
import hashlib
import hmac as hmac_library
import html
import json
import math
import random
import string
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

from functions.collection.templates import patterns
from functions.collection.templates.errors import EvaluationError, TemplateError
from functions.collection.templates.expressions import MAX_TEXT, Function, text_of
from functions.collection.templates.patterns import decoded, encoded

MAX_RANDOM = 4_096
DIGESTS = ("md5", "sha1", "sha256", "sha512")
UNREACHABLE = frozenset(
    {
        "generate_java_gadget", "generate_jwt", "jarm", "resolve", "wait_for", "public_ip", "llm_prompt", "zip",
        "aes_cbc", "aes_gcm", "rsa_encrypt", "deserialize", "ip_format", "generate_dotnet_gadget", "waf",
    }
)  # fmt: skip
"""Functions of the format that send, wait, or make what only attacks need."""


def functions(chance: random.Random) -> dict[str, Function]:
    """All functions by name. Random values come from `chance`, so that a repeated run sends the same."""
    return {**_FIXED, **_random_functions(chance)}


def known_functions() -> frozenset[str]:
    """The names of all functions."""
    return frozenset(functions(random.Random(0)))  # noqa: S311 - no secret


def _raw(value: Any) -> bytes:
    return value if isinstance(value, bytes) else encoded(text_of(value))


def _words(*values: Any) -> list[str]:
    return [text_of(item) for value in values for item in (value if isinstance(value, list) else [value])]


def _contains(text: Any, word: Any) -> bool:
    return text_of(word) in text_of(text)


def _regex(pattern: Any, text: Any) -> bool:
    try:
        return patterns.is_found(patterns.compile_pattern(text_of(pattern)), text_of(text))
    except TemplateError as error:
        raise EvaluationError(error.reason) from None


def _replace_regex(text: Any, pattern: Any, new: Any) -> str:
    compiled = patterns.compile_pattern(text_of(pattern))
    return decoded(compiled.sub(_raw(new), _raw(text)))


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise EvaluationError(f"a value is longer than {MAX_TEXT} characters")
    return text


def _repeat(text: Any, times: Any) -> str:
    word, count = text_of(text), int(times)
    if len(word) * max(count, 0) > MAX_TEXT:
        raise EvaluationError(f"a value is longer than {MAX_TEXT} characters")
    return word * count


def _replace(text: Any, old: Any, new: Any) -> str:
    subject, word, other = text_of(text), text_of(old), text_of(new)
    times = subject.count(word)
    if len(subject) + times * max(0, len(other) - len(word)) > MAX_TEXT:
        raise EvaluationError(f"a value is longer than {MAX_TEXT} characters")
    return subject.replace(word, other)


def _digest(name: str) -> Function:
    def digest(value: Any) -> str:
        return hashlib.new(name, _raw(value), usedforsecurity=False).hexdigest()

    return digest


def _hmac(algorithm: Any, data: Any, key: Any) -> str:
    name = text_of(algorithm).lower().replace("-", "")
    if name not in DIGESTS:
        raise EvaluationError(f"hmac: unknown algorithm {name!r}")
    return hmac_library.new(_raw(key), _raw(data), name).hexdigest()


def mmh3(data: bytes) -> int:
    """MurmurHash3 (x86, 32 bits, seed 0) as a signed number: by it, icons are known in the field."""
    mask, value = 0xFFFFFFFF, 0
    blocks = len(data) // 4 * 4
    for place in range(0, blocks, 4):
        part = int.from_bytes(data[place : place + 4], "little") * 0xCC9E2D51 & mask
        value ^= (part << 15 | part >> 17) * 0x1B873593 & mask
        value = ((value << 13 | value >> 19) & mask) * 5 + 0xE6546B64 & mask
    part = int.from_bytes(data[blocks:], "little") * 0xCC9E2D51 & mask
    value ^= ((part << 15 | part >> 17) & mask) * 0x1B873593 & mask
    value ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        value = (value ^ value >> shift) * factor & mask
    value ^= value >> 16
    return value - (1 << 32) if value >> 31 else value


def _base64_decode(value: Any) -> str:
    text = text_of(value).strip()
    return decoded(base64.b64decode(text + "=" * (-len(text) % 4), validate=False))


def _base64_lines(value: Any) -> str:
    """As Python's encoder writes it: lines of 76 characters, each ended."""
    return base64.encodebytes(_raw(value)).decode()


def _inflate(value: Any, wbits: int) -> str:
    inflater = zlib.decompressobj(wbits)
    try:
        data = inflater.decompress(_raw(value), MAX_TEXT)
    except zlib.error as error:
        raise EvaluationError(f"not compressed: {error}") from None
    return decoded(data)


def _compare_versions(version: Any, *constraints: Any) -> bool:
    return all(_meets(text_of(version), part) for word in _words(*constraints) for part in word.split(","))


def _meets(version: str, constraint: str) -> bool:
    constraint = constraint.strip()
    sign = next((s for s in ("<=", ">=", "!=", "==", "<", ">", "=") if constraint.startswith(s)), "")
    left, right = _version_key(version), _version_key(constraint[len(sign) :])
    if left is None or right is None:
        return False
    width = max(len(left), len(right))
    left, right = left + (0,) * (width - len(left)), right + (0,) * (width - len(right))
    verdicts = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right, "!=": left != right}
    return verdicts.get(sign, left == right)


def _version_key(text: str) -> tuple[int, ...] | None:
    head = text.strip().lstrip("vV").partition("-")[0].partition("+")[0]
    parts = head.split(".")
    if not head or len(parts) > 10 or not all(part.isdecimal() and len(part) < 12 for part in parts):
        return None
    return tuple(int(part) for part in parts)


def _index(value: Any, place: Any) -> str:
    items = value if isinstance(value, list) else text_of(value)
    return text_of(items[int(place)])


def _substr(value: Any, start: Any, end: Any = None) -> str:
    text = text_of(value)
    return text[int(start) : None if end is None else int(end)]


def _split(value: Any, separator: Any, limit: Any = -1) -> list[str]:
    count = int(limit)
    return text_of(value).split(text_of(separator), count - 1 if count > 0 else -1)


def _number(value: Any) -> float:
    number = float(text_of(value))
    return int(number) if number.is_integer() else number


def _concat(*values: Any) -> str:
    return _bounded("".join(text_of(value) for value in values))


def _join(separator: Any, *values: Any) -> str:
    return _bounded(text_of(separator).join(_words(*values)))


def _sorted(*values: Any) -> Any:
    """Several values in order, or the characters of one."""
    words = _words(*values)
    return sorted(words) if len(words) > 1 else "".join(sorted("".join(words)))


def _unix_time(offset: Any = 0) -> int:
    return int(time.time()) + int(offset)


def _date_time(form: Any, at: Any = None) -> str:
    """A date by strftime's letters or by `%Y-%M-%D %H:%m:%S`; UTC."""
    moment = time.gmtime(time.time() if at is None else float(at))
    text = text_of(form).replace("%M", "%m") if "%D" in text_of(form) else text_of(form)
    return time.strftime(text.replace("%D", "%d"), moment)


def _to_unix_time(value: Any, form: Any = "%Y-%m-%d %H:%M:%S") -> int:
    """A date as seconds; a number stays what it is."""
    text = text_of(value)
    return int(text) if text.isdecimal() else calendar.timegm(time.strptime(text, text_of(form)))


def _xor(one: Any, other: Any) -> str:
    left, right = _raw(one), _raw(other)
    if len(left) != len(right):
        raise EvaluationError("xor: the values differ in length")
    return decoded(bytes(a ^ b for a, b in zip(left, right, strict=True)))


def _padding(value: Any, filler: Any, length: Any, side: Any = "suffix") -> str:
    """A text made as long as is asked for by a filler before or after it."""
    text, missing = text_of(value), int(length) - len(text_of(value))
    fill = _repeat(filler, missing)[:missing] if missing > 0 and text_of(filler) else ""
    return fill + text if text_of(side) == "prefix" else text + fill


def _trimmed(strip: Callable[[str, str], str]) -> Function:
    def trim(value: Any, characters: Any = " \t\r\n") -> str:
        return strip(text_of(value), text_of(characters))

    return trim


def _lines(test: Callable[[str, str], bool]) -> Function:
    def any_line(text: Any, *words: Any) -> bool:
        return any(test(line, word) for line in text_of(text).splitlines() for word in _words(*words))

    return any_line


def _minified(value: Any) -> str:
    try:
        return json.dumps(json.loads(text_of(value)), separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        raise EvaluationError("the JSON is nested too deep") from None


_FIXED: Mapping[str, Function] = {
    "contains": _contains,
    "contains_all": lambda text, *words: all(_contains(text, word) for word in _words(*words)),
    "contains_any": lambda text, *words: any(_contains(text, word) for word in _words(*words)),
    "starts_with": lambda text, *words: text_of(text).startswith(tuple(_words(*words))),
    "ends_with": lambda text, *words: text_of(text).endswith(tuple(_words(*words))),
    "line_starts_with": _lines(str.startswith),
    "line_ends_with": _lines(str.endswith),
    "equals_any": lambda text, *words: text_of(text) in _words(*words),
    "regex": _regex,
    "regex_all": lambda each, text: all(_regex(pattern, text) for pattern in _words(each)),
    "regex_any": lambda each, text: any(_regex(pattern, text) for pattern in _words(each)),
    "replace_regex": _replace_regex,
    "replace": _replace,
    "remove_bad_chars": lambda text, bad: "".join(c for c in text_of(text) if c not in text_of(bad)),
    "to_lower": lambda text: text_of(text).lower(),
    "tolower": lambda text: text_of(text).lower(),
    "to_upper": lambda text: text_of(text).upper(),
    "toupper": lambda text: text_of(text).upper(),
    "to_title": lambda text: text_of(text).title(),
    "trim": _trimmed(str.strip),
    "trim_left": _trimmed(str.lstrip),
    "trim_right": _trimmed(str.rstrip),
    "trim_space": lambda text: text_of(text).strip(),
    "trim_prefix": lambda text, word: text_of(text).removeprefix(text_of(word)),
    "trim_suffix": lambda text, word: text_of(text).removesuffix(text_of(word)),
    "len": lambda value: len(value) if isinstance(value, list) else len(_raw(value)),
    "reverse": lambda text: text_of(text)[::-1],
    "concat": _concat,
    "join": _join,
    "split": _split,
    "index": _index,
    "substr": _substr,
    "repeat": _repeat,
    "count": lambda text, word: text_of(text).count(text_of(word)),
    "sort": _sorted,
    "uniq": lambda *values: list(dict.fromkeys(_words(*values))),
    "to_number": _number,
    "to_string": text_of,
    "ceil": lambda value: math.ceil(value),
    "floor": lambda value: math.floor(value),
    "round": lambda value: math.floor(value + 0.5),
    "min": min,
    "max": max,
    "dec_to_hex": lambda value: format(int(value), "x"),
    "hex_to_dec": lambda value: int(text_of(value), 16),
    "bin_to_dec": lambda value: int(text_of(value), 2),
    "oct_to_dec": lambda value: int(text_of(value), 8),
    **{name: _digest(name) for name in DIGESTS},
    "hmac": _hmac,
    "mmh3": lambda value: str(mmh3(_raw(value))),
    "crc32": lambda value: binascii.crc32(_raw(value)),
    "base64": lambda value: base64.b64encode(_raw(value)).decode(),
    "base64_py": _base64_lines,
    "base64_decode": _base64_decode,
    "hex_encode": lambda value: _raw(value).hex(),
    "hex_decode": lambda value: decoded(bytes.fromhex(text_of(value))),
    "url_encode": lambda value: quote(_raw(value), safe="-_.~"),
    "url_decode": lambda value: unquote_plus(text_of(value), errors="surrogateescape"),
    "query_escape": lambda value: quote_plus(_raw(value)),
    "html_escape": lambda value: _bounded(html.escape(text_of(value))),
    "html_unescape": lambda value: html.unescape(text_of(value)),
    "gzip": lambda value: decoded(gzip.compress(_raw(value), mtime=0)),
    "gzip_decode": lambda value: _inflate(value, zlib.MAX_WBITS | 16),
    "zlib": lambda value: decoded(zlib.compress(_raw(value))),
    "zlib_decode": lambda value: _inflate(value, zlib.MAX_WBITS),
    "json_minify": _minified,
    "json_prettify": lambda value: json.dumps(json.loads(text_of(value)), indent=4, ensure_ascii=False),
    "compare_versions": _compare_versions,
    "unix_time": _unix_time,
    "date_time": _date_time,
    "to_unix_time": _to_unix_time,
    "xor": _xor,
    "padding": _padding,
    "print_debug": lambda *values: True,  # noqa: ARG005 - what templates print helps their authors alone
}


def _random_functions(chance: random.Random) -> dict[str, Function]:
    letters, alphanumeric = string.ascii_letters, string.ascii_letters + string.digits

    def text(length: Any, alphabet: str, without: Any = "") -> str:
        if not 0 <= int(length) <= MAX_RANDOM:
            raise EvaluationError(f"a random text has at most {MAX_RANDOM} characters")
        allowed = [c for c in alphabet if c not in text_of(without)] or ["x"]
        return "".join(chance.choice(allowed) for _ in range(int(length)))

    return {
        "rand_base": lambda length=8, alphabet=alphanumeric: text(length, text_of(alphabet)),
        "rand_char": lambda alphabet=letters: text(1, text_of(alphabet)),
        "rand_text_alpha": lambda length=8, without="": text(length, letters, without),
        "rand_text_alphanumeric": lambda length=8, without="": text(length, alphanumeric, without),
        "rand_text_numeric": lambda length=8, without="": text(length, string.digits, without),
        "rand_int": lambda low=0, high=2**31 - 1: chance.randint(int(low), int(high)),
        "rand_ip": lambda *_: f"198.51.100.{chance.randint(1, 254)}",
    }
