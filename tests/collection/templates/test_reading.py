"""Templates as text: what is read, and what hostile ones come to."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.collection.templates.errors import TemplateError, Unsupported
from functions.collection.templates.parser import parse_template
from functions.collection.templates.reading import MAX_BYTES, read_document

HEAD = "id: one-check\ninfo:\n  name: A check\n  severity: high\n"
MATCHERS = "    matchers:\n      - type: word\n        words: [x]\n"


def simple(block: str) -> str:
    return f"{HEAD}http:\n  - path: ['{{{{BaseURL}}}}/']\n{block}{MATCHERS}"


def test_lines_are_known() -> None:
    document = read_document("a:\n  b:\n    - 1\n    - 2\n")
    assert document.value == {"a": {"b": [1, 2]}}
    assert [document.line(p) for p in ("/a", "/a/b/0", "/a/b/1", "/a/b/1/none")] == [2, 3, 4, 4]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(12)
)


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("", "empty", 0),
        (BOMB, "alias", 2),
        ("[" * 100_000, "deeper than", 1),
        ("- x\n" * 30_000, "more than", 20_000),
        ("x" * (MAX_BYTES + 1), "larger than", 0),
        ("a: 1\na: 2\n", "stands twice", 2),
        ("a: !!python/object/apply:os.system [ls]\n", "tag", 1),
        ("a: !!binary aGk=\n", "tag", 1),
        ("a: 1\n---\nb: 2\n", "one YAML document", 2),
        ("a: 'x\n", "not YAML", 2),
        ("? [a]\n: b\n", "a key must be a word", 1),
        ("a: \x00\n", "not YAML", 0),
        ("a: \ud800\n", "not YAML", 0),
    ],
)
def test_hostile_yaml_is_refused_with_its_place(text: str, reason: str, line: int) -> None:
    began = time.monotonic()
    with pytest.raises(TemplateError, match=reason) as caught:
        parse_template(text)
    assert abs(caught.value.line - line) <= 1
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("text", "pointer", "reason"),
    [
        ("id: 'a b'\ninfo: {name: x}\nhttp: []\n", "/id", "letters"),
        ("id: abc\ninfo: {severity: high}\nhttp: []\n", "/info/name", "text is expected"),
        ("id: abc\ninfo: {name: x}\nhttp: []\n", "", "neither"),
        ("id: abc\ninfo: {name: x, severity: grave}\nhttp: []\n", "/info/severity", "not one of"),
        ("id: abc\ninfo: {name: x}\nhtpp: []\n", "/htpp", "no setting"),
        (simple("    metod: GET\n"), "/http/0/metod", "no setting"),
        (simple("    redirects: maybe\n"), "/http/0/redirects", "true or false"),
        (simple("    method: 'GET / HTTP'\n"), "/http/0/method", "not a method"),
        (f"{HEAD}http:\n  - raw: ['']\n", "/http/0/raw/0", "begins with a method"),
        (f"{HEAD}http:\n  - raw: ['GET / HTTP/1.1\n\n      nonsense']\n", "/http/0/raw/0", "no header"),
        (f"{HEAD}dns:\n  - {{name: x, type: zzz}}\n", "/dns/0/type", "not one of"),
        (f"{HEAD}http:\n  - path: [x]\n    matchers: [{{type: word}}]\n", "/http/0/matchers/0", "lacks 'words'"),
        (f"{HEAD}http:\n  - path: [x]\n    matchers: [{{type: dsl, dsl: ['a &&']}}]\n",
         "/http/0/matchers/0/dsl/0", "value is missing"),
        (f"{HEAD}flow: http(2)\nhttp:\n  - path: [x]\n", "/flow", "no block"),
    ],
)  # fmt: skip
def test_a_fault_names_its_place(text: str, pointer: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason) as caught:
        parse_template(text)
    assert caught.value.pointer == pointer
    assert caught.value.line > 0


@pytest.mark.parametrize(
    ("text", "construct"),
    [
        (f"{HEAD}headless: [x]\n", "headless"),
        (f"{HEAD}code: [x]\n", "code"),
        (f"{HEAD}tcp: [x]\n", "tcp"),
        (simple("    unsafe: true\n"), "unsafe"),
        (simple("    race: true\n"), "race"),
        (simple("    payloads: {a: lists/words.txt}\n"), "payload-file"),
        (HEAD + "dns: [{name: '{{FQDN}}', type: AXFR}]\n", "axfr"),
        (simple("    body: '{{interactsh-url}}'\n"), "interactsh"),
        (simple("    body: '{{generate_java_gadget(\"dns\", \"x\", \"base64\")}}'\n"), "dsl:generate_java_gadget"),
        (f"{HEAD}http:\n  - path: [x]\n    matchers: [{{type: xpath, xpath: [//a]}}]\n", "xpath"),
        (f"{HEAD}http:\n  - path: [x]\n    matchers: [{{type: regex, regex: ['(?=a)b']}}]\n", "regex"),
        (f"{HEAD}http:\n  - path: [x]\n    extractors: [{{type: json, json: ['.a | length']}}]\n", "json"),
        (f"{HEAD}http:\n  - path: [x]\n    matchers: [{{type: word, part: interactsh_protocol, words: [dns]}}]\n",
         "interactsh"),
        (f"{HEAD}flow: 'for (let x of y) {{ http(1) }}'\nhttp:\n  - path: [x]\n", "flow"),
        (f"{HEAD}dns:\n  - {{name: x, class: chaos}}\n", "dns-class"),
        (f"{HEAD}http:\n  - raw: [\"@Host: https://other.example\\nGET / HTTP/1.1\"]\n", "@host"),
    ],
)  # fmt: skip
def test_what_the_subset_leaves_out_is_named(text: str, construct: str) -> None:
    with pytest.raises(Unsupported) as caught:
        parse_template(text)
    assert caught.value.construct == construct


def test_payload_products_are_bounded() -> None:
    numbers = "[" + ",".join(map(str, range(200))) + "]"
    block = f"    attack: clusterbomb\n    payloads:\n      a: {numbers}\n      b: {numbers}\n"
    with pytest.raises(TemplateError, match="combine to 40000 requests"):
        parse_template(simple(block))


def test_a_program_too_large_for_its_pattern_is_refused() -> None:
    with pytest.raises(Unsupported, match="refused"):
        parse_template(
            f"{HEAD}http:\n  - path: [x]\n    matchers: [{{type: regex, regex: ['((a{{999}}){{999}}){{999}}']}}]\n"
        )


@given(st.text(max_size=300))
def test_any_text_is_a_template_or_an_error(text: str) -> None:
    with contextlib.suppress(TemplateError):
        assert parse_template(text).id


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=10,
    ),
    st.sampled_from(["id", "info", "http", "dns", "flow", "variables"]),
)
def test_any_value_anywhere_is_taken_or_refused(value: object, key: str) -> None:
    import yaml

    document = {"id": "abc", "info": {"name": "x"}, "http": [{"path": ["/"]}]}
    text = yaml.safe_dump({**document, key: value}, allow_unicode=True)
    with contextlib.suppress(TemplateError):
        assert parse_template(text).id
