"""The reference of modules tells of every module, and of nothing else."""

from __future__ import annotations

from functions.collection.modules import describe, shipped_modules
from infra.module_reference import FOLDER, checks_of, pages


def test_every_module_has_a_page_and_no_page_is_left_over() -> None:
    names = {path.stem for path in pages()}
    assert names == set(shipped_modules()) | {"README"}
    assert {path.stem for path in FOLDER.glob("*.md")} == names


def test_a_page_tells_what_the_face_says() -> None:
    texts = {path.stem: text for path, text in pages().items()}
    for name, module in shipped_modules().items():
        face = describe(module)
        assert f"[{name}]({name}.md)" in texts["README"]
        assert face.version in texts[name]
        assert all(f"`{setting}`" in texts[name] for setting in face.config_schema.get("properties", {}))
        assert all(f"`{check.id}`" in texts[name] for check in checks_of(module))


def test_checks_are_found_wherever_a_module_keeps_them() -> None:
    modules = shipped_modules()
    assert len(checks_of(modules["aws_posture"])) >= 20
    assert {"exposed-git", "directory-listing"} <= {check.id for check in checks_of(modules["exposed_files"])}
    assert any(check.id.startswith("template-") for check in checks_of(modules["templates"]))


def test_secrets_have_no_default_in_print() -> None:
    assert all("**********" not in text for text in pages().values())
