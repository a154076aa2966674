"""The README's picture of a run: `python -m docs.recording` does what `make run` does, and draws what a terminal shows
of it, as SVG: the scan once while it ran and once at its end. Everything in the picture is that very run's.

It uses the local cloud that the environment names (LOCAL_HOME, PORT, AWS_PORT) and leaves it running.
"""

from __future__ import annotations

import copy
import dataclasses
import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from infra.local import lifecycle
from infra.local.layout import Layout
from infra.local.run import showcase
from infra.local.run.steps import Steps
from palisade import tables
from palisade.errors import PalisadeError
from palisade.picture import Picture

PICTURE = Path(__file__).parent / "images" / "run.svg"
WIDTH = 96
FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'
THEME = TerminalTheme(
    (14, 21, 18),
    (220, 228, 223),
    [
        *((38, 52, 44), (226, 78, 78), (74, 222, 128), (250, 204, 21), (96, 165, 250), (232, 121, 249)),
        *((45, 212, 191), (220, 228, 223)),
    ],
    [
        *((107, 124, 114), (252, 165, 165), (134, 239, 172), (253, 224, 71), (147, 197, 253), (240, 171, 252)),
        *((94, 234, 212), (255, 255, 255)),
    ],
)


class Frames:
    """Keeps the picture of the scan at every look."""

    def __init__(self) -> None:
        self.kept: list[Picture] = []

    def update(self, picture: Picture) -> None:
        """Keep the picture, with its clock stopped."""
        now = picture.now()
        kept = dataclasses.replace(picture, rate=copy.deepcopy(picture.rate), seen=dict(picture.seen), now=lambda: now)
        self.kept.append(kept)

    def busiest(self) -> Picture:
        """The picture in the middle of the wave with the most batches."""
        running = [picture for picture in self.kept if picture.status == "running"]
        return max(running or self.kept, key=lambda picture: (picture.batches[1], _unfinished(picture)))


def record(layout: Layout) -> str:
    """Run, and return the picture."""
    console = Console(record=True, file=io.StringIO(), width=WIDTH, force_terminal=True, color_system="truecolor")
    command = "make run" if layout.port == Layout.port else f"make run PORT={layout.port}"
    console.print(Text.assemble(("\n$ ", "green"), (command, "bold")))
    steps = Steps(Console(file=io.StringIO()))
    with steps:
        lifecycle.up(layout, steps.say)
    frames = Frames()
    with showcase.connect(layout) as client:
        targets = [each["address"] for each in showcase.demo(layout)["targets"]]
        picture, findings = showcase.scan(client, targets, showcase.DEMO_NAME, frames, every=0.05)
        report = showcase.write_report(client, layout, picture.scan["scan_id"])
    console.print(steps, Text(f"✔ The platform is up at {layout.url}\n", style="green"), frames.busiest(), picture, "")
    console.print(tables.findings(findings, brief=True))
    console.print(Text.assemble("Report: ", (f".local/reports/{report.name}", "bold")))
    return _own(console.export_svg(title="Palisade", theme=THEME, unique_id="run"))


def _unfinished(picture: Picture) -> int:
    done, batches = picture.batches
    return -abs(2 * done - batches)


def _own(svg: str) -> str:
    """The picture without the fonts that it would fetch from elsewhere."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"font-family: [^;]+;", f"font-family: {FONTS};", svg)


def main() -> None:
    """Make the picture."""
    PICTURE.parent.mkdir(exist_ok=True)
    try:
        PICTURE.write_text(record(Layout.of_environment()))
    except (*lifecycle.FAILURES, PalisadeError) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
