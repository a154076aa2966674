"""The operations on what scans came to know: whether it is whole, where it goes, and what all scans know together."""

from __future__ import annotations

from tests.architecture.scenes import Scene, about_facts

KNOWLEDGE: dict[str, Scene] = {
    "GET /scans/{scan_id}/integrity": about_facts("/integrity"),
}
