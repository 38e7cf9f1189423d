"""The comparison with snapshots itself: exact on the same kind of machine, tolerant on others, and it can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.regression.snapshots import Snapshot, compare

HERE, THERE = {"cpu": "one", "torch": "2"}, {"cpu": "other", "torch": "2"}
TOLERANCES = {"final_loss": 0.05}
EXPECTED = {"job/final_loss": 2.0, "job/n_images": 90}


def test_the_last_digit_counts_on_the_same_class() -> None:
    found = compare({**EXPECTED, "job/final_loss": 2.0000000000000004}, EXPECTED, True, TOLERANCES)
    assert not found.same
    assert found.applied in found.table()
    assert compare(dict(EXPECTED), EXPECTED, True, TOLERANCES).same


@pytest.mark.parametrize(("loss", "same"), [(2.09, True), (1.91, True), (2.11, False), (float("nan"), False)])
def test_another_class_is_compared_within_the_metrics_tolerance(loss: float, same: bool) -> None:
    found = compare({**EXPECTED, "job/final_loss": loss}, EXPECTED, False, TOLERANCES)
    assert found.same is same
    assert not found.exact
    assert found.applied != compare(dict(EXPECTED), EXPECTED, True, TOLERANCES).applied


def test_counts_must_agree_on_every_class() -> None:
    found = compare({**EXPECTED, "job/n_images": 91}, EXPECTED, False, TOLERANCES)
    line = found.table().splitlines()[2].split()
    assert line == ["job/n_images", "90", "91", "0"]


def test_a_metric_more_or_less_is_a_difference() -> None:
    assert "job/n_images" in compare({"job/final_loss": 2.0}, EXPECTED, True, {}).table()
    assert "job/new" in compare({**EXPECTED, "job/new": 1}, EXPECTED, True, {}).table()


def test_a_file_holds_a_set_for_each_class(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    Snapshot.read(path).with_set(HERE, {"a": 1.5}).with_set(THERE, {"a": 2.5}).write(path)
    snapshot = Snapshot.read(path).with_set(HERE, {"a": 0.1})
    assert snapshot.chosen(HERE) == (True, {"a": 0.1})
    assert snapshot.chosen(THERE) == (True, {"a": 2.5})
    assert snapshot.chosen({"cpu": "a third"}) == (False, {"a": 2.5})
