"""Writes the catalogue of modules that every other context reads: `python -m functions.collection.catalogue`."""

from __future__ import annotations

import json
from pathlib import Path

from functions.collection.modules import all_modules, describe

PATH = Path(__file__).parents[2] / "layers" / "kernel" / "python" / "contracts" / "catalogue.json"


def rendered() -> str:
    """The catalogue as it belongs into the file."""
    faces = [describe(module).model_dump(mode="json") for module in all_modules().values()]
    return json.dumps(faces, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write the file."""
    PATH.write_text(rendered())


if __name__ == "__main__":
    main()
