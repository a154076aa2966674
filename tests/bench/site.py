"""A web site of 1,001 pages on loopback (or of more), in a process of its own: `python -m tests.bench.site [SECTIONS]`
prints its port.

It is made to cost its visitor's time, not its own: every answer is ready before the first question, and the
protocol is what a crawler needs of HTTP/1.1 (GET, keep-alive) and no more.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
SECTIONS = 40
PAGES_OF_SECTION = 24
PAGES = 1 + SECTIONS * (1 + PAGES_OF_SECTION)
"""The first page, its sections, and the pages of each."""
WORDS = "<p>Everything that we make is tested before it leaves the house, and again when it comes back.</p>" * 20
HEADERS = "Content-Type: text/html; charset=utf-8\r\nServer: bench/1.0\r\nX-Content-Type-Options: nosniff\r\n"
ROOT = Path(__file__).resolve().parents[2]


def pages_of(sections: int) -> int:
    """How many pages a site of so many sections has."""
    return 1 + sections * (1 + PAGES_OF_SECTION)


def links(count: int) -> dict[str, list[str]]:
    """Every page's path, and the paths that it links to: down, up, and to the next of its kind."""
    sections = [f"/section/{number}" for number in range(count)]
    found = {"/": sections}
    for number, section in enumerate(sections):
        pages = [f"{section}/page/{page}" for page in range(PAGES_OF_SECTION)]
        found[section] = [*pages, "/", sections[(number + 1) % SECTIONS]]
        for place, page in enumerate(pages):
            found[page] = [section, "/", pages[(place + 1) % len(pages)]]
    return found


def page(path: str, targets: list[str]) -> bytes:
    """A page as it goes over the wire."""
    anchors = "".join(f'<li><a href="{target}">{target}</a></li>' for target in targets)
    form = '<form action="/search" method="get"><input name="q"></form>' if path == "/" else ""
    text = f"<!doctype html><html><head><title>{path}</title></head><body>{WORDS}<ul>{anchors}</ul>{form}</body></html>"
    return _answer("200 OK", text)


def _answer(status: str, text: str) -> bytes:
    body = text.encode()
    return f"HTTP/1.1 {status}\r\n{HEADERS}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answers(sections: int) -> dict[bytes, bytes]:
    """Every page by its path."""
    return {path.encode(): page(path, targets) for path, targets in links(sections).items()}


ANSWERS = answers(int(sys.argv[1]) if __name__ == "__main__" and len(sys.argv) > 1 else SECTIONS)
MISSING = _answer("404 Not Found", "<title>Not found</title>")


class Visitor(asyncio.Protocol):
    """One connection; answers come in the order of the questions."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A visitor has come."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._pending = b""

    def data_received(self, data: bytes) -> None:
        """Answer every whole question; the rest waits for its end."""
        *questions, self._pending = (self._pending + data).split(b"\r\n\r\n")
        for question in questions:
            _, target, _ = question.split(b" ", 2)
            self._transport.write(ANSWERS.get(target.partition(b"?")[0], MISSING))


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Visitor, HOST, 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving(sections: int = SECTIONS) -> Iterator[str]:
    """The site's address, while it serves."""
    command = [sys.executable, "-m", "tests.bench.site", str(sections)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://{HOST}:{int(process.stdout.readline())}/"
    finally:
        process.terminate()
        process.communicate()


if __name__ == "__main__":
    asyncio.run(_serve())
