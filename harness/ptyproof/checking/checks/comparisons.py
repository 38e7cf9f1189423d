"""Whether a comparison compares what it says, in the way that it says: protocols, crops, alignments, cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from ptyproof.checking.checks import metrics as measured
from ptyproof.checking.checks.experiments import tells_in
from ptyproof.checking.model.document import Document, Findings, as_number, entries, listed, mapping, number, text
from ptyproof.metrics.protocol import Recipe, difference, protocol, protocol_sha256

_SHOWN = 160
_PLACE = ("dose", "replicate", "view", "gridsize", "split")
_SUBPIXEL = 1.0  # the peak is looked for between pixels


def ends(doc: Document) -> Findings:
    """Yield cells whose reconstruction failed or was lost, records without reason, and tables without any result."""
    cells = [*doc.entries("cells"), *doc.entries("without_result")]
    for place, cell in cells:
        status, why, code = cell.get("status"), cell.get("reason"), cell.get("code")
        if status in ("failed", "lost"):
            said = f"the reconstruction {'failed' if status == 'failed' else 'was lost'}"
            yield doc.finding("PM705", f"{place}.status", said if why is None else f"{said}: {str(why)[:_SHOWN]}")
        if status in ("failed", "lost", "skipped") and "reason" in cell and why is None:
            yield doc.finding("PM612", f"{place}.reason", f"the cell is {status} without a reason")
        if "code" in cell and (code is not None) != (status == "skipped"):
            said = "has no code of its skip" if code is None else f"has the code of a skip, {str(code)[:64]}"
            yield doc.finding("PM205", f"{place}.code", f"the cell is {status}, and {said}")
        if "measured" in cell and code is not None and (cell["measured"] is None) == (code == "rejected_by_phase_d"):
            said = f"measured is {'null' if cell['measured'] is None else 'recorded'}, but the skip's code is {code}"
            yield doc.finding("PM205", f"{place}.measured", said)
        if "selected" in cell and (cell["selected"] is not None) != (status == "skipped"):
            said = f"selected is {str(cell['selected']).lower()}, but the cell is {status}"
            yield doc.finding("PM205", f"{place}.selected", said)
    if doc.cut:
        return
    rows = [row for _, table in doc.entries("tables") for row in listed(table, "rows")]
    if not cells and not rows:
        place = "$.cells" if doc.kind == "comparison_manifest" else "$.tables"
        yield doc.finding("PM706", place, "there is no cell and no reason; zero cells are not a success")
    elif not rows and all(cell.get("status") != "success" for _, cell in cells):
        yield doc.finding("PM709", "$.account.n_success", "no cell has a result, so the file compares nothing")


def protocols(doc: Document) -> Findings:
    """Yield protocols whose hash, half or recipe is not theirs, and cells of a protocol that is not recorded."""
    recipe = measured.recipe_of(doc)
    known: dict[str, dict[str, object]] = {}
    for place, key, entry in _protocols(doc):
        digest, parts = text(entry, key), mapping(entry, "parts")
        if digest is None or not parts:
            continue
        if digest in known:
            yield doc.finding("PM624", f"{place}.{key}", f"the protocol {digest[:16]}... occurs twice")
        known[digest] = parts
        yield from _parts(doc, f"{place}.{key}", digest, parts, recipe)
        for at, row in entries(entry, "rows", place):
            if row.get("split") != parts.get("split"):
                said = f"a row of the half {row.get('split')} in a table of the half {parts.get('split')}"
                yield doc.finding("PM624", f"{at}.split", said)
    if doc.kind == "comparison_manifest" and not doc.cut:
        yield from _used(doc, known)


def _used(doc: Document, known: dict[str, dict[str, object]]) -> Findings:
    """Yield cells whose protocol is not recorded, of the other half or of other tells, and protocols of no cell."""
    design, used = mapping(doc.root, "design"), set()
    for place, cell in doc.entries("cells"):
        digest = text(cell, "protocol")
        if digest is None:
            continue
        used.add(digest)
        if digest not in known:
            said = f"the manifest does not record the protocol {digest[:16]}..."
            yield doc.finding("PM624", f"{place}.protocol", said)
            continue
        wanted = {"split": cell.get("split")}
        if design:
            wanted["tells"] = tells_in(design, text(cell, "view"))
        differing = difference({"split": None, "tells": []} | known[digest], {**known[digest], **wanted})
        if differing:
            said = f"the protocol differs from the cell: {'; '.join(differing)[:_SHOWN]}"
            yield doc.finding("PM624", f"{place}.protocol", said)
    for digest in sorted(known.keys() - used):
        yield doc.finding("PM624", "$.protocols", f"no cell has the protocol {digest[:16]}...")


def _protocols(doc: Document) -> Iterator[tuple[str, str, dict[str, object]]]:
    for place, entry in doc.entries("protocols"):
        yield place, "sha256", entry
    for place, table in doc.entries("tables"):
        yield place, "protocol", table


def _parts(doc: Document, at: str, digest: str, parts: dict[str, object], recipe: Recipe | None) -> Findings:
    try:
        real = protocol_sha256(parts)
    except ValueError:  # NaN
        return
    if real != digest:
        said = f"{digest[:16]}... differs from the hash of the protocol, {real[:16]}..."
        yield doc.finding("PM624", at, said)
    if recipe is None:
        return
    split, probe, scope = (cast("Any", str(parts.get(key))) for key in ("split", "probe", "timing_scope"))
    methods: Any = parts.get("methods")  # older comparisons have none
    tells: Any = listed(parts, "tells")
    wanted = protocol(recipe, split, probe, scope, methods if isinstance(methods, dict) else None, tells)
    differing = difference(wanted, parts)
    if differing:
        said = f"the protocol differs from the recipe: {'; '.join(differing)[:_SHOWN]}"
        yield doc.finding("PM624", at.rpartition(".")[0] + ".parts", said)


def crops(doc: Document) -> Findings:
    """Yield crops with more pixels than their rectangle, and shifts beyond those that were looked for."""
    limit = number(mapping(doc.root, "recipe"), "max_shift_px")
    for place, cell in doc.entries("cells"):
        crop, area = mapping(cell, "crop"), 1.0
        for key in ("rows", "cols"):
            edges = [as_number(edge) for edge in listed(crop, key)]
            first, last = edges if len(edges) == 2 else (None, None)
            area *= 0.0 if first is None or last is None else max(0.0, last - first)
        n = number(crop, "n_px")
        if n is not None and n > area:
            said = f"n_px is {n:g}, but rows and cols hold {area:g} pixels"
            yield doc.finding("PM206", f"{place}.crop.n_px", said)
        for at, shift in enumerate(listed(mapping(cell, "alignment"), "shift_px")):
            value = as_number(shift)
            if value is not None and limit is not None and abs(value) > limit + _SUBPIXEL:
                said = f"the shift of {value:g} px is beyond the search limit, {limit:g} px"
                yield doc.finding("PM609", f"{place}.alignment.shift_px[{at}]", said)


def recipes(doc: Document) -> Findings:
    """Yield a recipe whose windows, level or floor are not the design's."""
    recipe, design = mapping(doc.root, "recipe"), mapping(doc.root, "design")
    for key, holder, of in (
        ("ms_ssim_sigma_px", design, "ms_ssim_sigma"),
        ("frc_level", design, "frc_threshold"),
        ("rate_floor", mapping(design, "training"), "rate_floor"),
    ):
        got, wanted = number(recipe, key), number(holder, of)
        if got is not None and wanted is not None and got != wanted:
            yield doc.finding("PM209", f"$.recipe.{key}", f"{key} is {got:g}, but the design has {wanted:g}")


def figures(doc: Document) -> Findings:
    """Yield pictures of a cell that the comparison has no result of, and one file under two names."""
    halves = {tuple(str(cell.get(key)) for key in _PLACE) for _, cell in _compared(doc)}
    seen: dict[str, str] = {}
    for place, figure in doc.entries("figures"):
        cell = tuple(str(figure.get(key)) for key in _PLACE)
        if figure.get("dose") is not None and cell not in halves and not doc.cut:
            yield doc.finding("PM204", place, f"a picture of {', '.join(cell)}, which was not compared")
        name = text(mapping(figure, "file"), "path")
        if name is not None and seen.setdefault(name, place) != place:
            yield doc.finding("PM304", f"{place}.file.path", f"{name[-_SHOWN:]} is also the picture at {seen[name]}")


def _compared(doc: Document) -> list[tuple[str, dict[str, object]]]:
    return [(place, cell) for place, cell in doc.entries("cells") if cell.get("status") == "success"]
