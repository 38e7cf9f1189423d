"""What kind of file a name says it is: code, data, configuration or document; and names of what tools leave behind."""

from __future__ import annotations

import posixpath

CODE, TESTS, OTHER_TESTS = "code", "tests", "other_tests"
CONFIGURATION, DOCUMENTS, DATA = "configuration", "documents", "data"
KINDS = (CODE, TESTS, OTHER_TESTS, CONFIGURATION, DATA, DOCUMENTS)
NOUNS = {
    CODE: ("code file", "code files"),
    TESTS: ("test file", "test files"),
    OTHER_TESTS: ("test file that was not selected", "test files that were not selected"),
    CONFIGURATION: ("configuration file", "configuration files"),
    DATA: ("data file", "data files"),
    DOCUMENTS: ("document", "documents"),
}

_CODE = frozenset(
    f".{suffix}"
    for line in (
        "py pyi pyw pyx pxd pxi ipynb c cc cpp cxx h hh hpp hxx cu cuh cl m mm f for f77 f90 f95 f03 f08",
        "rs go java kt scala js mjs cjs ts tsx jsx jl r rb pl pm lua swift php s asm sv v vhd sh bash zsh fish",
        "ps1 bat cmd awk sed sql proto so pyd dll dylib j2 jinja jinja2 mako cmake mk",
    )
    for suffix in line.split()
)
_CONFIGURATION = frozenset(
    {".ini", ".cfg", ".toml", ".conf", ".yaml", ".yml", ".lock", ".properties", ".env", ".pth", ".in"}
)
_CONFIGURATION_NAMES = frozenset(
    {"makefile", "gnumakefile", "justfile", "dockerfile", "containerfile", "procfile", "pipfile", "codeowners"}
)
_DOCUMENTS = frozenset([".md", ".rst", ".adoc", ".tex", ".bib", ".markdown", ".pdf", ".docx", ".odt"])
_DOCUMENT_NAMES = frozenset({"readme", "license", "licence", "copying", "authors", "changelog", "notice", "changes"})
_DERIVED_FOLDERS = frozenset(
    {
        "__pycache__",
        ".pytest_cache",
        ".hypothesis",
        ".benchmarks",
        ".mypy_cache",
        ".ruff_cache",
        ".tox",
        ".nox",
        "htmlcov",
    }
)


def kind_of(name: str, is_executable: bool = False) -> str:
    """Return the kind of a file, one of `KINDS`, by its name and whether it may be executed.

    Every `conftest.py` is one of the tests; which other files are the tests of a run, a name does not say: `test_*.py`
    and `*_test.py` are tests that were not selected.
    """
    base = posixpath.basename(name)
    stem, suffix = posixpath.splitext(base.lower())
    if base == "conftest.py":
        return TESTS
    if suffix == ".py" and (base.startswith("test_") or base.endswith("_test.py")):
        return OTHER_TESTS
    if suffix in _CODE:
        return CODE
    if base.startswith(".") or suffix in _CONFIGURATION or stem in _CONFIGURATION_NAMES or _is_requirements(base):
        return CONFIGURATION
    if suffix in _DOCUMENTS or stem in _DOCUMENT_NAMES:
        return DOCUMENTS
    return CODE if is_executable and not suffix else DATA


def is_derived(name: str) -> bool:
    """Tell whether a path is one that Python, pytest or a tool of tests makes anew, as bytecode and caches are."""
    *folders, base = name.split("/")
    is_left = base.endswith((".pyc", ".pyo")) or base == ".coverage" or base.startswith(".coverage.")
    return is_left or not _DERIVED_FOLDERS.isdisjoint(folders)


def _is_requirements(base: str) -> bool:
    return base.endswith(".txt") and base.startswith(("requirements", "constraints"))
