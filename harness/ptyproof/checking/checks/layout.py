"""Whether entries stand in the study's order, once, and where the layout of a study puts their files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ptyproof.checking.checks.cells import parts_of
from ptyproof.checking.model.document import (
    LARGEST_DOSE,
    Document,
    Findings,
    cell_of,
    folder_of,
    halves_of,
    listed,
    mapping,
    name_of_test_half,
    number,
    object_of_half,
    plural,
    replicate_of,
    text,
)
from ptyproof.study.layout import HALVES, cell_key, phase_c_name

_LISTS = ("jobs", "not_selected", "skipped_views", "skipped", "views", "rejected_views", "cells")


def order(doc: Document) -> Findings:
    """Yield lists whose entries do not stand in the order of the design: doses, replicates, views, halves, methods."""
    ranks = _Ranks(doc)
    doses = [(number(entry, "dose"), replicate_of(entry)) for _, entry in doc.entries("datasets")]
    known = listed(mapping(doc.root, "design"), "doses_photons_per_pattern")
    wanted = sorted((known.index(dose), replicate) for dose, replicate in set(doses) if dose in known)
    in_order = [(known[at], replicate) for at, replicate in wanted]
    if len(in_order) == len(doses) and doses != in_order:
        yield doc.finding("PM211", "$.datasets", "the doses are not in the order of the study")
    for key in _LISTS:
        yield from _rising(doc, f"$.{key}", [cell_of(entry) for _, entry in doc.entries(key)], ranks)
    for place, call in doc.entries("calls"):
        for key in ("jobs", "skipped"):
            names: list[str | None] = [name for name in listed(call, key) if isinstance(name, str)]
            yield from _rising(doc, f"{place}.{key}", names, ranks, named=True)


def calls(doc: Document) -> Findings:
    """Yield calls that are recorded twice, and cells that a call names twice."""
    seen: dict[str, str] = {}
    for place, call in doc.entries("calls"):
        name = text(call, "id")
        if name is not None and name in seen:
            yield doc.finding("PM203", f"{place}.id", f"the call {name[:64]} occurs twice, also at {seen[name]}")
        seen.setdefault(name or place, place)
        for key in ("jobs", "skipped"):
            names = [name for name in listed(call, key) if isinstance(name, str)]
            for cell in sorted(name for name, n in Counter(names).items() if n > 1):
                yield doc.finding("PM203", f"{place}.{key}", f"the call names {cell[:120]} twice")


def datasets(doc: Document) -> Findings:
    """Yield archives of Phase C in another place than the study's layout has, or of another recipe than the file's."""
    recipe = text(doc.root, "recipe_digest")
    for place, dataset in doc.entries("datasets"):
        folder, own = folder_of(dataset), text(dataset, "recipe_digest")
        if recipe is not None and own is not None and recipe != own:
            said = f"the recipe of the dataset is {own[:16]}..., but that of the file is {recipe[:16]}..."
            yield doc.finding("PM209", f"{place}.recipe_digest", said)
        if folder is None:
            continue
        for at, half, here in halves_of(dataset, place):
            own_object = object_of_half(here) if half == "test" else None
            own_file = phase_c_name(half, own_object or name_of_test_half(here))
            yield from _file(doc, at, here, f"{folder}/{own_file}")
            seed, key = mapping(here, "seed"), ["phase_c", folder, half, *([own_object] if own_object else [])]
            if "key" in seed and seed["key"] != key:
                said = f"the random stream is not that of this half, {' / '.join(key)}"
                yield doc.finding("PM205", f"{at}.seed.key", said)
            root = mapping(mapping(doc.root, "design"), "seeds").get("simulation")
            if "root" in seed and root is not None and seed["root"] != root:
                said = f"the root of the random stream is not the design's simulation seed, {str(root)[:40]}"
                yield doc.finding("PM205", f"{at}.seed.root", said)


def views(doc: Document) -> Findings:
    """Yield views whose archives lie elsewhere than the layout has them, or whose data are another phase's."""
    selections = {text(view, "name"): text(view, "selection") for view in listed(mapping(doc.root, "design"), "views")}
    for key in ("views", "rejected_views"):
        for place, view in doc.entries(key):
            name, folder, reads = text(view, "view"), folder_of(view), view.get("reads_phase_c")
            if isinstance(reads, bool) and name in selections and reads != (selections[name] == "all"):
                said = f"reads_phase_c is {str(reads).lower()}, but the view selects {selections[name]} positions"
                yield doc.finding("PM407", f"{place}.reads_phase_c", said)
            for half in HALVES if key == "views" and isinstance(reads, bool) else ():
                if (mapping(view, half).get("file") is None) is not reads:
                    said = (
                        "an archive is named, but the view reads the data of Phase C"
                        if reads
                        else "no archive is named"
                    )
                    yield doc.finding("PM407", f"{place}.{half}.file", said)
            if name is None or folder is None:
                continue
            yield from _of_view(doc, place, view, f"{folder}/{name}", name)


def _of_view(doc: Document, place: str, view: dict[str, object], cell: str, name: str) -> Findings:
    """Yield files of a view in another cell's folder; that of the metrics lies under the artifact root of its call."""
    for half in HALVES:
        here = mapping(view, half)
        yield from _file(doc, f"{place}.{half}", here, f"{cell}/{name}_{half}.npz")
        yield from _file(doc, f"{place}.{half}", here, f"{cell}/{half}_metrics.json", "metrics_file")
    yield from _file(doc, place, view, f"{cell}/metrics_bundle.json", "metrics_bundle")


def _file(doc: Document, place: str, holder: dict[str, object], expected: str, key: str = "file") -> Findings:
    path = text(mapping(holder, key), "path")
    if path is not None and path != expected and (key == "file" or not path.endswith(f"/{expected}")):
        said = f"{path[-120:]} is not the path of the cell, {expected[-120:]}"
        yield doc.finding("PM406", f"{place}.{key}.path", said)


def _cells(design: dict[str, object]) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the names of a design's cells, those of the first replicate, with the places of dose and view."""
    for at, dose in enumerate(listed(design, "doses_photons_per_pattern")):
        for number_of_view, view in enumerate(listed(design, "views")):
            name, gridsize = text(view, "name"), number(view, "gridsize")
            if isinstance(dose, int | float) and 0 < dose < LARGEST_DOSE and name is not None and gridsize is not None:
                yield cell_key(dose, name, int(gridsize)), (at, number_of_view)


_Rank = tuple[int, int, int, int, int, str]


class _Ranks:
    """Where the names of cells stand in the order of a study; methods that it does not name come last."""

    def __init__(self, doc: Document) -> None:
        design = mapping(doc.root, "design")
        self.cells = dict(_cells(design))
        self.methods = [text(entry, "name") for entry in listed(mapping(design, "reconstruction"), "methods")]
        # a comparison has its halves by name
        self.halves = sorted(HALVES) if doc.kind == "comparison_manifest" else list(HALVES)

    def of(self, name: str | None, named: bool) -> _Rank | None:
        """Return the rank of a cell; None without a rank, as for a method that only a call `named`."""
        if name in self.cells:
            dose, view = self.cells[name]
            return dose, 1, view, 0, 0, ""
        parts = parts_of(name)
        if not parts or not 0 < parts["dose"] < LARGEST_DOSE:
            return None
        cell = self.cells.get(cell_key(parts["dose"], parts["view"], parts["gridsize"]))
        if cell is None:
            return None
        at = cell[0], parts["replicate"], cell[1]
        if "method" not in parts:
            return *at, 0, 0, ""
        known = parts["method"] in self.methods
        if named and not known:
            return None
        method = self.methods.index(parts["method"]) if known else len(self.methods)
        return *at, self.halves.index(parts["split"]), method, "" if known else parts["method"]


def _rising(doc: Document, place: str, names: list[str | None], ranks: _Ranks, named: bool = False) -> Findings:
    order = [rank for rank in (ranks.of(name, named) for name in names) if rank is not None]
    if order != sorted(order) and len(set(order)) == len(order):
        said = f"{plural(len(order), 'cell')} are not in the order of the study: by dose, replicate, view"
        yield doc.finding("PM211", place, said)
