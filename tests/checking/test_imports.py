"""The modules of the judge import each other in one direction, wherever the imports stand."""

from __future__ import annotations

import ast
from pathlib import Path

import ptyproof.checking as package

FOLDER = Path(package.__file__).parent
NAME = package.__name__


def imports() -> dict[str, set[str]]:
    """Return what each module of the package imports of it."""
    paths = {".".join((NAME, *path.relative_to(FOLDER).with_suffix("").parts)): path for path in FOLDER.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    found: dict[str, set[str]] = {}
    for name, path in modules.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                inner = {f"{node.module}.{alias.name}" for alias in node.names} & modules.keys()
                named |= inner or {node.module}
        found[name] = named & modules.keys()
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of a circle, or nothing."""
    graph = dict(graph)
    while graph:
        free = [name for name, others in graph.items() if not others & graph.keys()]
        if not free:
            return sorted(graph)
        for name in free:
            del graph[name]
    return []


def test_there_is_no_circle() -> None:
    graph = imports()
    assert len(graph) > 40
    assert circle(graph) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]
