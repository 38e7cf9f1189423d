"""Whether a determinism certificate follows from what it lists; a divergence that it found is an error, too."""

from __future__ import annotations

from collections import Counter

from ptyproof.checking.checks.account import added_up
from ptyproof.checking.model.document import (
    Document,
    Findings,
    cell_of,
    count,
    entries,
    listed,
    mapping,
    number,
    text,
)

_STATUSES = ("reproduced", "diverged", "failed")
_SHOWN = 160


def account(doc: Document) -> Findings:
    """Yield where the account is not that of the attempts."""
    if doc.cut or not isinstance(doc.root.get("attempts"), list):
        return
    statuses = Counter(text(attempt, "status") for _, attempt in doc.entries("attempts"))
    yield from added_up(doc, "n_attempts", {f"n_{status}": statuses[status] for status in _STATUSES})


def attempts(doc: Document) -> Findings:
    """Yield attempts whose verdict does not follow from what they list, those that diverged, and those that failed."""
    for place, attempt in doc.entries("attempts"):
        name, status = text(attempt, "job"), text(attempt, "status")
        cell = cell_of(attempt)
        if name is not None and cell is not None and name != cell:
            yield doc.finding("PM205", f"{place}.job", f"{name[:_SHOWN]} is not the name of the cell {cell[:_SHOWN]}")
        if doc.is_cut(place):
            continue
        yield from _epochs(doc, attempt, place, status)
        if status == "reproduced":
            yield from _reproduced(doc, attempt, place)
        elif status == "diverged":
            yield from _diverged(doc, attempt, place)
        elif status == "failed":
            yield from _failed(doc, attempt, place)


def _epochs(doc: Document, attempt: dict[str, object], place: str, status: str | None) -> Findings:
    """Yield epochs that are not the first ones in their order, are too many or too few, or were not compared."""
    asked, most = count(attempt, "n_epochs_asked"), count(attempt, "max_epochs")
    killed, mode = count(attempt, "killed_after_epoch"), text(attempt, "mode")
    listed_epochs = list(entries(attempt, "epochs", place))
    for expected, (where, epoch) in enumerate(listed_epochs, start=1):
        if count(epoch, "epoch") not in (expected, None):
            said = f"epoch is {epoch['epoch']}, where {expected} is expected: the first epochs are compared one by one"
            yield doc.finding("PM605", f"{where}.epoch", said)
            break
    if asked is not None and most is not None and asked > most:
        said = f"n_epochs_asked is {asked}, but the training has max_epochs {most}"
        yield doc.finding("PM605", f"{place}.n_epochs_asked", said)
    if asked is not None and isinstance(attempt.get("epochs"), list):
        n = len(listed_epochs)
        if n > asked or (status == "reproduced" and n < asked):
            said = f"lists {n} epochs, but n_epochs_asked is {asked}"
            yield doc.finding("PM605", f"{place}.epochs", said)
    if mode is not None and (mode == "resume") != (killed is not None):
        said = f"mode is {mode[:_SHOWN]} and killed_after_epoch {attempt.get('killed_after_epoch')!s:.20}"
        yield doc.finding("PM605", f"{place}.killed_after_epoch", said)
    elif killed is not None and asked is not None and killed >= asked:
        said = f"was killed after epoch {killed}, so none of the {asked} epochs comes after resuming"
        yield doc.finding("PM605", f"{place}.killed_after_epoch", said)


def _reproduced(doc: Document, attempt: dict[str, object], place: str) -> Findings:
    trainings = list(entries(attempt, "trainings", place))
    if len(trainings) != 2:
        said = f"the status is reproduced, but the attempt lists {len(trainings)} of two trainings"
        yield doc.finding("PM703", f"{place}.trainings", said)
    for key in ("recipe_sha256", "epochs"):
        if key in attempt and not attempt[key]:
            yield doc.finding("PM703", f"{place}.{key}", f"the status is reproduced without {key}")
    for key in ("error", "divergence"):
        if attempt.get(key) is not None:
            yield doc.finding("PM704", f"{place}.{key}", f"the status is reproduced, but the attempt has a {key}")
    digests = {text(training, "bundle_sha256") for _, training in trainings}
    recorded = text(mapping(attempt, "recorded_bundle"), "sha256")
    if recorded is not None:
        digests.add(recorded)
    if len(digests - {None}) > 1:
        said = "the status is reproduced, but its bundles differ: " + ", ".join(
            sorted(f"{d[:16]}..." for d in digests if d)
        )
        yield doc.finding("PM704", f"{place}.status", said)


def _diverged(doc: Document, attempt: dict[str, object], place: str) -> Findings:
    found = mapping(attempt, "divergence")
    if not found:
        if "divergence" in attempt and not doc.is_cut(f"{place}.divergence"):
            yield doc.finding("PM704", f"{place}.divergence", "the status is diverged, but no place is recorded")
        return
    if found.get("first") == found.get("second"):
        said = "the divergence has the same value in both trainings"
        yield doc.finding("PM704", f"{place}.divergence.second", said)
    epoch = count(found, "epoch")
    if epoch is not None and isinstance(attempt.get("epochs"), list) and epoch != len(listed(attempt, "epochs")) + 1:
        said = f"is in epoch {epoch}, but the attempt lists {len(listed(attempt, 'epochs'))} equal epochs before it"
        yield doc.finding("PM605", f"{place}.divergence.epoch", said)
    where = f" in epoch {epoch}" if epoch is not None else " at the end"
    step = number(found, "step")
    where += f", step {step:g}" if step is not None else ""
    name, quantity = text(attempt, "job") or "the job", text(found, "quantity") or "something"
    said = f"{name[:_SHOWN]} is not reproducible: {quantity[:_SHOWN]} differs{where}"
    yield doc.finding("PM713", f"{place}.status", said)


def _failed(doc: Document, attempt: dict[str, object], place: str) -> Findings:
    error = text(attempt, "error")
    if error is None and "error" in attempt:
        yield doc.finding("PM704", f"{place}.error", "the status is failed, but no error is recorded")
    for key in ("trainings", "epochs", "divergence", "recorded_bundle"):
        if attempt.get(key):
            yield doc.finding("PM704", f"{place}.{key}", f"the status is failed, but the attempt has {key}")
    yield doc.finding("PM705", f"{place}.status", f"the attempt failed: {str(error)[:_SHOWN]}")
