"""Whether the numbers of things are the numbers of things: counts, sums, and totals that hold their parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ptyproof.checking.model.document import (
    Document,
    Findings,
    cell_of,
    count,
    halves_of,
    listed,
    mapping,
    number,
    plural,
    text,
)

_VIEWS_AND_HALVES = 6
# how jobs end: those of `records.cell_book`, which takes longer to load than a manifest to check
STATUSES = ("success", "failed", "lost")
_ENDS = (*STATUSES, "skipped", "not_selected")


def counted(doc: Document, holder: Mapping[str, Any], place: str, key: str, n: int, what: str) -> Findings:
    """Yield a finding if a recorded count is not the counted one; a count that is absent is the schema's business."""
    recorded = count(holder, key)
    if recorded is not None and recorded != n:
        yield doc.finding("PM201", f"{place}.{key}", f"{key} is {recorded}, but {what.format(n)}")


def _length(doc: Document, key: str, of: str, holder: Mapping[str, Any] | None = None, place: str = "$") -> Findings:
    """Yield a finding if a count is not the length of a list of the same object."""
    holder = doc.root if holder is None else holder
    if isinstance(holder.get(of), list) and not doc.is_cut(f"{place}.{of}"):
        yield from counted(doc, holder, place, key, len(holder[of]), f"{of} has {{}} entries")


def skipped(doc: Document) -> Findings:
    """Yield a skipped_count that is not the number of skips."""
    yield from _length(doc, "skipped_count", "skipped_views")
    yield from _length(doc, "skipped_count", "skipped_jobs")
    part, total = count(doc.root, "missing_phase_d_count"), count(doc.root, "skipped_count")
    if part is not None and total is not None and part > total:
        said = f"skipped_count is {total}, less than its part missing_phase_d_count, {part}"
        yield doc.finding("PM206", "$.missing_phase_d_count", said)


def training(doc: Document) -> Findings:
    """Yield where the account of a training manifest is not what its jobs, skips and other cells add up to."""
    yield from _of_jobs(doc, "skipped_views")


def reconstructed(doc: Document) -> Findings:
    """Yield where the account of a reconstruction manifest is not what its jobs, skips and other cells add up to."""
    yield from _of_jobs(doc, "skipped")


def compared(doc: Document) -> Findings:
    """Yield where the account of a comparison, or of its summary, is not what its cells add up to."""
    if doc.cut:
        return
    cells = doc.entries("cells" if doc.kind == "comparison_manifest" else "without_result")
    rows = sum(len(listed(table, "rows")) for _, table in doc.entries("tables"))
    statuses = Counter(text(cell, "status") for _, cell in cells)
    statuses["success"] += rows
    yield from added_up(doc, "n_enumerated", {f"n_{status}": statuses[status] for status in _ENDS})


def assessed(doc: Document) -> Findings:
    """Yield numbers of patterns of an assessment that are not parts of the measurement as its plan divides it."""
    n, parts = count(mapping(doc.root, "dataset"), "n_patterns"), mapping(doc.root, "n_patterns")
    if n is None:
        return
    for first, second in (("fit", "held_out"), ("half_a", "half_b")):
        one, two = count(parts, first), count(parts, second)
        if one is not None and two is not None and one + two != n:
            said = f"{first} {one} + {second} {two} is {one + two}, but the measurement has {plural(n, 'pattern')}"
            yield doc.finding("PM202", f"$.n_patterns.{first}", said)
    fraction, held = number(mapping(doc.root, "plan"), "held_out_fraction"), count(parts, "held_out")
    if fraction is not None and held is not None and held != max(1, round(fraction * n)):
        said = f"held_out is {held}, but {fraction:g} of {plural(n, 'pattern')} is {max(1, round(fraction * n))}"
        yield doc.finding("PM606", "$.n_patterns.held_out", said)
    half = count(parts, "half_a")
    if half is not None and half != n // 2:
        yield doc.finding("PM606", "$.n_patterns.half_a", f"half_a is {half}, but half of {n} patterns is {n // 2}")


def _of_jobs(doc: Document, skips: str) -> Findings:
    if doc.cut or not all(isinstance(doc.root.get(key), list) for key in ("jobs", skips, "not_selected")):
        return
    statuses = Counter(text(mapping(job, "result"), "status") for _, job in doc.entries("jobs"))
    numbers = {f"n_{status}": statuses[status] for status in STATUSES}
    numbers |= {
        "n_skipped": len(listed(doc.root, skips)),
        "n_not_selected": len(listed(doc.root, "not_selected")),
    }
    yield from added_up(doc, "n_enumerated", numbers)


def overlap(doc: Document) -> Findings:
    """Yield where the account of an overlap manifest is not the number of its views."""
    if not doc.cut:
        numbers = {"n_accepted": len(listed(doc.root, "views")), "n_rejected": len(listed(doc.root, "rejected_views"))}
        yield from added_up(doc, "n_cells", numbers)


def added_up(doc: Document, total: str, numbers: Mapping[str, int]) -> Findings:
    """Yield parts of an account that are not what was counted, or else a total that is not the sum of its parts."""
    account = mapping(doc.root, "account")
    wrong = [counted(doc, account, "$.account", key, n, "the manifest lists {}") for key, n in numbers.items()]
    found = [finding for findings in wrong for finding in findings]
    yield from found
    parts, recorded = {key: count(account, key) for key in numbers}, count(account, total)
    if found or recorded is None or None in parts.values():
        return
    added = sum(part or 0 for part in parts.values())
    if recorded != added:
        said = " + ".join(f"{key} {part}" for key, part in parts.items())
        yield doc.finding("PM202", f"$.account.{total}", f"{total} is {recorded}, but {said} is {added}")


def split(doc: Document) -> Findings:
    """Yield where the halves of a scan and what was left out are not the scan, and halves that do not say so."""
    split = mapping(doc.root, "split")
    total, parts = count(split, "n_positions"), [count(split, key) for key in ("n_train", "n_test", "n_left_out")]
    if total is not None and None not in parts and total != sum(part or 0 for part in parts):
        said = f"n_positions is {total}, but n_train {parts[0]} + n_test {parts[1]} + n_left_out {parts[2]} is not"
        yield doc.finding("PM202", "$.split.n_positions", said)
    of_base = count(mapping(doc.root, "base"), "n_positions")
    if total is not None and of_base is not None and total != of_base:
        said = f"the split is of {total} positions, but the base has {of_base}"
        yield doc.finding("PM201", "$.split.n_positions", said)
    for place, dataset in doc.entries("datasets"):
        for at, half, here in halves_of(dataset, place):
            n, wanted = count(here, "n_patterns"), count(split, f"n_{half}")
            objects = max(1, len(listed(here, "objects")))  # the positions are repeated on each
            if n is not None and wanted is not None and n != wanted * objects:
                said = f"n_patterns is {n}, but the split puts {wanted * objects} positions into {half}"
                yield doc.finding("PM201", f"{at}.n_patterns", said)


def reconstruction(doc: Document) -> Findings:
    """Yield where the totals of an earlier generation's reconstruction manifest are not those of its jobs."""
    root = doc.root
    yield from _length(doc, "filtered_jobs", "jobs")
    total, filtered = count(root, "total_jobs"), count(root, "filtered_jobs")
    if total is not None and filtered is not None and filtered > total:
        yield doc.finding(
            "PM206", "$.total_jobs", f"total_jobs is {total}, less than its part filtered_jobs, {filtered}"
        )
    missing, jobs = listed(root, "missing_jobs"), listed(root, "jobs")
    if doc.cut or total is None:
        return
    doses = {number(entry, "dose") for entry in (*missing, *jobs)} - {None}
    wanted = _VIEWS_AND_HALVES * len(doses)
    if total + len(missing) < wanted:
        said = (
            f"total_jobs {total} and {plural(len(missing), 'missing job')} are {total + len(missing)} of the {wanted} "
            f"cells of {plural(len(doses), 'dose')}, 3 views and 2 halves; the other cells are not recorded"
        )
        yield doc.finding("PM208", "$.total_jobs", said)


def ended(doc: Document) -> Findings:
    """Yield where execution results are not one for each job, or not as many as the counts say."""
    results = listed(doc.root, "execution_results")
    if "execution_results" not in doc.root or doc.cut:
        return
    if len(results) != len(listed(doc.root, "jobs")):
        said = f"there are {plural(len(results), 'result')} for {plural(len(listed(doc.root, 'jobs')), 'job')}"
        yield doc.finding("PM201", "$.execution_results", said)
    codes = [count(result, "returncode") for result in results]
    good = sum(code == 0 for code in codes)
    yield from counted(doc, doc.root, "$", "n_success", good, "{} jobs ended with returncode 0")
    yield from counted(doc, doc.root, "$", "n_failed", len(codes) - good, "{} ended with a returncode other than 0")


def jobs(doc: Document) -> Findings:
    """Yield an n_jobs that is not the number of jobs, or not that of successes and failures together."""
    total, good, failed = (count(doc.root, key) for key in ("n_jobs", "n_success", "n_failed"))
    if doc.kind == "legacy_metrics_summary_g":
        scored = len(listed(doc.root, "jobs"))
        yield from counted(doc, doc.root, "$", "n_success", scored, "{} jobs have scores")
    else:
        yield from _length(doc, "n_jobs", "jobs")
    if total is not None and good is not None and failed is not None and good + failed != total:
        code = "PM206" if good + failed > total else "PM202"
        said = f"n_jobs is {total}, but n_success {good} + n_failed {failed} is {good + failed}"
        yield doc.finding(code, "$.n_jobs", said)


def hub(doc: Document) -> Findings:
    """Yield where the runs of a hub list another number of skipped tests than they count."""
    for place, run in doc.entries("runs"):
        outcomes = mapping(run, "outcomes")
        if isinstance(run.get("skips"), list) and not doc.is_cut(f"{place}.skips"):
            n, said = len(run["skips"]), count(outcomes, "skipped") or 0
            if n != said:
                sentence = f"lists {plural(n, 'skipped test')}, but outcomes counts {said}"
                yield doc.finding("PM201", f"{place}.skips", sentence)


def calls(doc: Document) -> Findings:
    """Yield cells that a call asked for and that the manifest says nothing of."""
    if doc.cut:
        return
    known = {text(job, "job") for _, job in doc.entries("jobs")}
    for key in ("skipped_views", "skipped", "not_selected"):
        known |= {cell_of(entry) for _, entry in doc.entries(key)}
    for place, call in doc.entries("calls"):
        for key in ("jobs", "skipped"):
            for at, cell in enumerate(listed(call, key)):
                if isinstance(cell, str) and cell not in known:
                    said = f"{cell} was {'selected' if key == 'jobs' else 'skipped'}, but the manifest has no such cell"
                    yield doc.finding("PM208", f"{place}.{key}[{at}]", said)
