"""Whether positions were refined where a view tells methods of errors, and every result says whether they were."""

from __future__ import annotations

from ptyproof.checking.checks.experiments import tells_in
from ptyproof.checking.model.document import Document, Findings, listed, mapping, number, text
from ptyproof.io.knowledge import UNCERTAIN_POSITIONS

_ROUNDING = 1e-9
_AXES = 2


def of_jobs(doc: Document) -> Findings:
    """Yield jobs that refine positions without being told of their errors, and results that say otherwise than jobs."""
    design = mapping(doc.root, "design")
    for place, job in doc.entries("jobs"):
        result = mapping(job, "result")
        tells = bool(design) and UNCERTAIN_POSITIONS in tells_in(design, text(job, "view"))
        if "positions" in job and design and not tells:
            said = "positions were refined, but the design does not tell methods in the view that they are uncertain"
            yield doc.finding("PM209", f"{place}.positions", said)
        elif design and isinstance(job.get("dataset"), dict):
            yield from _account(doc, f"{place}.dataset", mapping(job, "dataset"), tells, "positions" in job)
        yield from _result(doc, f"{place}.result", result, "positions" in job)


def of_methods(doc: Document) -> Findings:
    """Yield methods of an assessment with refined positions, where its plan says that they were given."""
    plan = mapping(doc.root, "plan")
    for place, method in doc.entries("methods"):
        if "positions" in method and plan.get("positions", "given") == "given":
            said = "the method has refined positions, but the plan gives methods the dataset's positions"
            yield doc.finding("PM209", f"{place}.positions", said)
        yield from _changes(doc, f"{place}.positions", mapping(method, "positions"))


def _account(doc: Document, place: str, dataset: dict[str, object], tells: bool, refines: bool) -> Findings:
    """Yield an account of what a job was told of positions that differs from what the job does or the view tells."""
    told, not_told = (UNCERTAIN_POSITIONS in listed(dataset, key) for key in ("told", "not_told"))
    if told != refines:
        done = "refines positions" if refines else "takes positions as they are"
        yield doc.finding(
            "PM209", f"{place}.told", f"the job {done}, but told says {'so' if told else 'nothing'} of it"
        )
    if not_told != (tells and not refines):
        said = f"the view {'tells' if tells else 'does not tell'} that positions are uncertain, but not_told differs"
        yield doc.finding("PM209", f"{place}.not_told", said)


def _result(doc: Document, place: str, result: dict[str, object], refines: bool) -> Findings:
    at = f"{place}.positions"
    if "positions" in result and not refines:
        yield doc.finding("PM209", at, "the result has refined positions, but the job was given its positions")
    if refines and result.get("status") == "success" and "positions" not in result and not doc.is_cut(place):
        yield doc.finding("PM703", at, "the job refines positions, and is a success without a record of them")
    yield from _changes(doc, at, mapping(result, "positions"))


def _changes(doc: Document, place: str, changes: dict[str, object]) -> Findings:
    rms, largest = (number(changes, key) for key in ("rms_change_px", "largest_change_px"))
    if rms is not None and largest is not None and largest < rms * _AXES**0.5 * (1 - _ROUNDING):
        said = f"the largest change is {largest:g} px, but along an axis the rms change is {rms:g} px"
        yield doc.finding("PM206", f"{place}.largest_change_px", said)
