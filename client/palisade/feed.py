"""News of a scan, pushed over the WebSocket and received by a thread of its own."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from typing import Literal, Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from palisade.transport import is_loopback

AGAIN_AFTER = 5.0
"""Seconds before a connection that ended, or could not be made, is tried again."""
OPENS_WITHIN = 5.0
CLOSES_WITHIN = 1.0


class Feed:
    """Says when something happened to a topic. It stays silent where the platform cannot push: whoever waits for it
    must look now and then anyway."""

    def __init__(self, address: Callable[[], str], topic: str) -> None:
        self._address = address
        self._topic = topic
        self._news = threading.Event()
        self._stop = threading.Event()
        self._socket: ClientConnection | None = None
        self._thread = threading.Thread(target=self._receive, name="feed", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._stop.set()
        if (socket := self._socket) is not None:
            socket.close()
        self._thread.join(OPENS_WITHIN + CLOSES_WITHIN)

    def wait(self, seconds: float) -> bool:
        """Wait for news, at most so long; whether there was any."""
        found = self._news.wait(seconds)
        self._news.clear()
        return found

    def _receive(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError, WebSocketException):
                self._listen()
            self._stop.wait(AGAIN_AFTER)

    def _listen(self) -> None:
        address = self._address()
        proxy: Literal[True] | None = None if is_loopback(address) else True
        with connect(address, open_timeout=OPENS_WITHIN, close_timeout=CLOSES_WITHIN, proxy=proxy) as socket:
            self._socket = socket
            socket.send(json.dumps({"action": "subscribe", "topic": self._topic}))
            while not self._stop.is_set():
                socket.recv()
                self._news.set()
