"""Mermaid flowcharts as SVG, without Mermaid's script: a layered layout from top to bottom (Sugiyama et al. 1981).

What the pages of this project use is understood: `flowchart TB`, nodes `name["label<br>second line"]`, and edges
`a --> b`, `a -->|label| b` and chains of them. The direction is always from top to bottom, which fits a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape, unescape
from itertools import pairwise

_ARROW = re.compile(r"\s*-->(?:\|([^|]*)\|)?\s*")
_NODE = re.compile(r'^(\w+)(?:\["(.*)"\])?$')
_CHARACTER, _LINE, _PADDING, _GAP, _BETWEEN_RANKS = 6.6, 16.0, 9.0, 22.0, 44.0  # px
_SWEEPS = 24


@dataclass
class Node:
    """A box, or, where it has no lines, a point that an edge over several ranks passes."""

    lines: list[str]
    rank: int = 0
    x: float = 0.0
    y: float = 0.0

    @property
    def width(self) -> float:
        """Width in px."""
        return max(len(line) for line in self.lines) * _CHARACTER + 2 * _PADDING if self.lines else 6.0

    @property
    def height(self) -> float:
        """Height in px."""
        return len(self.lines) * _LINE + 2 * _PADDING if self.lines else 0.0


@dataclass
class Chart:
    """A flowchart: nodes by name, edges (from, to, label), and the names of each rank from left to right."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str, str]] = field(default_factory=list)
    ranks: list[list[str]] = field(default_factory=list)
    paths: list[list[str]] = field(default_factory=list)  # of each edge, the names that it passes


def parse(text: str) -> Chart:
    """Return the nodes and edges of a flowchart.

    Raises
    ------
    ValueError
        If a line is not understood, or the edges have a circle.
    """
    chart = Chart()
    first, *lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not first.startswith("flowchart"):
        raise ValueError(f"a diagram must begin with `flowchart`, got {first!r}")
    for line in lines:
        parts = _ARROW.split(line)
        names = [_name(part, chart, line) for part in parts[::2]]
        for (one, other), label in zip(pairwise(names), parts[1::2], strict=True):
            chart.edges.append((one, other, label or ""))
    for _ in chart.nodes:
        for one, other, _label in chart.edges:
            chart.nodes[other].rank = max(chart.nodes[other].rank, chart.nodes[one].rank + 1)
    if any(chart.nodes[one].rank >= chart.nodes[other].rank for one, other, _ in chart.edges):
        raise ValueError("the edges of a diagram have a circle")
    return chart


def _name(part: str, chart: Chart, line: str) -> str:
    found = _NODE.match(part)
    if found is None:
        raise ValueError(f"a line of a diagram is not understood: {line!r}")
    name, label = found.groups()
    if name not in chart.nodes or label is not None:
        chart.nodes[name] = Node([unescape(each) for each in (label or name).split("<br>")])
    return name


def laid_out(chart: Chart) -> Chart:
    """Give every node its place: ranks from top to bottom, few crossings, each node near those it is joined to."""
    joined = _with_points(chart)
    depth = 1 + max(node.rank for node in chart.nodes.values())
    chart.ranks = [[name for name, node in chart.nodes.items() if node.rank == rank] for rank in range(depth)]
    for sweep in range(_SWEEPS):
        for rank in chart.ranks if sweep % 2 else chart.ranks[::-1]:
            _place(rank, chart, joined, side=-1 if sweep % 2 else 1)
    for _ in range(_SWEEPS):
        for rank in chart.ranks:
            _place(rank, chart, joined, side=0)
    left = min(node.x - node.width / 2 for node in chart.nodes.values())
    top = 0.0
    for rank in chart.ranks:
        height = max(chart.nodes[name].height for name in rank)
        for name in rank:
            chart.nodes[name].x -= left
            chart.nodes[name].y = top + height / 2
        top += height + _BETWEEN_RANKS
    return chart


def _with_points(chart: Chart) -> dict[str, list[str]]:
    """Add the points that long edges pass, and return the neighbors of every node."""
    joined: dict[str, list[str]] = {name: [] for name in chart.nodes}
    for number, (one, other, _) in enumerate(chart.edges):
        path = [one]
        for rank in range(chart.nodes[one].rank + 1, chart.nodes[other].rank):
            path.append(f"{number}:{rank}")
            chart.nodes[path[-1]] = Node([], rank)
            joined[path[-1]] = []
        path.append(other)
        chart.paths.append(path)
        for before, after in pairwise(path):
            joined[before].append(after)
            joined[after].append(before)
    return joined


def _place(rank: list[str], chart: Chart, joined: dict[str, list[str]], side: int) -> None:
    """Move the nodes of a rank to the middle of their neighbors: those below (1), those above (-1), or all (0)."""
    wanted = {}
    for name in rank:
        own = chart.nodes[name]
        near = [chart.nodes[other] for other in joined[name]]
        near = [node for node in near if side == 0 or (node.rank - own.rank) * side > 0]
        wanted[name] = sum(node.x for node in near) / len(near) if near else own.x
    if side:
        rank.sort(key=lambda name: wanted[name])
    _spread([chart.nodes[name] for name in rank], [wanted[name] for name in rank])


def _spread(nodes: list[Node], wanted: list[float]) -> None:
    """Place nodes from left to right, near the wanted places, without overlap; nodes that touch move together."""
    blocks: list[tuple[float, float, list[tuple[Node, float]]]] = []  # start, width, members with their places
    for node, x in zip(nodes, wanted, strict=True):
        size = node.width + _GAP
        start, width, members = x - size / 2, size, [(node, size / 2)]
        while blocks and blocks[-1][0] + blocks[-1][1] > start:
            before, wide, others = blocks.pop()
            start = (before * len(others) + (start - wide) * len(members)) / (len(others) + len(members))
            members = others + [(each, wide + at) for each, at in members]
            width += wide
        blocks.append((start, width, members))
    for start, _, members in blocks:
        for node, at in members:
            node.x = start + at


def svg(text: str) -> str:
    """Return a flowchart as an SVG that takes its color from the page."""
    chart = laid_out(parse(text))
    width = max(node.x + node.width / 2 for node in chart.nodes.values()) + 2
    height = max(node.y + node.height / 2 for node in chart.nodes.values()) + 2
    lines = [
        f'<svg class="flowchart" role="img" viewBox="-1 -1 {width:.0f} {height:.0f}" style="max-width: {width:.0f}px">',
        f"<title>{escape('; '.join(f'{one} to {other}' for one, other, _ in chart.edges))}</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path d="M0 0 8 4 0 8z" fill="currentColor"/></marker></defs>',
        *_edges(chart),
        *_boxes(chart),
        "</svg>",
    ]
    return "\n".join(lines)


def _edges(chart: Chart) -> Iterator[str]:
    for (_, _, label), path in zip(chart.edges, chart.paths, strict=True):
        nodes = [chart.nodes[name] for name in path]
        at = (nodes[0].x, nodes[0].y + nodes[0].height / 2)
        curve = f"M{at[0]:.1f} {at[1]:.1f}"
        for node in nodes[1:]:
            to = (node.x, node.y - node.height / 2)
            middle = (at[1] + to[1]) / 2
            curve += f"C{at[0]:.1f} {middle:.1f} {to[0]:.1f} {middle:.1f} {to[0]:.1f} {to[1]:.1f}"
            at = to
        yield f'<path class="edge" d="{curve}" marker-end="url(#tip)"/>'
        if label:
            end = nodes[1]
            x, y = (nodes[0].x + end.x) / 2, (nodes[0].y + nodes[0].height / 2 + end.y - end.height / 2) / 2
            yield f'<text class="label" x="{x:.1f}" y="{y + 4:.1f}">{escape(label)}</text>'


def _boxes(chart: Chart) -> Iterator[str]:
    for node in chart.nodes.values():
        if not node.lines:
            continue
        x, y = node.x - node.width / 2, node.y - node.height / 2
        yield f'<rect x="{x:.1f}" y="{y:.1f}" width="{node.width:.1f}" height="{node.height:.1f}" rx="4"/>'
        for number, line in enumerate(node.lines):
            base = y + _PADDING + _LINE * (number + 0.75)
            yield f'<text x="{node.x:.1f}" y="{base:.1f}">{escape(line)}</text>'
