"""The reference of rules tells of every rule, and of nothing else."""

from __future__ import annotations

from functions.intelligence.model.correlation.builtin import builtin_rules
from infra.rule_reference import FOLDER, pages


def test_every_rule_is_in_the_index_and_on_the_page_of_its_risk() -> None:
    texts = {path.stem: text for path, text in pages().items()}
    for compiled in builtin_rules().rules:
        rule = compiled.rule
        risk = rule.meta.risk.lower()
        assert f"[{rule.id}]({risk}.md#{rule.id})" in texts["README"]
        assert f"## {rule.id}\n" in texts[risk]
        assert all(control in texts[risk] for control in rule.controls)


def test_no_page_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("*.md")} == {path.name for path in pages()}
