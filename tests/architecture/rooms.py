"""The imports of the project as rooms, files and arrows, read from the source text.

`python -m tests.architecture.rooms` prints the picture of docs/architecture.md: every room above the foundation, and an
arrow for each import between rooms that no longer way implies. `python -m tests.architecture.rooms TREE` does so for
another checkout, and `--lines` prints the share of lines of each room instead.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOUNDATION = frozenset(
    (
        "ptyproof",
        "_version",
        "clock",
        "console",
        "errors",
        "exit_statuses",
        "extras",
        "markdown",
        "remedies",
        "text_table",
        "ptyproof_schemas",
    )
)
PACKAGES = {"ptyproof": "harness", "pytest_ptyproof": "plugins", "ptyproof_schemas": "schemas"}

Imports = Mapping[str, frozenset[str]]


def sources(root: Path = ROOT) -> dict[str, Path]:
    """Return the file of every module below a checkout, by the module's dotted name."""
    found = {}
    for package, folder in PACKAGES.items():
        top = root / folder / package
        for path in sorted(top.rglob("*.py")):
            parts = path.relative_to(top).with_suffix("").parts
            found[".".join([package, *(part for part in parts if part != "__init__")])] = path
    return found


def imported(source: str, known: frozenset[str]) -> Iterator[str]:
    """Yield the `known` modules that a source text imports, wherever the import stands.

    An import inside a function or for type checking alone counts as well.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield from (found for found in [name if name in known else node.module] if found in known)


def imports(files: Mapping[str, Path]) -> dict[str, frozenset[str]]:
    """Return for each module the modules of the project that it imports."""
    known = frozenset(files)
    return {
        module: frozenset(imported(path.read_text(encoding="utf-8"), known)) - {module}
        for module, path in files.items()
    }


def room(module: str) -> str:
    """Return the room of a module: `checking` for `ptyproof.checking.kinds`, the package for what lies beside rooms."""
    package, *rest = module.split(".")
    return rest[0] if package == "ptyproof" and rest else package


def arrows(graph: Imports) -> dict[str, set[str]]:
    """Return for each room the other rooms that it imports from."""
    found: dict[str, set[str]] = {room(module): set() for module in graph}
    for module, targets in graph.items():
        found[room(module)] |= {room(target) for target in targets} - {room(module)}
    return found


def circle(graph: Mapping[str, frozenset[str] | set[str]]) -> list[str]:
    """Return the nodes of a circle, the first one again at the end; an empty list where there is none."""
    done: set[str] = set()
    for start in graph:
        way: list[str] = []
        branches = [iter([start])]
        while branches:
            node = next(branches[-1], None)
            if node is None:
                branches.pop()
                if way:
                    done.add(way.pop())
            elif node in way:
                return [*way[way.index(node) :], node]
            elif node not in done:
                way.append(node)
                branches.append(iter(sorted(graph.get(node, ()))))
    return []


def lines(files: Mapping[str, Path]) -> dict[str, int]:
    """Return the number of lines of each room."""
    found: dict[str, int] = {}
    for module, path in files.items():
        found[room(module)] = found.get(room(module), 0) + len(path.read_text(encoding="utf-8").splitlines())
    return found


def reduced(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the arrows of a graph without circles that no longer way implies."""

    def reached(node: str) -> set[str]:
        return set().union(*({target} | reached(target) for target in graph[node]))

    return {
        node: {target for target in targets if not any(target in reached(other) for other in targets - {target})}
        for node, targets in graph.items()
    }


def picture(graph: Imports) -> str:
    """Return the rooms and their arrows as a Mermaid flowchart; all arrows where rooms have a circle."""
    between = {
        name: targets - FOUNDATION for name, targets in arrows(graph).items() if name not in FOUNDATION | {"__main__"}
    }
    shown = between if circle(between) else reduced(between)
    rows = [f"    {name} --> {target}" for name in sorted(shown) for target in sorted(shown[name])]
    return "\n".join(["flowchart TB", *rows]) + "\n"


def main() -> None:
    """Print the picture, or the share of lines of each room."""
    parser = argparse.ArgumentParser(prog="python -m tests.architecture.rooms", description=__doc__)
    parser.add_argument("tree", nargs="?", type=Path, default=ROOT, help="a checkout of the project")
    parser.add_argument("--lines", action="store_true", help="print the share of lines of each room")
    options = parser.parse_args()
    files = sources(options.tree)
    if not options.lines:
        print(picture(imports(files)), end="")
        return
    counted = lines(files)
    total = sum(counted.values())
    for name, count in sorted(counted.items(), key=lambda entry: -entry[1]):
        print(f"{name:16} {count:6} {count / total:6.1%}")


if __name__ == "__main__":
    main()
