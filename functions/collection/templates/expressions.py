"""The expression language of templates (`dsl`): read by a parser of our own, evaluated under bounds.

An expression knows names, literals, operators and the functions of `helpers`; nothing else can be reached from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from functions.collection.templates.errors import EvaluationError, TemplateError

MAX_EXPRESSION = 8_192
MAX_DEPTH = 60
MAX_STEPS = 20_000
MAX_TEXT = 4 * 1024 * 1024
CHARACTERS_A_STEP = 8_192
MAX_NUMBER = 2**63
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?(?![A-Za-z_]))
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:[.-][A-Za-z_][A-Za-z0-9_]*)*)
      | (?P<bracket>\[[A-Za-z0-9_.-]+\])
      | (?P<operator>\|\||&&|==|!=|>=|<=|=~|!~|\*\*|[-+*/%<>!(),?:])
    )""",
    re.VERBOSE | re.DOTALL,
)
_MARKER = re.compile(r"\{\{([^{}]{1,500})\}\}")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("==", "!=", "=~", "!~", "<", ">", "<=", ">=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
    ("**",),
)

Function = Callable[..., Any]
_FAULTS = (TypeError, ValueError, LookupError, ArithmeticError, OSError, RecursionError, TemplateError)
"""What a function raises for values that do not fit it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression: `kind` is literal, name, call, tuple, or an operator; `value` its word."""

    kind: str
    value: Any = None
    parts: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This part and all below it."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(slots=True)
class Scope:
    """What an expression may use: values by name, functions by name, and the steps that are left."""

    names: Mapping[str, Any]
    functions: Mapping[str, Function]
    steps: int = field(default=MAX_STEPS)

    def look_up(self, name: str) -> Any:
        """The value of a name. Raises `EvaluationError`."""
        if name in self.names:
            return self.names[name]
        raise EvaluationError(f"the name {name!r} has no value")


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Node:
    """An expression as a tree. Raises `TemplateError`."""
    if len(text) > MAX_EXPRESSION:
        raise TemplateError(f"an expression has at most {MAX_EXPRESSION} characters")
    return _Parser(list(_tokens(text))).whole()


def evaluate(node: Node, scope: Scope) -> Any:
    """The value of an expression. Raises `EvaluationError`."""
    scope.steps -= 1
    if scope.steps < 0:
        raise EvaluationError(f"more than {MAX_STEPS} steps")
    value = _evaluate(node, scope)
    scope.steps -= _weight(value)
    if isinstance(value, str | bytes | list | tuple) and len(value) > MAX_TEXT:
        raise EvaluationError(f"a value is longer than {MAX_TEXT} characters")
    if isinstance(value, int | float) and abs(value) > MAX_NUMBER:
        raise EvaluationError("a number is beyond 64 bits")
    return value


def _weight(value: Any) -> int:
    """The steps that a value costs by its length, so that large ones are not copied without end."""
    return len(value) // CHARACTERS_A_STEP if isinstance(value, str | bytes) else 0


def names_in(node: Node) -> set[str]:
    """The names that an expression needs."""
    return {part.value for part in node.walk() if part.kind == "name"}


def calls_in(node: Node) -> set[str]:
    """The functions that an expression calls."""
    return {part.value for part in node.walk() if part.kind == "call"}


def truth(value: Any) -> bool:
    """Whether a value stands for yes: `true`, and nothing but it."""
    return value is True


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise TemplateError(f"the expression cannot be read at {text[place : place + 30].strip()!r}")
        place = match.end()
        yield match.lastgroup or "", match.group(match.lastgroup or 0)


class _Parser:
    """Recursive descent over the tokens, at most `MAX_DEPTH` deep."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0

    def whole(self) -> Node:
        """All tokens as one expression."""
        node = self._choice()
        if self._place < len(self._tokens):
            raise TemplateError(f"the expression goes on where it should end, at {self._peek()!r}")
        return node

    def _peek(self) -> str:
        return self._tokens[self._place][1] if self._place < len(self._tokens) else ""

    def _take(self, word: str) -> bool:
        is_operator = self._place < len(self._tokens) and self._tokens[self._place][0] in ("operator", "name")
        if is_operator and self._peek() == word:
            self._place += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise TemplateError(f"the expression lacks {word!r} before {self._peek() or 'its end'!r}")

    def _choice(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TemplateError(f"the expression is nested deeper than {MAX_DEPTH} levels")
        node = self._binary(0)
        if self._take("?"):
            yes = self._choice()
            self._expect(":")
            node = Node("?", None, (node, yes, self._choice()))
        self._depth -= 1
        return node

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._binary(level + 1)
        while (word := next((each for each in _LEVELS[level] if self._take(each)), None)) is not None:
            node = Node(word, None, (node, self._binary(level + 1)))
        return node

    def _unary(self) -> Node:
        signs = []
        while (word := next((each for each in ("!", "-") if self._take(each)), None)) is not None:
            signs.append(word)
            if len(signs) > MAX_DEPTH:
                raise TemplateError("too many signs in a row")
        node = self._primary()
        for word in reversed(signs):
            node = Node("not" if word == "!" else "minus", None, (node,))
        return node

    def _primary(self) -> Node:
        if self._take("("):
            return self._group()
        kind, word = self._tokens[self._place] if self._place < len(self._tokens) else ("", "")
        self._place += 1
        if kind == "number":
            return Node("literal", float(word) if "." in word else int(word))
        if kind == "string":
            return Node("literal", _unquoted(word))
        if kind == "bracket":
            return Node("name", word[1:-1])
        if kind != "name":
            raise TemplateError(f"a value is missing before {word or 'the end'!r}")
        if word in ("true", "false"):
            return Node("literal", word == "true")
        return Node("call", word, self._arguments()) if self._take("(") else Node("name", word)

    def _group(self) -> Node:
        items = [self._choice()]
        while self._take(","):
            items.append(self._choice())
        self._expect(")")
        return items[0] if len(items) == 1 else Node("tuple", None, tuple(items))

    def _arguments(self) -> tuple[Node, ...]:
        if self._take(")"):
            return ()
        items = [self._choice()]
        while self._take(","):
            items.append(self._choice())
        self._expect(")")
        return tuple(items)


def _unquoted(word: str) -> str:
    if word[0] == "`":
        return word[1:-1]

    def replace(match: re.Match[str]) -> str:
        code = match.group(1)
        if len(code) > 1:
            return chr(int(code[1:], 16))
        return _ESCAPES.get(code, code if code in "\\\"'`" else "\\" + code)

    return _ESCAPE.sub(replace, word[1:-1])


def _evaluate(node: Node, scope: Scope) -> Any:
    if node.kind == "literal":
        is_text = isinstance(node.value, str) and "{{" in node.value
        return _MARKER.sub(lambda match: _marked(match, scope), node.value) if is_text else node.value
    if node.kind == "name":
        return scope.look_up(node.value)
    if node.kind == "call":
        return _called(node, scope)
    if node.kind == "tuple":
        return [evaluate(part, scope) for part in node.parts]
    if node.kind in ("&&", "||"):
        left = truth(evaluate(node.parts[0], scope))
        return left if left == (node.kind == "||") else truth(evaluate(node.parts[1], scope))
    if node.kind == "?":
        return evaluate(node.parts[1 if truth(evaluate(node.parts[0], scope)) else 2], scope)
    values = [evaluate(part, scope) for part in node.parts]
    if node.kind == "not":
        return not truth(values[0])
    if node.kind == "minus":
        return -_number(values[0])
    return _operate(node.kind, values[0], values[1], scope)


def _marked(match: re.Match[str], scope: Scope) -> str:
    """What a marker within a literal stands for; one that is no expression stands for itself."""
    try:
        return text_of(evaluate(parse_expression(match.group(1).strip()), scope))
    except TemplateError:
        return match.group()


def _called(node: Node, scope: Scope) -> Any:
    function = scope.functions.get(node.value)
    if function is None:
        raise EvaluationError(f"there is no function {node.value!r}")
    values = [evaluate(part, scope) for part in node.parts]
    scope.steps -= sum(_weight(value) for value in values)
    try:
        return function(*values)
    except EvaluationError:
        raise
    except _FAULTS as error:
        raise EvaluationError(f"{node.value}: {error}") from None


def _operate(word: str, left: Any, right: Any, scope: Scope) -> Any:
    if word in ("==", "!="):
        return _equal(left, right) == (word == "==")
    if word in ("=~", "!~"):
        return bool(scope.functions["regex"](right, left)) == (word == "=~")
    if word == "in":
        return left in (right if isinstance(right, list) else [right])
    if word == "+" and (isinstance(left, str) or isinstance(right, str)):
        return text_of(left) + text_of(right)
    if word in ("<", ">", "<=", ">=") and isinstance(left, str) and isinstance(right, str):
        return _ordered(word, left, right)
    return _computed(word, _number(left), _number(right))


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    if isinstance(left, str) != isinstance(right, str):
        return text_of(left) == text_of(right)
    return bool(left == right)


def _computed(word: str, left: float, right: float) -> Any:
    if word in ("<", ">", "<=", ">="):
        return _ordered(word, left, right)
    if word == "**" and (abs(left) > 2**32 or abs(right) > 64):
        raise EvaluationError("a power is out of bounds")
    try:
        result = {"+": _plus, "-": _minus, "*": _times, "/": _divided, "%": _rest, "**": _power}[word](left, right)
    except ZeroDivisionError:
        raise EvaluationError("a division by zero") from None
    return int(result) if isinstance(result, float) and result.is_integer() else result


def _ordered(word: str, left: Any, right: Any) -> bool:
    if word == "<":
        return bool(left < right)
    if word == ">":
        return bool(left > right)
    return bool(left <= right) if word == "<=" else bool(left >= right)


def _plus(left: float, right: float) -> float:
    return left + right


def _minus(left: float, right: float) -> float:
    return left - right


def _times(left: float, right: float) -> float:
    return left * right


def _divided(left: float, right: float) -> float:
    return left / right


def _rest(left: float, right: float) -> float:
    return left % right


def _power(left: float, right: float) -> float:
    return float(left**right) if left >= 0 else float(left ** int(right))


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise EvaluationError(f"{text_of(value)[:40]!r} is not a number")


def text_of(value: Any) -> str:
    """A value as a template prints it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return "[" + " ".join(text_of(item) for item in value) + "]"
    return "" if value is None else str(value)
