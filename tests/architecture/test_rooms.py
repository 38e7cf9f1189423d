"""Imports run downward only, without circles; phases do not import one another; no room is too large."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.rooms import FOUNDATION, ROOT, Imports, arrows, circle, imported, imports, lines, room, sources

# Lowest first. A room may import from rooms of lower rows.
LAYERS = (
    tuple(FOUNDATION),
    ("physics",),
    ("io",),
    ("beamlines", "provenance", "study"),
    ("training", "reconstruction"),
    ("foundation",),
    ("methods",),
    ("records",),
    ("jobs", "metrics"),
    ("hub", "phases"),
    ("description",),
    ("assessment", "certificate", "checking", "conformance", "new_method"),
    ("report", "signing", "tables"),
    ("differences",),
    ("docs_sync", "exchange", "runs"),
    ("api", "cli", "__main__"),
    ("evidence", "pytest_ptyproof"),
)
# Inside a room, lowest first: a part is a subpackage, or all files beside the subpackages ("").
PARTS = {
    "checking": (("model",), ("checks",), ("legacy",), ("",), ("hub",)),
    "phases": (("",), ("c_simulate", "d_overlap", "e_train", "f_reconstruct", "g_compare")),
    "report": (("",), ("pictures", "summary"), ("page",)),
}
FILES = sources()
LARGEST_SHARE = 0.2
ENTRY_POINT_GROUPS = ("ptyproof.executors", "ptyproof.manifest_kinds", "ptyproof.methods")


@cache
def graph() -> Imports:
    """Return the imports of the project's files, read at the first call: only tests of this file need them."""
    return imports(FILES)


def level(name: str) -> int:
    """Return the layer of a room; a room that no layer names is an error, not a guess."""
    for number, names in enumerate(LAYERS):
        if name in names:
            return number
    raise AssertionError(f"{name} belongs to no layer; add it to LAYERS and to docs/architecture.md")


def part(module: str) -> str:
    """Return the subpackage of a module inside its room, or "" for a file beside the subpackages."""
    parts = module.split(".")
    below = f"{'.'.join(parts[:3])}."
    is_package = len(parts) > 3 or any(name.startswith(below) for name in FILES)
    return parts[2] if len(parts) > 2 and is_package else ""


def rank(module: str) -> int:
    """Return the layer of a module inside its room."""
    rows = PARTS.get(room(module))
    if rows is None or module == f"ptyproof.{room(module)}":
        return len(rows or ())  # the room's own `__init__`, which may import all of it
    return next(number for number, names in enumerate(rows) if part(module) in names)


def faults(module: str, targets: frozenset[str]) -> list[str]:
    """Return the imports of a module that do not run downward."""
    found = []
    for target in sorted(targets):
        if room(module) != room(target):
            same_layer = level(room(module)) == level(room(target)) and room(module) not in FOUNDATION
            upward = level(room(target)) > level(room(module)) or (same_layer and module != "ptyproof.__main__")
        else:
            sideways = rank(module) == rank(target) and part(module) != part(target)
            upward = rank(target) > rank(module) or sideways
        if upward:
            found.append(f"{module} imports {target}")
    return found


@pytest.mark.parametrize("module", sorted(FILES))
def test_imports_run_downward(module: str) -> None:
    assert faults(module, graph()[module]) == []


@pytest.mark.parametrize(
    ("module", "target"),
    [
        ("ptyproof.physics.forward", "ptyproof.io.npz"),
        ("ptyproof.training.runner", "ptyproof.reconstruction.stitching"),
        ("ptyproof.study.design", "ptyproof.cli"),
        ("ptyproof.hub.index", "pytest_ptyproof.plugin"),
        ("ptyproof.phases.g_compare.compare", "ptyproof.phases.f_reconstruct.reconstruct"),
        ("ptyproof.checking.model.document", "ptyproof.checking.checks.cells"),
        ("ptyproof.checking.checks.cells", "ptyproof.checking.judge"),
    ],
)
def test_an_upward_import_is_found(module: str, target: str) -> None:
    assert faults(module, frozenset({target})) == [f"{module} imports {target}"]


def test_an_import_anywhere_in_a_file_is_read() -> None:
    source = "def f():\n    from ptyproof.study import design\nif 0:\n    import ptyproof.io.npz\n"
    assert set(imported(source, frozenset(FILES))) == {"ptyproof.study.design", "ptyproof.io.npz"}


def test_files_and_rooms_have_no_circle() -> None:
    assert circle(graph()) == []
    assert circle(arrows(graph())) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_room_is_too_large() -> None:
    counted = lines(FILES)
    total = sum(counted.values())
    assert {name: count for name, count in counted.items() if count > LARGEST_SHARE * total} == {}


def _named_modules() -> list[tuple[str, str]]:
    """Return the dotted names of modules or of names in modules that texts of the project have, with the file."""
    dotted = re.compile(
        r"(?<![\w./-])((?:ptyproof|pytest_ptyproof|ptyproof_schemas)(?:\.[A-Za-z_]\w*)+)"
        r"|(?:-m |[\"'`])((?:tests|benchmarks)(?:\.[A-Za-z_]\w*)+)"  # elsewhere a variable may have such a name
    )
    texts = list(FILES.values())
    texts += [path for folder in ("tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
    texts += [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "pyproject.toml", ROOT / ".ci" / "run"]
    own = Path(__file__)
    found = {
        (name, path.relative_to(ROOT).as_posix())
        for path in texts
        if path != own
        for names in dotted.findall(path.read_text(encoding="utf-8"))
        if (name := "".join(names)) not in ENTRY_POINT_GROUPS
    }
    return sorted(found)


def _exists(name: str) -> bool:
    """Tell whether a dotted name is a module, or a name in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        if spec is not None:
            rest = parts[length:]
            if not rest:
                return True
            text = "" if spec.origin is None else Path(spec.origin).read_text(encoding="utf-8")
            return re.search(rf"\b{rest[0]}\b", text) is not None
    return False


def test_a_module_that_a_text_names_exists() -> None:
    assert [(name, file) for name, file in _named_modules() if not _exists(name)] == []


def test_a_module_that_does_not_exist_is_found() -> None:
    assert not _exists("ptyproof.phases.h_publish")
    assert not _exists("ptyproof.records.manifest.no_such_name")
    assert _exists("ptyproof.records.manifest.read_manifest")
