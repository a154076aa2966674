"""Where the running demo targets listen, as they wrote it down (see `infra.local.targets`)."""

from __future__ import annotations

import contextlib
import json

from infra.local.layout import Layout

NAMESERVERS, TARGETS = "nameservers", "targets.json"


def forget(layout: Layout) -> None:
    """Remove what targets that were killed have left, so that what is read next is true."""
    for name in (NAMESERVERS, TARGETS):
        (layout.targets / name).unlink(missing_ok=True)


def listed(layout: Layout) -> list[dict[str, str]] | None:
    """The targets as `[{name, kind, address}]`; None while they do not serve."""
    with contextlib.suppress(OSError, ValueError):
        found: list[dict[str, str]] = json.loads((layout.targets / TARGETS).read_text())
        return found
    return None


def settings(layout: Layout) -> dict[str, str]:
    """What the stage must know of this machine: the platform's own ports, and who answers for the demo's zone.

    Raises `OSError` while the targets do not serve.
    """
    nameservers = layout.nameservers or (layout.targets / NAMESERVERS).read_text().strip()
    return {"OWN_PORTS": f"{layout.port},{layout.aws_port}", "NAMESERVERS": nameservers}
