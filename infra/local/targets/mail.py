"""A mail server without encryption that tells who it is and takes mail for nobody."""

from __future__ import annotations

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP

from infra.local.targets.zone import ZONE


class Refusing:
    """Refuses every recipient, so that nothing is ever relayed or kept."""

    async def handle_RCPT(self, *conversation: Any) -> str:  # noqa: N802 - the library's interface
        """Say no."""
        _server, _session, _envelope, address, _options = conversation
        return f"550 relaying of mail to {address} is denied"


def protocol() -> asyncio.Protocol:
    """One conversation. No STARTTLS is offered."""
    server: asyncio.Protocol = SMTP(Refusing(), hostname=f"mail.{ZONE}", ident="ESMTP Exim 4.92", timeout=60)
    return server
