"""Lists of payloads that lie beside a template are written out in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.collection.templates.errors import Unsupported
from functions.collection.templates.parser import parse_template
from palisade.wordlists import MAX_BYTES, with_wordlists
from tests.client.conftest import Palisade
from tests.client.platform import Platform

TEMPLATE = """id: tries-words
info: {name: Tries words, severity: low}
http:
  - raw:
      - |
        GET /{{word}}?file: helpers/words.txt HTTP/1.1
        Host: {{Hostname}}
    payloads:
      # words.txt: as it lies there
      word: helpers/words.txt # a list
      other:
        - helpers/words.txt
    attack: clusterbomb
    matchers: [{type: word, words: [x]}]
"""
WORDS = 'admin\n\n"quoted": {{randstr}}\n- ünïcode #1\n'


def folder_with(folder: Path, words: str = WORDS) -> Path:
    below = folder / "http" / "cves"
    below.mkdir(parents=True)
    (folder / "helpers").mkdir()
    (folder / "helpers" / "words.txt").write_text(words)
    return below


def test_a_list_above_the_template_is_written_out_word_for_word(tmp_path: Path) -> None:
    template = parse_template(with_wordlists(TEMPLATE, folder_with(tmp_path)))
    assert template.http[0].payloads.values == {
        "word": ("admin", '"quoted": {{randstr}}', "- ünïcode #1"),
        "other": ("helpers/words.txt",),
    }
    assert template.http[0].requests[0].path.source == "/{{word}}?file: helpers/words.txt"


def test_what_lies_hidden_is_no_list(tmp_path: Path) -> None:
    below = folder_with(tmp_path)
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text("a key")
    text = TEMPLATE.replace("word: helpers/words.txt", "word: .docker/config.json")
    assert with_wordlists(text, below) == text


@pytest.mark.parametrize("name", ["nowhere.txt", "../helpers/words.txt", "/etc/hostname.txt"])
def test_what_is_not_found_stays_and_is_refused_by_name(tmp_path: Path, name: str) -> None:
    text = TEMPLATE.replace("word: helpers/words.txt", f"word: {name}")
    assert with_wordlists(text, folder_with(tmp_path)) == text
    with pytest.raises(Unsupported, match="payload-file"):
        parse_template(text)


def test_a_list_that_is_too_long_for_a_template_stays_a_name(tmp_path: Path) -> None:
    assert with_wordlists(TEMPLATE, folder_with(tmp_path, "word\n" * MAX_BYTES)) == TEMPLATE


def test_a_file_named_elsewhere_is_left_alone(tmp_path: Path) -> None:
    text = "id: x\nhttp:\n  - path: ['/']\n    payloads:\n      a: [1]\n    body: helpers/words.txt\n"
    assert with_wordlists(text, folder_with(tmp_path)) == text


def test_the_module_is_written_with_its_lists(logged_in: Platform, palisade: Palisade, tmp_path: Path) -> None:
    file = folder_with(tmp_path) / "tries.yaml"
    file.write_text(TEMPLATE)
    logged_in.answer("POST /templates", {"name": "own_tries_words", "active": "1.0.0"})
    assert "own_tries_words 1.0.0 runs" in palisade("modules", "write", str(file)).out
    assert '      - "admin"' in logged_in.calls[-1].body["template"]
