"""Which modules read the truth of a dataset: all others ask for datasets without it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.rooms import ROOT, sources

# Those that look at the truth after the simulation; docs/architecture.md names each.
AFTER_THE_SIMULATION = {
    "ptyproof.phases.e_train.held_out",  # scores of the held-out half
    "ptyproof.phases.g_compare.comparison",
    "ptyproof.report.pictures.job",
}
BEFORE = {
    "ptyproof.cli.validate",  # checks all arrays of a file
    "ptyproof.io.importers",
    "ptyproof.phases.base",  # the base is the truth
    "ptyproof.phases.d_overlap.overlap",  # copies what Phase C has written
    "ptyproof.phases.objects",  # the object of a file is the truth
}


def _calls_with_truth(source: str) -> Iterator[ast.Call]:
    if "read_dataset" not in source:  # to parse every file takes seconds
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "read_dataset":
            how = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if how.get("without_truth") != "True":
                yield node


def test_these_modules_read_the_truth() -> None:
    found = {name for name, path in sources().items() if any(_calls_with_truth(path.read_text(encoding="utf-8")))}
    assert found == AFTER_THE_SIMULATION | BEFORE


def test_the_documents_name_them() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in AFTER_THE_SIMULATION:
        assert f"`{name.removeprefix('ptyproof.').replace('.', '/')}.py`" in text


def test_a_call_with_the_truth_is_found() -> None:
    calls = "read_dataset(p)\nread_dataset(p, without_truth=True)\nio.read_dataset(p, without_truth=False, mmap=True)\n"
    assert [node.lineno for node in _calls_with_truth(calls)] == [1, 3]
