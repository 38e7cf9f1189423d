"""The comparison of methods in a report: first on the page, the best value marked, an undefined one with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ptyproof.hub.layout import COMPARISON
from ptyproof.io.file_record import file_record
from ptyproof.io.strict_json import write_json
from ptyproof.metrics.definitions import metric_definitions
from ptyproof.metrics.limits import Course
from ptyproof.metrics.protocol import Recipe
from ptyproof.phases.g_compare.tables import TidyRow
from ptyproof.report.page import write_report
from ptyproof.report.page.compared import Cell, Figures, courses_in, values_of
from ptyproof.report.page.comparison import comparison
from ptyproof.report.page.render import render
from ptyproof.report.page.settings import settings
from ptyproof.study.layout import cell_key
from tests.helpers.known import known
from tests.helpers.messages import names
from tests.helpers.report_hub import Reader
from tests.helpers.schema_rules import example


def compared(method: str, value: float | None, **changes: Any) -> TidyRow:
    """Return a value of a metric at one dose and view."""
    facts = {"dose": 1000.0, "view": "dense", "gridsize": 2, "split": "test", "metric": "complex NRMSE", "unit": "1"}
    facts |= {"direction": "lower", "reason": None, "protocol": "0" * 64, "method": method, "value": value}
    return TidyRow(**{**facts, **changes})


def page_of(
    rows: list[TidyRow], courses: Mapping[Cell, list[Course]] | None = None, *, single_patterns: bool = False
) -> str:
    """Return the section of a comparison as HTML."""
    parts: dict[str, Any] = {"compared_figures": Figures(), "side_by_side": [], "marked": ""}
    parts |= {"settings": None, "remarks": None, "single_patterns": single_patterns, "experiments": None}
    return render("comparison.html.j2", comparison=comparison(rows, courses or {}), **parts)


def rows_in(text: str) -> list[list[str]]:
    """Return the cells of each row of the body of each table, without the names of the columns."""
    text = re.sub(r'<span class="column"[^>]*>.*?</span>', "", text)
    bodies = re.findall(r"<tbody.*?</tbody>", text, flags=re.DOTALL)
    rows = [row for body in bodies for row in re.findall(r"<tr.*?</tr>", body)]
    return [[Reader(cell).words for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows]


def test_methods_are_columns_and_doses_and_views_are_rows_in_their_order() -> None:
    rows = [
        compared("start", 0.3),
        compared("pinn", 0.2),
        compared("start", 0.1, dose=1e4, view="baseline", gridsize=1),
    ]
    text = page_of(rows)
    assert re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', text)[-2:] == ["start", "pinn"]
    (first, *values), (second, *others) = rows_in(text)
    assert names(first, "1,000 photons", "dense", "gridsize 2")
    assert names(second, "10,000 photons", "baseline", "gridsize 1")
    assert values == ["0.30000", "0.20000"]  # one replicate: none is marked
    assert others == ["0.10000", "–"]
    assert "Complex NRMSE" in Reader(text).words


def replicates(method: str, *values: float | None, **changes: Any) -> list[TidyRow]:
    """Return the values of a method in replicates of one cell."""
    return [compared(method, value, replicate=number, **changes) for number, value in enumerate(values, start=1)]


@pytest.mark.parametrize(("direction", "marked"), [("lower", ["pinn"]), ("higher", ["lsqml"]), (None, [])])
def test_the_method_that_is_ahead_of_all_others_is_marked_in_words(direction: str | None, marked: list[str]) -> None:
    rows = [
        *replicates("lsqml", 0.30, 0.31, 0.29, direction=direction),
        *replicates("pinn", 0.20, 0.21, 0.19, direction=direction),
    ]
    found = dict(zip(("lsqml", "pinn"), rows_in(page_of(rows))[0][1:], strict=True))
    assert re.findall(r"0\.\d{5}", found["pinn"]) == ["0.20000", "0.19000", "0.21000"]  # median and range
    assert [method for method, cell in found.items() if "best" in cell] == marked


@pytest.mark.parametrize(
    "rows",
    [
        [compared("lsqml", 0.3), compared("pinn", 0.2)],
        [*replicates("lsqml", 0.3, 0.3), *replicates("pinn", 0.2, 0.2)],
        [*replicates("lsqml", 0.3, 0.3, 0.3), *replicates("start", 0.2, 0.2, 0.2)],
        [*replicates("lsqml", 0.3, 0.3, 0.1), *replicates("pinn", 0.2, 0.2, 0.2)],
    ],
    ids=["one replicate", "two replicates", "a control", "other signs"],
)
def test_no_method_is_marked_without_a_lead(rows: list[TidyRow]) -> None:
    assert "best" not in " ".join(rows_in(page_of(rows))[0])


PLACE = (1000.0, "dense", 2)


def test_a_method_that_has_not_converged_says_so_beside_its_value() -> None:
    rows = [*replicates("lsqml", 0.3, 0.3), compared("map-tv", 0.2)]
    yes, no = Course(True, False), Course(False, False)
    (_, lsqml, maptv), *_ = rows_in(page_of(rows, {(*PLACE, "lsqml"): [yes, no], (*PLACE, "map-tv"): [no]}))
    assert ("1 of 2" in lsqml, "not converged" in lsqml, "not converged" in maptv) == (True, True, True)
    assert "converged" not in " ".join(rows_in(page_of(rows, {(*PLACE, "map-tv"): [yes]}))[0])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.4], ["worse", "undecided"]),
        ([0.2], []),
        ([0.4, 0.4, 0.41], ["behind"]),
        ([0.301, 0.301, 0.301], []),  # level
        ([0.2, 0.2, 0.2], []),
    ],
)
def test_a_network_that_is_behind_its_own_start_has_a_mark_in_words(values: list[float], said: list[str]) -> None:
    rows = [*replicates("start", *[0.3] * len(values)), *replicates("pinn", *values)]
    cell = rows_in(page_of(rows))[0][2]
    assert [word for word in ("worse", "undecided", "behind") if word in cell] == said


def test_convergence_is_of_the_cells_that_the_table_names() -> None:
    manifest = example("comparison_manifest", "every-status.json")
    places = {(row.dose, row.view, row.gridsize, row.method) for row in values_of(manifest)}
    found = courses_in(manifest)
    assert set(found) <= places
    wanted = [cell["convergence"]["converged"] for cell in manifest["cells"] if "convergence" in cell]
    assert wanted
    assert sorted(course.converged for courses in found.values() for course in courses) == sorted(wanted)


def test_a_method_that_is_worse_than_the_control_or_got_worse_says_so_beside_its_value() -> None:
    rows = [compared("flat", 0.45), compared("lsqml", 0.49), compared("map-tv", 0.4)]
    (_, flat, lsqml, maptv), *_ = rows_in(page_of(rows, {(*PLACE, "lsqml"): [Course(True, True)]}))
    assert names(lsqml, "worse than flat", "undecided", "got worse")
    assert not any("worse" in text for text in (flat, maptv))
    rows = [*replicates("flat", 0.4, 0.4, 0.4), *replicates("lsqml", 0.5, 0.5, 0.5)]
    assert "behind flat" in rows_in(page_of(rows))[0][2]


@pytest.mark.parametrize("single_patterns", [True, False])
def test_what_start_is_with_single_patterns_is_said(single_patterns: bool) -> None:
    text = Reader(page_of([compared("start", 0.3, gridsize=1)], single_patterns=single_patterns)).words
    assert ("joint initial estimate" in text) is single_patterns


def test_a_value_alone_is_not_the_best() -> None:
    rows = [compared("a", 0.3), compared("b", None, reason="it failed")]
    assert rows_in(page_of(rows))[0][1:] == ["0.30000", "–it failed"]


def test_an_undefined_value_has_its_reason_as_text() -> None:
    text = page_of([compared("a", 0.3), compared("b", None, reason="<script>alert(1)</script>")])
    assert "<script" not in text
    assert rows_in(text)[0][2] == "–<script>alert(1)</script>"


def test_a_reason_that_all_methods_share_is_said_once() -> None:
    reason = "skipped: the scan is too fine"
    sparse: dict[str, Any] = {"view": "sparse", "value": None, "reason": reason}
    rows = [compared(name, 0.3) for name in ("a", "b")]
    rows += [replace(compared(name, None), **sparse) for name in ("a", "b")]
    text = page_of(rows)
    assert text.count(reason) == 1
    assert names(rows_in(text)[1][0], "1,000 photons", "sparse", "gridsize 2")
    assert rows_in(text)[1][1:] == [f"– {reason}"]
    assert 'colspan="2"' in text


def test_the_first_metric_is_open_and_the_others_are_folded() -> None:
    text = page_of([compared("a", 0.3), compared("a", 20.0, metric="phase PSNR", unit="dB", direction="higher")])
    assert [("open" in found) for found in re.findall(r"<details[^>]*>", text)] == [True, False]
    assert text.index("<details open>") < text.index("<table") < text.index("<details>")
    assert text.count("<table") == 2
    assert re.search(r"<summary>Phase PSNR \(dB\b", text)


def test_values_of_different_protocols_stand_in_different_tables() -> None:
    one, other = "1" * 64, "2" * 64
    text = page_of([compared("a", 0.3, protocol=one), compared("b", 0.2, protocol=other)])
    assert text.count("<table") == 2
    assert "best" not in text.replace("better", "")
    assert [text.count(f'title="sha256 {digest}"') for digest in (one, other)] == [1, 1]
    assert "sha256" not in page_of([compared("a", 0.3, protocol=one), compared("b", 0.2, protocol=one)])


def test_the_page_shows_a_comparison_first_and_none_where_there_is_none(tmp_path: Path) -> None:
    write_report(tmp_path)
    assert "Comparison" not in (tmp_path / "docs" / "report.html").read_text(encoding="utf-8")
    manifest = example("comparison_manifest", "every-status.json")
    picture = tmp_path / "real_run" / manifest["figures"][0]["file"]["path"]
    picture.parent.mkdir(parents=True)
    Image.new("L", (7, 5)).save(picture)
    manifest["figures"][0]["file"] = file_record(picture, tmp_path / "real_run")
    write_json(tmp_path / COMPARISON, manifest)
    write_report(tmp_path)
    text = (tmp_path / "docs" / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'<h2 id="(\w+)"', text)[0] == "comparison"
    assert re.findall(r'<a href="#(\w+)"', text.partition("<nav")[2])[0] == "comparison"
    assert text.count("<img ") == 1
    assert 'width="7" height="5" alt="' in text
    assert manifest["figures"][0]["file"]["sha256"] in text
    Image.new("L", (7, 5), color=9).save(picture)  # another picture than the one that was recorded
    write_report(tmp_path)
    assert "<img " not in (tmp_path / "docs" / "report.html").read_text(encoding="utf-8")


def test_every_cell_of_a_comparison_is_in_each_of_its_first_tables() -> None:
    manifest = example("comparison_manifest", "every-status.json")
    values = values_of(manifest)
    cells = [cell for cell in manifest["cells"] if cell["status"] == "success"]
    wanted = {(found["metric"], cell["job"]): found["value"] for cell in cells for found in cell["measures"]}
    by_label = {definition.label: name for name, definition in metric_definitions(Recipe(**manifest["recipe"])).items()}
    shown = {}
    for value in values:
        cell = f"{cell_key(value.dose, value.view.split(',')[0], value.gridsize)}"
        half = re.search(r", (\w+) half", value.view)
        split = half[1] if half else manifest["cells"][0]["split"]
        shown[by_label[value.metric], f"{cell}-{split}-{value.method}"] = value
    metrics = {by_label[value.metric] for value in values}
    assert "complex_nrmse" in metrics
    for (metric, job), number in wanted.items():
        assert metric not in metrics or shown[metric, job].value == number
    for cell in (cell for cell in manifest["cells"] if cell["status"] != "success"):
        job = f"{cell_key(cell['dose'], cell['view'], cell['gridsize'])}-{cell['split']}-{cell['method']}"
        for metric in metrics:
            value = shown[metric, job]
            assert value.value is None
            assert value.reason


def test_the_settings_of_methods_stand_beside_their_values_and_say_who_had_not_converged() -> None:
    manifest = example("comparison_manifest", "every-status.json")
    found = known(settings(manifest))
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in found.rows}
    assert rows["lsqml"] == ["10 epochs; batching compact, momentum 0.5, n_batches chosen of 1, 4", "1 of 1 cells"]
    assert rows["flat"] == ["no iterations", "–"]
    for entry in manifest["protocols"]:
        del entry["parts"]["methods"]
    assert settings(manifest) is None
    assert settings(None) is None
