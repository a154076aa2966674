"""The graph picture: a spring layout drawn as vectors, with a legend."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

import rustworkx
from reportlab.lib.colors import white
from reportlab.platypus import Flowable, PageBreak, Spacer

from contracts.findings import SEVERITY_ORDER
from contracts.reports import GraphNode, ReportGraph
from functions.reports.model import ReportData
from functions.reports.narrative import plural
from functions.reports.render.pdf import style
from functions.reports.render.pdf.fonts import STRONG, TEXT
from functions.reports.render.pdf.parts import Content, section
from functions.reports.render.pdf.text import draw_line, line_width, paragraph, visible

MAX_NODES: Final = 180
MAX_LABELS: Final = 28
MAX_LABEL: Final = 34
SEED: Final = 7
ITERATIONS: Final = 250
HEIGHT: Final = 470.0

Places = dict[str, tuple[float, float]]


def picture(data: ReportData) -> Content:
    """The chapter with the graph; says what is left out."""
    graph = capped(data.graph)
    content: Content = [*section("graph", "Map of what was found")]
    if not graph.nodes:
        return [*content, paragraph("The scan found no entities to draw.", style.LEAD), PageBreak()]
    words = (
        "Each point is an entity, each line a relation that the scan observed. Large points are at risk, "
        "in the colour of their severity around the rim."
    )
    content += [paragraph(words, style.NORMAL), GraphPicture(graph), Legend(graph), Spacer(1, 4)]
    if graph.nodes_left_out or graph.edges_left_out:
        left = f"{plural(graph.nodes_left_out, 'entity').replace('entitys', 'entities')} and "
        left += f"{plural(graph.edges_left_out, 'relation')} of lesser weight are left out of this picture."
        content.append(paragraph(left, style.SMALL_MUTED))
    return [*content, PageBreak()]


def capped(graph: ReportGraph) -> ReportGraph:
    """The graph with at most `MAX_NODES` nodes: the riskiest and best connected, counted what is left out."""
    degrees = _degrees(graph)
    worst = len(SEVERITY_ORDER)
    ranked = sorted(graph.nodes, key=lambda node: (SEVERITY_ORDER.get(node.risk, worst), -degrees[node.id], node.id))
    kept = {node.id for node in ranked[:MAX_NODES]}
    edges = tuple(edge for edge in graph.edges if edge.source in kept and edge.target in kept)
    return ReportGraph(
        nodes=tuple(node for node in graph.nodes if node.id in kept),
        edges=edges,
        nodes_left_out=graph.nodes_left_out + len(graph.nodes) - len(kept),
        edges_left_out=graph.edges_left_out + len(graph.edges) - len(edges),
    )


def places(graph: ReportGraph, width: float, height: float, border: float) -> Places:
    """Where each node lies in a frame, by a spring layout (Fruchterman and Reingold, 1991); the same every time."""
    built: rustworkx.PyGraph[str, None] = rustworkx.PyGraph()
    numbers = {node.id: built.add_node(node.id) for node in graph.nodes}
    built.add_edges_from_no_data([(numbers[edge.source], numbers[edge.target]) for edge in graph.edges])
    layout = rustworkx.spring_layout(built, seed=SEED, num_iter=ITERATIONS, k=1.6 / max(1.0, len(numbers) ** 0.5))
    points = {name: layout[number] for name, number in numbers.items()}
    across = _scale([point[0] for point in points.values()], width, border)
    along = _scale([point[1] for point in points.values()], height, border)
    return {name: (across(point[0]), along(point[1])) for name, point in points.items()}


class _Axis:
    """Maps one coordinate into the frame, by rank and by distance half each, so that clusters open up."""

    def __init__(self, values: list[float], length: float, border: float) -> None:
        self._low, self._high = min(values), max(values)
        self._order = {value: rank for rank, value in enumerate(sorted(set(values)))}
        self._length, self._border = length, border

    def __call__(self, value: float) -> float:
        if self._high == self._low:
            return self._length / 2
        linear = (value - self._low) / (self._high - self._low)
        ranked = self._order[value] / max(1, len(self._order) - 1)
        return self._border + (self._length - 2 * self._border) * (0.45 * linear + 0.55 * ranked)


def _scale(values: list[float], length: float, border: float) -> _Axis:
    return _Axis(values, length, border)


class GraphPicture(Flowable):
    """The drawn graph."""

    def __init__(self, graph: ReportGraph) -> None:
        super().__init__()
        self.graph = graph
        self.width, self.height = style.WIDTH, HEIGHT

    def draw(self) -> None:
        """Draw background, edges, nodes and the labels of the weightiest."""
        where = places(self.graph, self.width, self.height, 26)
        self._background()
        for edge in self.graph.edges:
            self._edge(where[edge.source], where[edge.target])
        degrees = _degrees(self.graph)
        for node in self.graph.nodes:
            self._node(node, where[node.id], degrees[node.id])
        self._labels(where, degrees)

    def _background(self) -> None:
        self.canv.setFillColor(style.TINT)
        self.canv.roundRect(0, 0, self.width, self.height, 6, stroke=0, fill=1)

    def _edge(self, one: tuple[float, float], other: tuple[float, float]) -> None:
        self.canv.setStrokeColor(style.OTHER_TYPE)
        self.canv.setLineWidth(0.45)
        self.canv.line(*one, *other)

    def _node(self, node: GraphNode, at: tuple[float, float], degree: int) -> None:
        radius = _radius(node, degree)
        self.canv.setFillColor(style.TYPE.get(node.type, style.OTHER_TYPE))
        self.canv.setStrokeColor(style.SEVERITY.get(node.risk, white))
        self.canv.setLineWidth(1.8 if node.risk in style.SEVERITY else 0.8)
        self.canv.circle(*at, radius, stroke=1, fill=1)

    def _labels(self, where: Places, degrees: Counter[str]) -> None:
        worst = len(SEVERITY_ORDER)
        ranked = sorted(
            self.graph.nodes, key=lambda node: (-degrees[node.id], SEVERITY_ORDER.get(node.risk, worst), node.id)
        )
        taken: list[tuple[float, float, float]] = []
        for node in ranked:
            if len(taken) == MAX_LABELS:
                break
            self._label(node, where[node.id], _radius(node, degrees[node.id]), taken)

    def _label(
        self, node: GraphNode, at: tuple[float, float], radius: float, taken: list[tuple[float, float, float]]
    ) -> None:
        text = _short(node.label)
        wide = line_width(text, STRONG, 6.6)
        left = min(max(4.0, at[0] - wide / 2), self.width - wide - 4)
        low = at[1] + radius + 2.5 if at[1] + radius < self.height - 14 else at[1] - radius - 8
        if any(abs(low - y) < 8.5 and left < x + w + 3 and x < left + wide + 3 for x, y, w in taken):
            return
        taken.append((left, low, wide))
        self.canv.setFillColor(white)
        self.canv.setFillAlpha(0.82)
        self.canv.roundRect(left - 2, low - 1.8, wide + 4, 8.4, 2, stroke=0, fill=1)
        self.canv.setFillAlpha(1)
        self.canv.setFillColor(style.INK)
        draw_line(self.canv, left, low, text, STRONG, 6.6)


class Legend(Flowable):
    """What the colours of the graph stand for, with how many of each are drawn."""

    COLUMNS: Final = 5
    LINE: Final = 14.0

    def __init__(self, graph: ReportGraph) -> None:
        super().__init__()
        self.types = Counter(node.type for node in graph.nodes).most_common()
        self.width = style.WIDTH
        self.height = self.LINE * (-(-len(self.types) // self.COLUMNS)) + 8

    def draw(self) -> None:
        """Draw a dot and a word for each type."""
        for number, (type_, count) in enumerate(self.types):
            x = number % self.COLUMNS * self.width / self.COLUMNS
            y = self.height - 8 - self.LINE * (number // self.COLUMNS + 0.5)
            self.canv.setFillColor(style.TYPE.get(type_, style.OTHER_TYPE))
            self.canv.circle(x + 5, y + 2.6, 3.4, stroke=0, fill=1)
            self.canv.setFillColor(style.BODY)
            draw_line(self.canv, x + 13, y, f"{_short(type_.replace('_', ' '))} ({count:,})", TEXT, 8.4)


def _degrees(graph: ReportGraph) -> Counter[str]:
    return Counter(end for edge in graph.edges for end in (edge.source, edge.target))


def _radius(node: GraphNode, degree: int) -> float:
    return min(9.0, 2.8 + 0.55 * math.sqrt(degree)) + (1.8 if node.risk in ("critical", "high") else 0.0)


def _short(label: str) -> str:
    text = visible(label).replace("\n", " ")
    return text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…"
