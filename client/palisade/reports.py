"""Having a report made: asked for, waited for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from palisade import output
from palisade.api import Api
from palisade.errors import ReportFailed

LOOK_EVERY = 0.5


class Format(StrEnum):
    """What a report can be."""

    PDF = "pdf"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


def make(api: Api, scan: str, kind: Format) -> dict[str, Any]:
    """Ask for a report of a scan and wait until it is ready; it has a `download_url` then. Raises ReportFailed."""
    report = api.post("/reports", {"scan_id": scan, "format": kind.value})
    while report["status"] not in ("ready", "failed"):
        time.sleep(LOOK_EVERY)
        report = api.get(f"/reports/{report['report_id']}")
    if report["status"] == "failed":
        raise ReportFailed(f"The report could not be made: {report.get('reason') or 'no reason was given'}.")
    return report if report.get("download_url") else api.get(f"/reports/{report['report_id']}")


@contextlib.contextmanager
def waiting(*, silent: bool) -> Iterator[None]:
    """Show on a terminal that something is being waited for."""
    console = output.err()
    if silent or not console.is_terminal:
        yield
        return
    with console.status("Making the report"):
        yield
