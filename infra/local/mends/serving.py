"""When the emulator serves: what it does by itself calls Lambda functions, and those call the emulator back."""

from __future__ import annotations

import contextlib
import contextvars
import os
import socket
import threading
import time
from collections.abc import Callable

_serving = threading.Event()


def then(act: Callable[[], None]) -> None:
    """Call `act` as soon as the emulator's port answers: now, or from a thread that waits for it."""
    if _serving.is_set():
        act()
        return
    context = contextvars.copy_context()
    threading.Thread(target=lambda: context.run(_wait_and, act), name="palisade-when-serving", daemon=True).start()


def _wait_and(act: Callable[[], None]) -> None:
    port = int(os.environ["GATEWAY_PORT"])
    while not _serving.is_set():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            _serving.set()
        if not _serving.is_set():
            time.sleep(0.02)
    act()
