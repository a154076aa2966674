"""Draws the README's picture of the architecture: `python -m docs.architecture` writes docs/images/architecture.svg."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

OUTPUT = Path(__file__).parent / "images" / "architecture.svg"
WIDTH, HEIGHT = 1080, 590
CONTEXTS = (
    *("identity", "organizations", "modules", "scans", "collection", "intelligence", "findings"),
    *("reports", "notifications", "webhooks", "realtime", "audit", "monitoring"),
)
STYLE = """
  .paper { fill: #f7f9fb }
  .box { fill: #fff; stroke: #b9c5d1; stroke-width: 1.2 }
  .deep { fill: #14213d; stroke: none }
  .room { fill: #e6f2ee; stroke: #0b6e4f }
  .aws { fill: #fff4e0; stroke: #c8811a }
  .line { fill: none; stroke: #5b6877; stroke-width: 1.4 }
  text { font: 14px system-ui, sans-serif; fill: #16202c }
  .title { font-weight: 600 }
  .small { font-size: 12px; fill: #4d5a68 }
  .light { fill: #fff }
"""


@dataclass(frozen=True)
class Box:
    """A box with a title and lines of small text."""

    x: int
    y: int
    width: int
    height: int
    title: str
    lines: tuple[str, ...] = ()
    look: str = "box"

    def draw(self) -> str:
        """The box as SVG."""
        light = " light" if self.look == "deep" else ""
        place = f'x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}"'
        parts = [f'<rect class="box {self.look}" {place} rx="8"/>']
        parts.append(_text(self.x + 14, self.y + 24, self.title, f"title{light}"))
        parts += [_text(self.x + 14, self.y + 44 + 17 * n, line, f"small{light}") for n, line in enumerate(self.lines)]
        return "".join(parts)


BOXES = (
    Box(30, 40, 170, 76, "People and scripts", ("palisade (CLI)", "browser, API clients")),
    Box(
        250,
        40,
        580,
        76,
        "Edge: CloudFront and WAF",
        ("/ web app · /api/* HTTP API · /ws WebSocket API", "on a laptop: one front door on localhost:8080"),
        "aws",
    ),
    Box(880, 40, 170, 76, "Cognito", ("log-in, tokens; claims by", "our trigger"), "aws"),
    Box(250, 146, 580, 42, "Authorizer → one FastAPI room per context (Lambda, SnapStart)", look="deep"),
    Box(
        30,
        330,
        220,
        112,
        "DynamoDB: one table",
        ("key begins with the tenant", "state + events + answer in", "one transaction (outbox)"),
        "aws",
    ),
    Box(
        280,
        330,
        220,
        112,
        "Stream → EventBridge",
        ("queue + dead-letter queue", "per consumer; each event", "takes effect once"),
        "aws",
    ),
    Box(
        530,
        330,
        250,
        112,
        "Step Functions",
        ("gate → plan → batches → reduce", "→ findings, wave after wave;", "parks on pause, resumes anywhere"),
        "aws",
    ),
    Box(
        810,
        330,
        240,
        112,
        "S3: facts and reports",
        ("immutable segments, manifests,", "graph, documents", "under tenants/{tenant}/"),
        "aws",
    ),
    Box(
        30,
        480,
        1020,
        76,
        "The world outside",
        (
            "targets of scans and partners' webhooks, reached only through the outbound client: "
            "checked addresses, bounded answers, in scope",
        ),
    ),
)
ARROWS = (
    "M200 78 H246",
    "M830 78 H876",
    "M540 116 V142",
    "M540 188 V218",
    "M140 306 V326",
    "M250 386 H276",
    "M655 306 V326",
    "M780 386 H806",
    "M655 442 V476",
)


def _text(x: int, y: int, text: str, look: str) -> str:
    return f'<text class="{look}" x="{x}" y="{y}">{escape(text)}</text>'


def _rooms() -> str:
    parts = []
    for number, name in enumerate(CONTEXTS):
        x, y = 30 + (number % 7) * 146, 224 + (number // 7) * 42
        parts.append(f'<rect class="box room" x="{x}" y="{y}" width="136" height="34" rx="6"/>')
        parts.append(_text(x + 12, y + 22, name, ""))
    return "".join(parts)


def drawn() -> str:
    """The whole picture."""
    tip = '<path d="M0 0 L8 4 L0 8 z" fill="#5b6877"/>'
    size = 'viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
    marker = f'<marker id="tip" {size} orient="auto">{tip}</marker>'
    arrows = "".join(f'<path class="line" d="{path}" marker-end="url(#tip)"/>' for path in ARROWS)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="The architecture of Palisade"><style>{STYLE}</style><defs>{marker}</defs>'
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="12"/>'
        f"{''.join(box.draw() for box in BOXES)}{_rooms()}{arrows}</svg>\n"
    )


if __name__ == "__main__":
    OUTPUT.write_text(drawn())
