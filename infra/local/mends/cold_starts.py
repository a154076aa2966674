"""Publishing a version of a SnapStart function starts a worker for it at once.

`_snapstart_provision_version_async` warms every published version, as AWS takes its snapshot. On a laptop a
deploy of forty functions would start forty processes of 60 MB before anything is called. A published version
is therefore active at once, and its worker starts with its first call.
"""

from __future__ import annotations

from typing import Any

from infra.local.mends import part


def apply() -> None:
    """Make a published version active without starting a worker."""
    part("services.lambda_svc")._snapstart_provision_version_async = _activate


def _activate(_name: str, version: dict[str, Any]) -> None:
    version["config"].update(State="Active", StateReason="", StateReasonCode="", LastUpdateStatus="Successful")
