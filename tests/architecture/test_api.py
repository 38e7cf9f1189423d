"""The public names are there, are those that the documents import, and load nothing heavy before they are used."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys

import pytest

import ptyproof.evidence
from ptyproof import api
from tests.architecture.rooms import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OF_USERS = re.compile(r"^from (ptyproof[\w.]*) import (.+)$|`ptyproof\.api\.(\w+)", re.MULTILINE)


def _documented() -> set[str]:
    found: set[str] = set()
    for path in DOCUMENTS:
        for module, names, named in OF_USERS.findall(path.read_text(encoding="utf-8")):
            assert module in ("", "ptyproof", "ptyproof.api"), f"{path.name} imports from {module}, which is not public"
            if module != "ptyproof":
                found |= {name.strip() for name in (named or names).split(",")}
    return found


def test_it_has_every_name_that_documents_import_and_no_other() -> None:
    assert _documented() == set(api.__all__)


@pytest.mark.parametrize("name", api.__all__)
def test_a_name_is_there_and_documented(name: str) -> None:
    assert inspect.getdoc(getattr(api, name))


def test_types_are_those_of_the_modules() -> None:
    """What type checkers see stands under TYPE_CHECKING, and is the same as what is loaded."""
    source = inspect.getsource(api)
    seen = {
        name.strip(): module
        for module, names in re.findall(r"^    from ([\w.]+) import (.+)$", source, re.MULTILINE)
        for name in names.split(",")
    }
    assert sorted(seen) == sorted(api.__all__)
    for name, module in seen.items():
        assert getattr(api, name) is getattr(importlib.import_module(module), name)


def test_nothing_heavy_is_loaded() -> None:
    code = "import sys, ptyproof.api; print(*{'numpy', 'torch', 'jsonschema'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_another_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(api, "no_such_name")  # noqa: B009 - mypy knows that it is not there


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, names in ptyproof.evidence._PROMISED.items() for name in names],
)
def test_an_import_of_version_0_1_works_with_a_warning(module: str, name: str) -> None:
    old = importlib.import_module(f"ptyproof.evidence.{module}")
    with pytest.warns(DeprecationWarning, match=name):
        assert getattr(old, name) is getattr(api, name)


def test_check_of_version_0_1_works_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="check"):
        assert ptyproof.evidence.check is api.check
