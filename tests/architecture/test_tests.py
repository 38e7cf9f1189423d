"""What no test does: import a test module or a conftest, change a private name of the project, share a made folder."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.rooms import ROOT

TESTS = ROOT / "tests"
_TEST_MODULE = re.compile(r"(?:^|\.)(?:test_\w+|conftest)$")
_PRIVATE = re.compile(r"(?:^|\.)_[A-Za-z]\w*$")


def imported(module: ast.AST) -> Iterator[str]:
    """Yield every module that a module may import, and what it imports from a package, with dots."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{name.name}" for name in node.names)


def patched(module: ast.AST) -> Iterator[str]:
    """Yield the names that a module sets by `monkeypatch.setattr` or by an assignment to an attribute of a module."""
    nodes = list(ast.walk(module))
    modules = {
        name.asname or name.name
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr":
            yield from (
                arg.value for arg in node.args[:2] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            )
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) in modules:
                    yield target.attr


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file, made once for both rules."""
    return ast.parse(path.read_text(encoding="utf-8"))


def found(of: str) -> list[str]:
    """Return what a rule finds in the test tree: the file, and the name."""
    rules = {"imports": (imported, _TEST_MODULE), "patches": (patched, _PRIVATE)}
    names, wrong = rules[of]
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(TESTS.rglob("*.py"))
        for name in names(tree(path))
        if wrong.search(name)
    ]


def test_no_module_imports_a_test_module_or_a_conftest() -> None:
    assert found("imports") == []


def test_no_private_name_is_patched() -> None:
    assert found("patches") == []


def test_both_rules_see_what_they_forbid() -> None:
    code = (
        "import tests.io.test_npz\nfrom tests import conftest\nfrom tests.cli import test_docs as it\nimport one.two\n"
    )
    assert sum(bool(_TEST_MODULE.search(name)) for name in imported(ast.parse(code))) == 3
    code = (
        "from a import b\nm.setattr(b, '_x', 1)\nm.setattr('a.b._y', 2)\nb._z = 3\nself._own = 4\nm.setattr(b, 'X', 1)"
    )
    assert {name for name in patched(ast.parse(code)) if _PRIVATE.search(name)} == {"_x", "a.b._y", "_z"}


def folders_made_once(module: ast.AST) -> Iterator[str]:
    """Yield the names of folders that a module has made once for all tests."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "made_once":
            yield str(ast.literal_eval(node.args[1]))


def shared_folders(names: list[str]) -> list[str]:
    """Return the names that stand twice, or below another one: what is made there later removes what is there."""
    return [
        name
        for number, name in enumerate(names)
        if name in names[:number] or any(name.startswith(f"{other}/") for other in names)
    ]


def test_what_is_made_once_has_a_folder_of_its_own() -> None:
    names = [name for path in sorted(TESTS.rglob("*.py")) for name in folders_made_once(tree(path))]
    assert len(names) > 10
    assert shared_folders(names) == []
    assert shared_folders(["a", "b", "a/c", "ab", "b"]) == ["a/c", "b"]
