"""A real run that is killed, again and again: every record stays whole, the run stays visible, the next one goes on."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path

import pytest

from ptyproof.hub.index import Hub
from tests.helpers.equal_hubs import differences
from tests.helpers.killing import Forks, Fresh, Start, Survived, kill_and_go_on
from tests.helpers.known import known
from tests.helpers.runs import Run


@pytest.mark.parametrize(
    ("kills", "start", "timed"),
    [(2, Forks(), "damaged"), pytest.param(5, Fresh(), "whole", marks=pytest.mark.campaign)],
    ids=["forks", "fresh"],
)
def test_kills_at_random_moments_lose_nothing(
    kills: int, start: Start, timed: str, study_file: Path, whole: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    index = Hub(request.getfixturevalue(timed).hub).read()
    assert index is not None
    began, ended = (
        datetime.fromisoformat(known(when)) for when in (index["runs"][0]["started"], index["runs"][0]["ended"])
    )
    # the other run may have shared the machine with more: half of its time, so that the killed ones do not end before
    longest_s = max(1.0, (ended - began).total_seconds() / 2)
    survived = kill_and_go_on(str(study_file), tmp_path / "hub", kills, longest_s, random.Random(20), start)
    assert survived.n_killed > 0
    assert survived.manifest["account"] == whole.manifest["account"]
    assert survived.bundles == Survived(0, whole.manifest).bundles
    assert differences(tmp_path / "hub", whole.hub) == []
