"""The trainings: losses and bundles, and the held-out metrics beside those of the initial estimates."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from ptyproof.hub.layout import REAL_RUN
from ptyproof.markdown import code, table
from ptyproof.metrics.improvement import by_how_much
from ptyproof.report.labels import HELD_OUT
from ptyproof.report.summary.files import file_link

_HEAD = ["cell", "epochs", "epoch of the bundle", "final loss (nats/px)", "validation loss (nats/px)"]
_HEAD += ["held-out patterns", "bundle (bytes)", "bundle's sha256"]


def trainings(training: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the tables of the trainings that have scores."""
    trained = [job for job in training["jobs"] if job["scores"] is not None] if training else []
    if not trained:
        return
    yield "Losses are in nats per pixel, complex errors have no unit. Lower is better. The held-out patterns are"
    yield "those of the test half, which a training does not read. The initial estimate comes from a few projections"
    yield "of the measured patterns, without a network.\n"
    yield from table(_HEAD, [_row(job) for job in trained])
    yield ""
    yield from table(
        ["cell", "held-out metric", "initial estimate", "network", "change"],
        [
            [job["job"], f"{label} ({unit})", values["start"], values["network"], _change(values)]
            for job in trained
            for key, (label, unit) in HELD_OUT.items()
            for values in [job["scores"][key]]
        ],
    )


def _row(job: Mapping[str, Any]) -> list[object]:
    result = job["result"]
    bundle = posixpath.join(REAL_RUN, job["artifact_dir"], result["bundle_path"])
    numbers = [result[key] for key in ("epochs_completed", "bundle_epoch", "final_loss", "validation_loss")]
    link = file_link(bundle, str(result["bundle_size_bytes"]))
    return [job["job"], *numbers, job["scores"]["n_patterns"], link, code(result["bundle_sha256"])]


def _change(values: Mapping[str, Any]) -> str | None:
    return None if values["start"] is None else by_how_much(values["improvement"])
