"""Whether a training's losses and epochs can be those of a training."""

from __future__ import annotations

from typing import Any

from ptyproof.checking.model.document import (
    Document,
    Findings,
    as_number,
    count,
    entries,
    is_close,
    is_taken_over,
    listed,
    mapping,
    number,
    plural,
)

_MAIN = ("loss", "train_loss", "val_loss")
_OF_EPOCHS = ("loss", "train_loss")
_CONSTANT_FROM = 3


def history(doc: Document) -> Findings:
    """Yield losses that never change, and a result that is not the end of its own history."""
    for place, job in doc.entries("jobs"):
        result = mapping(job, "result")
        inner = mapping(mapping(result, "training_results"), "history")
        at = f"{place}.result.training_results.history"
        for key, values in inner.items():
            if key in _MAIN and isinstance(values, list):
                yield from _constant(doc, values, f"{at}.{key}", key)
        losses = listed(inner, "loss") or listed(inner, "train_loss")
        kept = [key for key in _OF_EPOCHS if isinstance(inner.get(key), list)]
        if not kept or any(doc.is_cut(f"{at}.{key}") for key in kept):
            continue
        epochs, final = count(result, "epochs_completed"), number(result, "final_loss")
        if epochs is not None and epochs != len(losses):
            said = f"epochs_completed is {epochs}, but the history has {plural(len(losses), 'epoch')}"
            yield doc.finding("PM604", f"{place}.result.epochs_completed", said)
        last = as_number(losses[-1]) if losses else None
        if final is not None and last is not None and not is_close(final, last, 1e-5):
            said = f"final_loss is {final:g}, but the history ends with {last:g}"
            yield doc.finding("PM604", f"{place}.result.final_loss", said)


def _constant(doc: Document, values: list[Any], place: str, key: str) -> Findings:
    numbers = [value for value in map(as_number, values) if value is not None]
    if len(numbers) >= _CONSTANT_FROM and len(numbers) == len(values) and len(set(numbers)) == 1:
        said = f"{key} is {numbers[0]:g} in each of {plural(len(numbers), 'epoch')}: nothing was learned"
        yield doc.finding("PM603", place, said)


def epochs(doc: Document) -> Findings:
    """Yield epochs that a training cannot have had."""
    for place, job in doc.entries("jobs"):
        budget = count(mapping(job, "training"), "max_epochs")
        yield from _epochs(doc, mapping(job, "result"), f"{place}.result", budget)
        for at, earlier in entries(job, "earlier_results", place):
            yield from _epochs(doc, earlier, at, None)


def model(doc: Document) -> Findings:
    """Yield epochs, steps and positions that a network's record cannot have."""
    training = mapping(doc.root, "training")
    yield from _epochs(doc, doc.root, "$", count(training, "max_epochs"))
    done, steps = count(doc.root, "epochs_completed"), count(doc.root, "steps_completed")
    per_epoch = count(training, "steps_per_epoch")
    if done is not None and steps is not None and per_epoch is not None and steps != done * per_epoch:
        said = f"steps_completed is {steps}, but {done} epochs of {per_epoch} steps are {done * per_epoch}"
        yield doc.finding("PM605", "$.steps_completed", said)
    held, loss = count(doc.root, "n_validation_positions"), doc.root.get("validation_loss", ...)
    if held is not None and loss is not ... and (loss is None) != (held == 0):
        said = f"validation_loss is {loss}, but {plural(held, 'position')} were kept for validation"
        yield doc.finding("PM605", "$.validation_loss", said)


def _epochs(doc: Document, result: dict[str, object], place: str, budget: int | None) -> Findings:
    done = count(result, "epochs_completed")
    if done is None:
        return
    for key in ("bundle_epoch", "resumed_from_epoch"):
        epoch = count(result, key)
        if epoch is not None and epoch > done:
            said = f"{key} is {epoch}, but {plural(done, 'epoch')} were completed"
            yield doc.finding("PM605", f"{place}.{key}", said)
    if budget is not None and done > budget:
        said = f"epochs_completed is {done}, but the training's budget was {plural(budget, 'epoch')}"
        yield doc.finding("PM605", f"{place}.epochs_completed", said)


def same_training(doc: Document) -> Findings:
    """Yield two jobs whose losses are the same to the last digit."""
    seen: dict[tuple[float, float | None], str] = {}
    for place, job in doc.entries("jobs"):
        result = mapping(job, "result")
        final, validation = number(result, "final_loss"), number(result, "validation_loss")
        if final is None or final.is_integer() or is_taken_over(job):
            continue
        known = seen.setdefault((final, validation), place)
        if known != place:
            said = f"final_loss equals that of {known} to the last digit, {final!r}: one result was written twice"
            yield doc.finding("PM304", f"{place}.result.final_loss", said)
