"""Imports run downward only: L6 to L0, and training and reconstruction not into each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = {
    "ptyproof": 0,
    "ptyproof._version": 0,
    "ptyproof.errors": 0,
    "ptyproof.clock": 0,
    "ptyproof.console": 0,
    "ptyproof.extras": 0,
    "ptyproof.remedies": 0,
    "ptyproof_schemas": 0,
    "ptyproof.physics": 1,
    "ptyproof.io": 2,
    "ptyproof.study": 3,
    "ptyproof.training": 4,
    "ptyproof.reconstruction": 4,
    "ptyproof.evidence": 5,
    "ptyproof.docs_sync": 5,
    "ptyproof.cli": 6,
    "ptyproof.__main__": 6,
    "pytest_ptyproof": 6,
}
SOURCES = {
    "ptyproof": ROOT / "harness" / "ptyproof",
    "pytest_ptyproof": ROOT / "plugins" / "pytest_ptyproof",
    "ptyproof_schemas": ROOT / "schemas" / "ptyproof_schemas",
}


def layer(module: str) -> int:
    """Return the layer of a module; a module that no layer names is an error, not a guess."""
    if module == "ptyproof":
        return LAYERS[module]
    for name in sorted(LAYERS, key=len, reverse=True):
        if name != "ptyproof" and (module == name or module.startswith(f"{name}.")):
            return LAYERS[name]
    raise AssertionError(f"{module} belongs to no layer; add it to LAYERS and to docs/architecture.md")


def imported(source: str, module: str) -> Iterator[str]:
    """Yield the modules of this project that a source text imports, wherever the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; write the full name"
            base = node.module or ""
            names = [f"{base}.{alias.name}" if base in SOURCES else base for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] in SOURCES)


def faults(module: str, source: str) -> list[str]:
    """Return the imports of a module that do not run downward."""
    found = []
    own = layer(module)
    for name in imported(source, module):
        top = name if name.split(".")[0] != "ptyproof" else ".".join(name.split(".")[:2])
        if top not in LAYERS and top.split(".")[0] == "ptyproof":
            top = "ptyproof"  # `from ptyproof import InputError`: a name of the package itself
        sideways = {"ptyproof.training", "ptyproof.reconstruction"} == {".".join(module.split(".")[:2]), top}
        if layer(top) > own or sideways:
            found.append(f"{module} (L{own}) imports {name} (L{layer(top)})")
    return found


def modules() -> list[tuple[str, Path]]:
    """Return every module of the project with its file."""
    found = []
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found.append((".".join([package, *[part for part in parts if part != "__init__"]]), path))
    return found


@pytest.mark.parametrize(("module", "path"), modules(), ids=[name for name, _ in modules()])
def test_imports_run_downward(module: str, path: Path) -> None:
    assert faults(module, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ptyproof.physics.forward", "from ptyproof.io.npz import NpzWriter"),
        ("ptyproof.io.dataset", "def f():\n    import ptyproof.study.design"),
        ("ptyproof.training.runner", "from ptyproof.reconstruction import stitching"),
        ("ptyproof.study.design", "from ptyproof import cli"),
        ("ptyproof.evidence.hub", "import pytest_ptyproof.plugin"),
    ],
)
def test_an_upward_import_is_found(module: str, source: str) -> None:
    assert len(faults(module, source)) == 1


def test_a_downward_import_is_allowed() -> None:
    source = "from ptyproof import InputError\nfrom ptyproof.physics import forward\nimport numpy"
    assert faults("ptyproof.io.dataset", source) == []
