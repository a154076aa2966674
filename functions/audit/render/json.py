"""The entries as JSON."""

from __future__ import annotations

import json

from functions.audit.render.told import Told


def render_json(told: Told) -> bytes:
    """One object: the period, the filters, and the entries as the API shows them."""
    document = {**told._asdict(), "entries": [entry.model_dump(mode="json") for entry in told.entries]}
    return json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace")
