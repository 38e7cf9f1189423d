"""A package with a reconstruction method that works and passes the conformance suite, to be changed by its owner."""

from __future__ import annotations

import keyword
from importlib.util import find_spec
from pathlib import Path

from ptyproof.errors import InputError
from ptyproof.methods.registry import SHIPPED
from ptyproof.study.reconstruction import method_name

_FILES = Path(__file__).with_name("files")


def write_package(name: str, parent: Path) -> Path:
    """Write the package of a method into the new folder `parent / name`, and return that folder.

    Raises
    ------
    DesignError
        If the name is impossible for a method.
    InputError
        If it makes no name of a Python module, is that of a method of ptyproof or of a module that is installed, or
        the folder exists.
    """
    method_name("NAME", name)
    module = name.replace("-", "_")
    if not module.isidentifier() or keyword.iskeyword(module):
        raise InputError(f"NAME must make a Python module's name with - as _, such as my-method, got {name!r}")
    if name in SHIPPED:
        raise InputError(f"NAME must be that of no method of ptyproof, which are {', '.join(SHIPPED)}, got {name!r}")
    if find_spec(module) is not None:
        raise InputError(f"the module {module} is installed, and the package would hide it; choose another NAME")
    folder = parent / name
    if folder.exists():
        raise InputError(f"{folder} exists; choose another NAME or --folder")
    places = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "method.py": f"src/{module}/__init__.py",
        "test_conformance.py": "tests/test_conformance.py",
    }
    texts = {place: (_FILES / f"{source}.txt").read_text(encoding="utf-8") for source, place in places.items()}
    for place, text in texts.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("@NAME@", name).replace("@MODULE@", module), encoding="utf-8")
    return folder
