"""All blocks of all documents: read everything, compute everything, then write what changed, each file whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ptyproof.docs_sync import checklist, index, ledger, selectors
from ptyproof.docs_sync.blocks import Document, parse
from ptyproof.docs_sync.collection import EVERYTHING, Collection, collect_all
from ptyproof.docs_sync.runs import Run, read_runs
from ptyproof.docs_sync.settings import DocsSettings, load_settings
from ptyproof.errors import DataError, RunError
from ptyproof.io.atomic import write_text


@dataclass(frozen=True)
class Page:
    """A document on disk: its absolute path, the text that was read, and its blocks."""

    path: Path
    text: str
    document: Document


@dataclass(frozen=True)
class Plan:
    """What a sync would write.

    Parameters
    ----------
    pages
        The documents as they are.
    bodies
        For each page, the text that each synced block should have.
    under_way
        Ids of runs that still run, and are entered in the ledger when they have ended.
    """

    pages: tuple[Page, ...]
    bodies: tuple[Mapping[str, str], ...]
    under_way: tuple[str, ...]

    def stale(self) -> list[tuple[Path, str, int]]:
        """Return document, name and line of each block whose text is another than it should be."""
        return [
            (page.document.path, name, page.document.blocks[name].begin + 1)
            for page, bodies in zip(self.pages, self.bodies, strict=True)
            for name, body in bodies.items()
            if body != page.document.body_text(name)
        ]

    def write(self) -> None:
        """Write the documents that change.

        Raises
        ------
        RunError
            If one of them changed after it was read; then nothing is written.
        """
        for page in self.pages:
            if _read(page.path, page.document.path) != page.text:
                raise RunError(
                    f"{page.document.path} changed during the sync; nothing was written, run `ptyproof docs sync` again"
                )
        for page, bodies in zip(self.pages, self.bodies, strict=True):
            text = page.document.replaced(bodies)
            if text != page.text:
                write_text(page.path, text)


def plan(root: Path, hub: Path | None) -> Plan:
    """Compute what every block should hold.

    Parameters
    ----------
    root
        Folder of the project's `pyproject.toml`.
    hub
        The hub whose runs go to checklists and ledger; without one these are left as they are.

    Raises
    ------
    InputError
        If the settings, a document's marks or the hub's index cannot be used.
    RunError
        If a selector of the testing guide collects nothing, or the tests cannot be collected.
    """
    root = root.resolve()
    settings = load_settings(root)
    runs = None if hub is None else read_runs(hub)
    pages = _read_pages(root, settings, with_hub=runs is not None)
    bodies: dict[Path, dict[str, str]] = {path: {} for path in pages}
    if runs is not None:
        _add_hub_blocks(root, settings, pages, runs, bodies)
    guide, listing = (_place(root, name) for name in (settings.testing_guide, settings.test_index))
    wanted = [row.selector for row in selectors.read_rows(pages[guide].document)[1]]
    found = collect_all(root, [EVERYTHING, *wanted])
    _refuse_empty(pages[guide].document, wanted, found)
    counts = {selector: len(collection.nodes) for selector, collection in found.items()}
    bodies[guide][selectors.BLOCK] = selectors.render(pages[guide].document, counts)
    bodies[listing][index.BLOCK] = _index_body(root, found[EVERYTHING], pages[listing])
    return Plan(
        tuple(pages.values()),
        tuple(bodies[path] for path in pages),
        tuple(run.id for run in runs or () if run.under_way),
    )


def _place(root: Path, name: str) -> Path:
    return (root / name).resolve()


def _read_pages(root: Path, settings: DocsSettings, with_hub: bool) -> dict[Path, Page]:
    """Read the documents to sync, and check that each has its blocks and no others."""
    roles = [(settings.testing_guide, selectors.BLOCK), (settings.test_index, index.BLOCK)]
    of_hub = [*((name, checklist.BLOCK) for name in settings.checklists), (settings.ledger, ledger.BLOCK)]
    pages: dict[Path, Page] = {}
    for name, _ in roles + (of_hub if with_hub else []):
        path = _place(root, name)
        if path in pages:
            continue
        text = _read(path, Path(name))
        document = parse(text, Path(name))
        _check_blocks(document, {block for other, block in roles + of_hub if _place(root, other) == path})
        pages[path] = Page(path, text, document)
    return pages


def _check_blocks(document: Document, expected: set[str]) -> None:
    kinds = {name: checklist.BLOCK if checklist.is_block(name) else name for name in document.blocks}
    for name, kind in kinds.items():
        if kind not in expected:
            raise document.error(
                document.blocks[name].begin,
                f"no block {name} is kept here; {document.path} is configured for {', '.join(sorted(expected))}",
            )
    for kind in sorted(expected - set(kinds.values())):
        raise document.missing(kind)
    checklist.check_marks(document)


def _add_hub_blocks(
    root: Path,
    settings: DocsSettings,
    pages: Mapping[Path, Page],
    runs: Sequence[Run],
    bodies: Mapping[Path, dict[str, str]],
) -> None:
    for path in {_place(root, name) for name in settings.checklists}:
        document = pages[path].document
        for name in filter(checklist.is_block, document.blocks):
            bodies[path][name] = checklist.render(document, name, runs, path)
    path = _place(root, settings.ledger)
    bodies[path][ledger.BLOCK] = ledger.render(pages[path].document, runs, path)


def _refuse_empty(
    guide: Document, wanted: Sequence[tuple[str, ...]], found: Mapping[tuple[str, ...], Collection]
) -> None:
    empty = [
        f"{' '.join(['pytest', *selector])} ({found[selector].reason})"
        for selector in dict.fromkeys(wanted)
        if not found[selector].nodes
    ]
    if empty:
        raise RunError(f"{guide.path}: block {selectors.BLOCK}: collects nothing: {'; '.join(empty)}")
    if not found[EVERYTHING].nodes:
        raise RunError(f"the project collects no test at all: {found[EVERYTHING].reason}")


def _index_body(root: Path, collection: Collection, page: Page) -> str:
    counts = collection.by_module()
    summaries = {module: index.first_docstring_line((root / module).read_bytes()) for module in counts}
    body = index.render(counts, summaries, root, page.path)
    return body.replace("\n", page.document.newline(index.BLOCK))


def _read(path: Path, name: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise DataError(name, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(name, f"is not UTF-8 text (byte {error.start})") from error
