"""The seconds of training, initial estimate and reconstruction, from the records of both phases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ptyproof.tables.hubs import HubResults
from ptyproof.tables.times import Times, times_of


def hub_of(method: str, steps: dict[str, float], resumed_from_epoch: int = 0) -> HubResults:
    """Return a hub with one reconstruction and one training of 90 s."""
    cell = {"dose": 1e3, "view": "dense", "gridsize": 2}
    timing = {"total_s": sum(steps.values()), "steps": [{"step": name, "seconds": s} for name, s in steps.items()]}
    job = {**cell, "job": "a", "method": method, "needs_training": method.startswith("pinn")}
    job["result"] = {"status": "success", "timing": timing}
    trained = {"status": "success", "resumed_from_epoch": resumed_from_epoch}
    trained |= {"started": "2026-11-25T23:59:00Z", "finished": "2026-11-26T00:00:30Z"}
    records: Any = {"jobs": [job]}, {"jobs": [{**cell, "result": trained}]}
    nothing: Any = {}
    return HubResults(Path("hub"), "", "", nothing, *records)


@pytest.mark.parametrize(
    ("method", "steps", "wanted"),
    [
        ("start", {"inference": 1.5}, Times(None, 1.5, None)),
        ("start", {"inference": 1.0, "stitching": 0.5}, Times(None, 1.5, None)),
        ("start+lsqml", {"inference": 1.5, "set-up": 0.5, "iterations": 8.0}, Times(None, 1.5, 8.5)),
        ("lsqml", {"set-up": 0.5, "iterations": 8.0}, Times(None, None, 8.5)),
        ("map-tv", {"choice of the weight": 6.0, "initial estimate": 2.0, "iterations": 4.0}, Times(None, 2.0, 10.0)),
        ("pinn", {"inference": 1.5}, Times(90.0, None, 1.5)),
        ("pinn+lsqml", {"inference": 1.5, "iterations": 8.0}, Times(90.0, None, 9.5)),
    ],
)
def test_times_are_those_of_the_steps(method: str, steps: dict[str, float], wanted: Times) -> None:
    assert times_of(hub_of(method, steps)) == {"a": wanted}


def test_a_training_that_was_resumed_has_no_time() -> None:
    assert times_of(hub_of("pinn", {"inference": 1.5}, resumed_from_epoch=3))["a"].training_s is None
