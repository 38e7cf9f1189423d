"""What methods tried before they reconstructed: every trial of every cell, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ptyproof.report.page.tables import UNKNOWN, Content, Table, number, score, table

_HEAD = ("reconstruction", "options", "loss of the hidden photons (nats per pixel)", "seconds", "")


def trials(reconstruction: Mapping[str, Any] | None) -> Table | None:
    """Return the table of all trials of a reconstruction manifest; None where nothing was tuned.

    A reconstruction that was taken over from another cell is left out: its trials stand there.
    """
    rows: list[list[str | Content]] = []
    for job in reconstruction["jobs"] if reconstruction else ():
        tuning = job["result"].get("tuning")
        if tuning is None or job["result"].get("reused_from") is not None:
            continue
        for trial in tuning["trials"]:
            is_chosen = trial["options"] == tuning["chosen"]
            loss = Content(score(trial["loss"]), is_best=is_chosen, note=trial["error"])
            rows.append([job["job"], _named(trial["options"]), loss, f"{trial['seconds']:.2f}", _mark(is_chosen)])
    return table("Options that were tried on each scan", _HEAD, rows) if rows else None


def _named(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {number(value)}" for name, value in options.items()) or UNKNOWN


def _mark(is_chosen: bool) -> str:
    return "chosen" if is_chosen else ""
