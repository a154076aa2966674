"""Facts from elsewhere: files of other tools, read whole before anything is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from functions.intelligence.model.imports.items import Reading
from functions.intelligence.model.imports.spiderfoot import read_spiderfoot_csv, read_spiderfoot_json
from functions.intelligence.model.imports.stix import read_stix
from functions.intelligence.model.imports.table import read_table

READERS: Final[dict[str, Callable[[bytes, Reading], None]]] = {
    "stix": read_stix,
    "csv": read_table,
    "spiderfoot-csv": read_spiderfoot_csv,
    "spiderfoot-json": read_spiderfoot_json,
}
"""What reads each format into a `Reading`."""
ARCHIVE: Final = "palisade"
"""The format of whole scans (see `imports.archive`), which is read as a stream."""
FORMATS: Final = (*READERS, ARCHIVE)
