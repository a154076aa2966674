"""What an API door must not import to start: it is needed by few requests, or by none. `make bench` says what that
saves; this says what has come back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOORS = sorted(file.parent.name for file in (ROOT / "functions").glob("*/__init__.py") if any(file.parent.glob("api*")))
LATER = {
    "aiohttp", "boto3", "botocore.session", "cronsim", "cryptography", "dns", "jsonschema", "jwt", "lark",
    "pydantic.v1", "re2", "reportlab", "rustworkx", "scim2_models", "selectolax", "xlsxwriter", "yaml",
}  # fmt: skip
PROGRAM = "import sys, json; import functions.{0}.api; print(json.dumps(sorted(set({1}) & set(sys.modules))))"


@pytest.mark.parametrize("room", DOORS)
def test_a_door_starts_without_what_its_first_answer_does_not_need(room: str) -> None:
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/kernel/python'}", "TABLE_NAME": "t", "FACTS_BUCKET": "b"}
    command = [sys.executable, "-c", PROGRAM.format(room, sorted(LATER))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
