"""Rule files that are wrong: the error names the file, the key and the reason."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from functions.intelligence.errors import RuleError
from functions.intelligence.model.correlation.engine import compile_rules
from tests.intelligence.test_correlation import HOST, collect, rule


def _error(text: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        compile_rules({"bad.yaml": text})
    assert caught.value.file == "bad.yaml"
    assert "bad.yaml" in caught.value.detail
    assert caught.value.status == 422
    return caught.value


@pytest.mark.parametrize(
    ("parts", "key", "reason"),
    [
        ({}, "collections", "required"),
        ({"collections": []}, "collections", "at least 1"),
        ({"collections": [{}]}, "collections.0", "either collect or path"),
        ({"collections": [collect(("equals", "type", "host"))]}, "collections.0.collect.0.method", "exact"),
        ({"collections": [collect(("exact", "colour", "red"))]}, "collections.0.collect.0.field", "match"),
        ({"collections": [collect(("exact", "data", {}))]}, "collections.0.collect.0.value.0", "string"),
        ({"collections": [collect(("regex", "data", "(a"))]}, "collections.0.collect.0.value", "missing )"),
        ({"collections": [collect(("regex", "data", "(?=a)"))]}, "collections.0.collect.0.value", "look-around"),
        ({"collections": [collect(("regex", "type", "["))]}, "collections.0.collect.0.value", "missing ]"),
        ({"collections": [collect(("at_least", "confidence", "much"))]}, "collections.0.collect.0.value", "number"),
        ({"collections": [HOST], "analysis": [{"method": "outlier"}]}, "analysis.0", "maximum_percent"),
        ({"collections": [HOST], "analysis": [{"method": "guess"}]}, "analysis.0.method", "threshold"),
        ({"collections": [HOST], "colour": 1}, "colour", "not permitted"),
        ({"collections": [HOST], "version": 2}, "version", "1"),
        ({"collections": [HOST], "id": "a b"}, "id", "match"),
        ({"collections": [HOST], "confidence": 0}, "confidence", "greater than 0"),
        ({"collections": [HOST], "meta": {"name": "a", "description": "b", "risk": "BAD"}}, "meta.risk", "CRITICAL"),
        ({"collections": [{"path": [{"type": "host"}]}]}, "collections.0.path", "at least 2"),
    ],
)
def test_a_malformed_rule_says_where_and_why(parts: dict[str, Any], key: str, reason: str) -> None:
    error = _error(yaml.safe_dump(rule(**parts)))
    assert error.key == key
    assert reason in error.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "mapping"),
        ("- a", "mapping"),
        ("a: [", "flow"),
        ("a: 1\na: 2", "repeated"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("a: !!python/object/apply:os.system [id]", "python/object"),
        ("a: \x00", "special characters"),
        ("[" * 5000, "RecursionError"),
        ("a: " + "x" * 70_000, "larger than"),
    ],
)
def test_a_file_that_is_no_rule_says_so(text: str, reason: str) -> None:
    assert reason in _error(text).reason


def test_two_rules_cannot_share_an_id_and_a_disabled_one_is_left_out() -> None:
    text = yaml.safe_dump(rule(collections=[HOST]))
    with pytest.raises(RuleError, match="another rule"):
        compile_rules({"a.yaml": text, "b.yaml": text})
    assert compile_rules({"a.yaml": yaml.safe_dump(rule(collections=[HOST], enabled=False))}).rules == ()


@given(st.text(max_size=200))
def test_any_text_is_a_rule_or_a_rule_error(text: str) -> None:
    with pytest.raises(RuleError):
        compile_rules({"x.yaml": text})


@given(st.text(max_size=60))
def test_any_pattern_compiles_or_is_a_rule_error(pattern: str) -> None:
    with contextlib.suppress(RuleError):
        compile_rules({"x.yaml": yaml.safe_dump(rule(collections=[collect(("regex", "data", pattern))]))})
