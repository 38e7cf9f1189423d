"""Error against dose: a point is the median of the replicates, and a bar reaches over all of them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from ptyproof.metrics.limits import NOT_CONVERGED
from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.g_compare.metric_plots import (
    Spread,
    against_dose,
    error_against_dose,
    spreads,
    time_and_quality,
)

VALUES = {1e3: [0.5, 0.2, 0.3], 1e4: [0.1], 1e5: [0.04, 0.06]}


def entries(metric: str = "complex_nrmse", view: str = "dense") -> list[Any]:
    """Cells of one method and view with the values of `VALUES`."""
    facts = {"view": view, "gridsize": 2, "split": "test", "method": "lsqml"}
    return [
        {**facts, "dose": dose, "replicate": number, "measures": [{"metric": metric, "value": value}]}
        for dose, values in VALUES.items()
        for number, value in enumerate(values, start=1)
    ]


def test_the_spread_of_a_dose_is_smallest_median_and_largest() -> None:
    points = [(dose, value) for dose, values in reversed(VALUES.items()) for value in values]
    wanted = [Spread(1e3, 0.2, 0.3, 0.5), Spread(1e4, 0.1, 0.1, 0.1), Spread(1e5, 0.04, 0.05, 0.06)]
    assert np.allclose(spreads(points), wanted)
    assert spreads([]) == []


@pytest.mark.parametrize("metric", ["complex_nrmse", "r_factor"])
def test_lines_go_through_the_medians_and_bars_over_the_replicates(metric: str) -> None:
    figure = error_against_dose([*entries(metric), *entries(metric, "baseline")])
    assert len(figure.axes) == 2
    for place in figure.axes:
        (line,) = place.lines
        assert np.allclose(line.get_xydata(), [(1e3, 0.3), (1e4, 0.1), (1e5, 0.05)])
        (bars,) = place.collections
        drawn = [segment.tolist() for segment in cast("Any", bars).get_segments()]
        assert np.allclose(drawn, [[(1e3, 0.2), (1e3, 0.5)], [(1e4, 0.1), (1e4, 0.1)], [(1e5, 0.04), (1e5, 0.06)]])
        assert (place.get_xscale(), place.get_yscale()) == ("log", "log")


def test_one_replicate_has_no_bars() -> None:
    one = [entry for entry in entries() if entry["replicate"] == 1]
    assert [len(place.collections) for place in error_against_dose(one).axes] == [0]


def test_all_metrics_have_bars_too() -> None:
    (bars,) = against_dose(entries(), Recipe()).axes[0].collections
    assert len(cast("Any", bars).get_segments()) == len(VALUES)


def test_points_are_hollow_where_a_replicate_had_not_converged() -> None:
    found = entries()
    for entry in found:
        if (entry["dose"], entry["replicate"]) in {(1e3, 2), (1e4, 1)}:
            entry["convergence"] = {"converged": False}
    (place,) = error_against_dose(found).axes
    line, hollow = place.lines
    assert np.allclose(hollow.get_xydata(), [(1e3, 0.3), (1e4, 0.1)])
    assert hollow.get_markerfacecolor() == "w" != line.get_markerfacecolor()


def test_hollow_points_are_explained() -> None:
    found = entries()
    figure = error_against_dose(found)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["lsqml"]
    found[0]["convergence"] = {"converged": False}
    figure = error_against_dose(found)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["lsqml", NOT_CONVERGED]


def test_errors_against_time_are_hollow_alike() -> None:
    found = entries()
    for entry in found:
        entry["measures"].append({"metric": "time_s", "value": 2.0})
    found[-1]["convergence"] = {"converged": False}
    faces = [line.get_markerfacecolor() for place in time_and_quality(found).axes for line in place.lines]
    assert [face == "w" for face in faces] == [False] * 5 + [True]
