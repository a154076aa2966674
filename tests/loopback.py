"""Small web servers on loopback, for what a test serves of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Page(BaseHTTPRequestHandler):
    """Says nothing on stderr."""

    def give(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer; `content_type="text/html"` is the header Content-Type."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        with suppress(ConnectionError):  # who stops a scan hangs up in the middle of a page
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nobody reads it."""


@contextmanager
def serving(page: type[Page]) -> Iterator[str]:
    """A server's address, without a slash at its end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), page)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
