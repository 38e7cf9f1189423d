"""Whether the options that reconstructed are the best of those tried, and these are those that the study asks for."""

from __future__ import annotations

from ptyproof.checking.model.document import Document, Findings, entries, listed, mapping, number, text

_SHOWN = 80


def tunings(doc: Document) -> Findings:
    """Yield tables that are not the study's, trials outside of their table, and a choice that is not the best trial."""
    design = mapping(mapping(doc.root, "design"), "reconstruction")
    asked = {text(entry, "name"): mapping(entry, "tuning") for entry in listed(design, "methods")}
    for place, job in doc.entries("jobs"):
        table, result = mapping(job, "tuning"), mapping(job, "result")
        wanted = asked.get(text(job, "method"))
        if wanted and table != wanted and not doc.is_cut(place):
            said = f"the values to be tried are {str(table)[:_SHOWN]}, but the design has {str(wanted)[:_SHOWN]}"
            yield doc.finding("PM209", f"{place}.tuning", said)
        if result.get("status") != "success":
            continue
        tuning, at = mapping(result, "tuning"), f"{place}.result.tuning"
        if bool(table) != bool(tuning) and not doc.is_cut(f"{place}.result"):
            said = "without what was tried" if table else "with trials of options that are not to be tried"
            yield doc.finding("PM703", at, f"the job is a success {said}")
        elif tuning:
            yield from _trials(doc, tuning, table, at)


def _trials(doc: Document, tuning: dict[str, object], table: dict[str, object], at: str) -> Findings:
    best: tuple[float, object] | None = None
    for place, trial in entries(tuning, "trials", at):
        options, loss = mapping(trial, "options"), number(trial, "loss")
        outside = [name for name, value in options.items() if value not in listed(table, name)]
        if outside or (options.keys() != table.keys() and not doc.is_cut(place)):
            said = f"{str(options)[:_SHOWN]} is not among the values to be tried, {str(table)[:_SHOWN]}"
            yield doc.finding("PM209", f"{place}.options", said)
        if (loss is None) == (trial.get("error") is None) and {"loss", "error"} <= trial.keys():
            yield doc.finding("PM613", f"{place}.loss", "a trial has a loss or an error, and not both")
        if loss is not None and (best is None or loss < best[0]):
            best = loss, options
    if best is not None and "chosen" in tuning and tuning["chosen"] != best[1] and not doc.is_cut(at):
        said = f"chosen is {str(tuning['chosen'])[:_SHOWN]}, but {str(best[1])[:_SHOWN]} has the smallest loss"
        yield doc.finding("PM614", f"{at}.chosen", said)
