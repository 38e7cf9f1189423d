"""How often a job's stay at a worker ended with the worker's life, and left the job where it was."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ptyproof import clock
from ptyproof.jobs.executor import Needs
from ptyproof.jobs.liveness import age_s
from ptyproof.jobs.stays import Stay, Stays
from ptyproof.records.journal import Version

ONE, OTHER = Version(1, 1, 1), Version(2, 2, 2)


@pytest.mark.parametrize(
    ("stays", "took_s", "begins", "n_in_vain"),
    [
        ([Stay(None, 10), Stay(None, 10)], 11, True, 1),
        ([Stay(ONE, 10), Stay(ONE, 10), Stay(ONE, 10)], 11, True, 2),
        ([Stay(ONE, 10), Stay(OTHER, 10)], 11, True, 0),
        ([Stay(None, 10), Stay(ONE, 10)], 11, True, 0),
        ([Stay(None, None), Stay(None, None)], 11, True, 0),
        ([Stay(None, 10), Stay(None, 10)], 9, True, 0),
        ([Stay(None, 10), Stay(None, 10)], 11, False, 0),
        ([Stay(ONE, 10), Stay(ONE, 10), Stay(OTHER, 10), Stay(OTHER, 10)], 11, True, 2),
    ],
    ids=["anew", "same state", "further", "first state", "short", "died", "waited for another", "now and then"],
)
def test_a_stay_is_in_vain_if_the_worker_closed_and_the_job_is_no_further(
    stays: list[Stay], took_s: float, begins: bool, n_in_vain: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, found = 0.0, Stays()
    monkeypatch.setattr(clock, "seconds", lambda: now_s)
    for stay in stays:
        found.add(stay)
        if begins:
            found.begin()
        now_s += took_s
    assert (found.n, found.n_in_vain) == (len(stays), n_in_vain)


@pytest.mark.parametrize(("life", "counts"), [(None, False), (1.9, False), (2.1, True)])
def test_a_worker_s_time_counts_from_half_of_its_life_on(life: float | None, counts: bool, tmp_path: Path) -> None:
    age = age_s()
    assert 0 < age < 86400
    worker: Any = SimpleNamespace(lifetime=life and life * age)  # in place of one that is as old as this process
    (tmp_path / "state").touch()
    stay = Stay.at(worker, Needs(goes_on_from=Path("state")), str(tmp_path))
    assert (stay.left_s is not None) == counts
    assert stay.state is not None
    assert Stay.at(worker, Needs(), str(tmp_path)).state is None
