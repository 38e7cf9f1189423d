"""Tables over replicates: medians, outcomes against a method, the best one, and the hubs that cannot share a table."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.checking.judge import check_manifest
from ptyproof.cli.main import main
from ptyproof.errors import InputError
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import COMPARISON
from ptyproof.records.manifest import read_manifest
from ptyproof.study.design import StudyDesign
from ptyproof.tables.choice import Choice
from ptyproof.tables.hubs import HubResults, read_hubs
from ptyproof.tables.table import table_of
from ptyproof.tables.text import lines_of
from tests.helpers.messages import names, naming
from tests.helpers.replicates import LEVELS, MakeHub

ERROR = "complex_nrmse"


def scores_of(table: Any, metric: str = ERROR) -> dict[str, Any]:
    """Return the score of each method in a metric."""
    return {row["method"]: next(score for score in row["scores"] if score["metric"] == metric) for row in table["rows"]}


def values_of(roots: list[Path], method: str, metric: str = ERROR) -> list[float]:
    """Return what the comparison manifests say."""
    found = []
    for root in roots:
        cells = json.loads((root / COMPARISON).read_text())["cells"]
        measures = next(cell for cell in cells if cell["method"] == method)["measures"]
        found.append(next(entry["value"] for entry in measures if entry["metric"] == metric))
    return found


def test_zip_files_of_hubs_give_the_same_table(three: list[Path], results: list[HubResults], tmp_path: Path) -> None:
    packed = []
    for number, root in enumerate(three):
        packed.append(tmp_path / f"{number}.zip")
        assert main(["hub", "export", str(root), "--format", "ro-crate", str(packed[-1])]) == 0
    found = table_of(read_hubs(packed), Choice())
    assert [entry["name"] for entry in found["hubs"]] == ["0.zip", "1.zip", "2.zip"]
    assert found["rows"] == table_of(results, Choice())["rows"]


def test_a_row_has_the_values_of_the_replicates_and_what_the_rule_says(
    three: list[Path], results: list[HubResults]
) -> None:
    table = table_of(results, Choice(against="lsqml"))
    assert [(entry["hub"], entry["number"]) for entry in table["replicates"]] == [(0, 1), (1, 1), (2, 1)]
    scores = scores_of(table)
    assert list(scores) == list(LEVELS)
    for method, score in scores.items():
        values = values_of(three, method)
        assert score["values"] == values
        assert (score["median"], score["low"], score["high"]) == (np.median(values), min(values), max(values))
    outcomes = {method: score["against"] and score["against"]["outcome"] for method, score in scores.items()}
    assert outcomes == {"start": "behind", "lsqml": None, "pinn": "ahead"}
    assert [method for method, score in scores.items() if score["is_best"]] == ["pinn"]
    assert [row["is_control"] for row in table["rows"]] == [True, False, False]


@pytest.mark.parametrize(
    ("column", "metric"),
    [("training_s", "training_s"), ("start_s", "initial_estimate_s"), ("reconstruction_s", "reconstruction_s")],
)
def test_times_are_those_of_the_comparison(
    three: list[Path], results: list[HubResults], column: str, metric: str
) -> None:
    rows: Any = table_of(results, Choice())["rows"]
    assert {row["method"]: row[column]["values"] for row in rows} == {
        method: values_of(three, method, metric) for method in LEVELS
    }


@pytest.mark.parametrize("n", [1, 2])
def test_few_replicates_decide_nothing(results: list[HubResults], n: int) -> None:
    scores = scores_of(table_of(results[:n], Choice(against="lsqml")))
    judged = scores["pinn"]["against"]
    assert (judged["outcome"], judged["reasons"], judged["n"]) == ("undecided", ["too_few_replicates"], n)
    assert not any(score["is_best"] for score in scores.values())


def test_the_best_method_is_ahead_of_those_that_are_not_shown(results: list[HubResults]) -> None:
    scores = scores_of(table_of(results, Choice(methods=["lsqml", "start"])))
    assert {method: score["is_best"] for method, score in scores.items()} == {"start": False, "lsqml": False}


def test_the_method_that_others_are_compared_with_is_shown(results: list[HubResults]) -> None:
    assert list(scores_of(table_of(results, Choice(methods=["pinn"], against="lsqml")))) == ["lsqml", "pinn"]


def test_a_value_that_a_replicate_lacks_decides_nothing(results: list[HubResults]) -> None:
    cells: list[Any] = [dict(cell) for cell in results[1].comparison["cells"]]
    cells[2] = {key: cells[2][key] for key in ("dose", "view", "gridsize", "split", "method")} | {
        "status": "failed",
        "reason": "object is nan",
    }
    comparison: Any = {**results[1].comparison, "cells": cells}
    table = table_of([results[0], replace(results[1], comparison=comparison), results[2]], Choice(against="lsqml"))
    scores = scores_of(table)
    assert scores["pinn"]["values"][1] is None
    assert scores["pinn"]["against"]["reasons"] == ["value_missing"]
    assert not any(score["is_best"] for score in scores.values())
    (missing,) = table["without_result"]
    assert (missing["replicate"], missing["method"], missing["reason"]) == (1, "pinn", "object is nan")
    assert any(names(line, "pinn", "failed", "object is nan") for line in lines_of(table, "text"))


@pytest.mark.parametrize(
    ("choice", "parts"),
    [
        (Choice(metrics=["nrmse"]), ("--metric", "nrmse", "complex_nrmse")),
        (Choice(metrics=["time_s"]), ("--metric", "time_s")),
        (Choice(doses=[1e3]), ("--dose", "10000", "1000")),
        (Choice(views=["dense"]), ("--view", "baseline", "dense")),
        (Choice(methods=["rpie"]), ("--method", "lsqml", "rpie")),
        (Choice(against="map-tv"), ("--against", "lsqml", "map-tv")),
    ],
)
def test_a_choice_that_the_hubs_do_not_have_is_refused(
    results: list[HubResults], choice: Choice, parts: tuple[str, ...]
) -> None:
    with pytest.raises(InputError, match=naming(*parts)):
        table_of(results, choice)


def test_one_replicate_is_not_counted_twice(three: list[Path], tmp_path: Path) -> None:
    shutil.copytree(three[0], tmp_path / "again")
    for pair in ([three[0], three[0]], [three[0], tmp_path / "again"]):
        with pytest.raises(InputError, match=naming("dose10000-baseline-gs1", pair[1])):
            read_hubs(pair)


def test_an_unsound_hub_is_refused(three: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub = tmp_path / "hub"
    shutil.copytree(three[1], hub)
    path = hub / COMPARISON
    path.write_text(path.read_text().replace('"value": 0.0', '"value": 0.00', 1))
    assert main(["table", str(three[0]), str(hub), "--output", str(tmp_path / "table.md")]) == 2
    said = capsys.readouterr()
    assert (said.out, (tmp_path / "table.md").exists()) == ("", False)
    assert names(said.err, str(hub), f"ptyproof check {hub}")


def test_a_hub_without_a_comparison_is_refused(tmp_path: Path) -> None:
    hub = Hub(tmp_path / "hub")
    hub.write(lambda: None)
    with pytest.raises(InputError, match=naming(hub.root, COMPARISON)):
        read_hubs([hub.root])
    with pytest.raises(InputError):
        read_hubs([tmp_path])


def test_hubs_of_other_studies_or_protocols_are_refused(
    three: list[Path], make_hub: MakeHub, tiny: StudyDesign
) -> None:
    other_view = replace(tiny, min_acceptance_rate=0.2)
    with pytest.raises(InputError, match=naming("min_acceptance_rate", "0.1", "0.2")):
        read_hubs([three[0], make_hub(2, design=other_view)])
    with pytest.raises(InputError, match=naming("epie")):
        read_hubs([three[0], make_hub(2, {"start": 0.3, "lsqml": 0.05, "epie": 0.04})])


def test_protocols_that_differ_are_named(results: list[HubResults]) -> None:
    from ptyproof.tables.hubs import check_alike

    protocols: Any = json.loads(json.dumps(results[1].comparison["protocols"]))
    protocols[0]["parts"]["methods"]["lsqml"]["budget"]["epochs"] = 50
    other: Any = {**results[1].comparison, "protocols": protocols}
    with pytest.raises(InputError, match=naming("methods.lsqml.budget.epochs", "50")):
        check_alike(results[0], replace(results[1], comparison=other))


def test_other_code_and_other_objects_are_said(results: list[HubResults]) -> None:
    other = json.loads(json.dumps([results[1].comparison, results[1].reconstruction]))
    other[0]["design"]["base"]["seed"] += 1
    other[1]["jobs"][1]["provider"]["version"] = "2"
    changed = replace(results[1], comparison=other[0], reconstruction=other[1])
    remarks = table_of([results[0], changed], Choice())["remarks"]
    assert [names(remark, "seed") or names(remark, "lsqml", "2") for remark in remarks] == [True, True]


def test_a_method_that_had_not_converged_is_named(results: list[HubResults]) -> None:
    cells = json.loads(json.dumps(results[1].comparison["cells"]))
    for cell, converged in zip(cells, (True, False), strict=False):
        cell["convergence"] = {"converged": converged}
    comparison: Any = {**results[1].comparison, "cells": cells}
    (remark,) = table_of([results[0], replace(results[1], comparison=comparison)], Choice())["remarks"]
    assert names(remark, cells[1]["method"], "10000 baseline")
    assert not names(remark, cells[0]["method"])


def test_the_command_writes_text_markdown_and_json(
    three: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["table", *map(str, three), "--against", "lsqml", "--metric", ERROR]
    assert main(words) == 0
    text = capsys.readouterr().out
    (line,) = [line for line in text.splitlines() if names(line, "10000", "pinn")]
    values = values_of(three, "pinn")
    shown = f"{np.median(values):.4g} [{min(values):.4g}, {max(values):.4g}]"
    assert names(line, shown, "ahead", "best")
    assert main([*words, "--output", str(tmp_path / "table.md")]) == 0
    assert names((tmp_path / "table.md").read_text(encoding="utf-8"), f"**{shown}**")
    assert main([*words, "--output", str(tmp_path / "table.json")]) == 0
    record = read_manifest(tmp_path / "table.json", "comparison_table")
    assert scores_of(record)["pinn"]["values"] == values
    assert check_manifest(tmp_path / "table.json").findings == ()
    assert main([*words, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == record


def test_equal_hubs_give_equal_bytes(three: list[Path], tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        assert main(["table", *map(str, three), "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
