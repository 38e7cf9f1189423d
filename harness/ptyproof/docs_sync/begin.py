"""The documents that a project begins with: those that its settings name and that are not there yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ptyproof.docs_sync import checklist, index, ledger, selectors
from ptyproof.docs_sync.runs import Run
from ptyproof.docs_sync.settings import PYPROJECT, DocsSettings, find_project, load_settings
from ptyproof.errors import InputError
from ptyproof.io.atomic import write_text
from ptyproof.markdown import code, table

_SETTINGS = """\
[tool.ptyproof.docs]
checklists = ["docs/fix_plan.md"]
"""
_TITLES = {
    selectors.BLOCK: "Selectors for pytest, and the number of tests that each collects",
    index.BLOCK: "Test modules",
    checklist.BLOCK: "Claims to show. `docs sync` ticks a row when its topic has an accepted green run",
    ledger.BLOCK: "Attempts, oldest first",
}


def begin(start: Path, runs: Sequence[Run]) -> tuple[Path, list[Path]]:
    """Make what `docs sync` needs and is missing; leave alone what is there.

    Parameters
    ----------
    start
        Folder in a project, or one that becomes a project: then it gets a `pyproject.toml`.
    runs
        Runs of a hub; each topic of red and green evidence gets a row in new checklists.

    Returns
    -------
    The project's folder, and the files that were made.

    Raises
    ------
    DataError
        If the project's settings cannot be used.
    """
    made = []
    try:
        root = find_project(start)
    except InputError:
        root = start.resolve()
        write_text(root / PYPROJECT, _SETTINGS)
        made.append(root / PYPROJECT)
    for name, blocks in _documents(load_settings(root)).items():
        path = root / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, _page(path, blocks, runs))
            made.append(path)
    return root, made


def _documents(settings: DocsSettings) -> dict[str, list[str]]:
    """Return the blocks that each document holds."""
    documents: dict[str, list[str]] = {}
    roles = [(settings.testing_guide, selectors.BLOCK), (settings.test_index, index.BLOCK)]
    roles += [*((name, checklist.BLOCK) for name in settings.checklists), (settings.ledger, ledger.BLOCK)]
    for name, block in roles:
        documents.setdefault(name, []).append(block)
    return documents


def _page(path: Path, blocks: Iterable[str], runs: Sequence[Run]) -> str:
    sections = [f"# {path.stem.replace('_', ' ').capitalize()}\n"]
    for block in blocks:
        body = ""
        if block == selectors.BLOCK:
            rows = [[code("pytest"), 0, "all tests but the real runs"]]
            body = "\n".join([*table(["selector", "tests", "what"], rows, right=[1]), ""])
        elif block == checklist.BLOCK:
            topics = dict.fromkeys(run.topic for run in runs if run.evidence in ("red", "green"))
            body = "".join(f"- [ ] {topic} <!-- ptyproof: evidence {topic} -->\n" for topic in topics)
        marked = f"<!-- ptyproof:begin {block} -->\n{body}<!-- ptyproof:end {block} -->\n"
        sections.append(f"{_TITLES[block]}:\n\n{marked}")
    return "\n".join(sections)
