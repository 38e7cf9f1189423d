"""Each method in the views of a study's experiments, beside the same method in the clean view of the same dose.

The clean view is the one of the study's own test half with the same gridsize, selection and dose of training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from ptyproof.study.layout import replicate_of

if TYPE_CHECKING:
    from ptyproof.study.design import StudyDesign
    from ptyproof.study.views import View
    from ptyproof_schemas.types.metrics_summary import ExperimentRow

METRIC: Final = "complex_nrmse"

_Place = tuple[float, str, str, str]  # dose, view, half, method
_Values = dict[tuple[int, int], float]  # by hub and replicate


def clean_view_of(design: StudyDesign, view: View) -> View | None:
    """Return the view that a view of an experiment is shown beside; None if the study has none."""
    return next((one for one in design.views if one.experiment is None and _manner(one) == _manner(view)), None)


def experiment_rows(design: StudyDesign, *comparisons: Iterable[Mapping[str, Any]]) -> Iterator[ExperimentRow]:
    """Yield a row for each dose, view of an experiment, half and method.

    Parameters
    ----------
    design
        The study.
    comparisons
        The cells of its comparison, or of one comparison for each hub, with and without a result.
    """
    cells: dict[_Place, Mapping[str, Any]] = {}
    values: dict[_Place, _Values] = {}
    for hub, comparison in enumerate(comparisons):
        for cell in comparison:
            place = cell["dose"], cell["view"], cell["split"], cell["method"]
            value = _value(cell)
            if value is None:
                cells.setdefault(place, cell)
            else:
                cells[place] = cell
                values.setdefault(place, {})[hub, replicate_of(cell)] = value
    views = {view.name: view for view in design.views}
    for place, cell in cells.items():
        view = views.get(cell["view"])
        if view is None or view.experiment is None:
            continue
        clean = clean_view_of(design, view)
        own = values.get(place, {})
        others = {} if clean is None else values.get((cell["dose"], clean.name, cell["split"], cell["method"]), {})
        ratios = [own[key] / others[key] for key in own.keys() & others.keys() if others[key] > 0]
        dataset = cell.get("dataset", {})
        yield {
            "dose": cell["dose"],
            "view": view.name,
            "gridsize": view.gridsize,
            "split": cell["split"],
            "experiment": view.experiment,
            "tells": list(design.tells_in(view.name)),
            "clean_view": None if clean is None else clean.name,
            "method": cell["method"],
            "told": list(dataset.get("told", ())),
            "not_told": list(dataset.get("not_told", ())),
            "metric": METRIC,
            "n": len(own),
            "value": median(own.values()) if own else None,
            "clean": median(others.values()) if others else None,
            "ratio": median(ratios) if ratios else None,
        }


def _manner(view: View) -> tuple[object, ...]:
    return view.gridsize, view.selection, view.neighbor_count, view.trained_at


def _value(cell: Mapping[str, Any]) -> float | None:
    """Return the metric of a cell; None for one without a result."""
    return next((found["value"] for found in cell.get("measures", ()) if found["metric"] == METRIC), None)
