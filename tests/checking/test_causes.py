"""Each output format reports a cause once with all its places; no text occurs twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import check_value
from ptyproof.cli.main import main
from tests.helpers.changed_examples import E6, F3, SCORES, C, changed
from tests.helpers.folders import json_file

ROOT = "/home/somebody/study"


def _absolute(value: Any) -> Any:
    """Return a value with every path below one absolute root."""
    if isinstance(value, dict):
        return {key: _absolute(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_absolute(inner) for inner in value]
    return f"{ROOT}/{value}" if isinstance(value, str) and value.startswith(("work/", "sim/")) else value


@pytest.mark.parametrize(("of", "n"), [(C, 6), (E6, 11)])
def test_paths_below_one_absolute_root_are_one_cause(of: tuple[str, str], n: int) -> None:
    checked = check_value(_absolute(changed(of, {})))
    found = [cause for cause in checked.causes if cause.code == "PM401"]
    assert len(found) == 1
    assert len(found[0].places) == n
    assert ROOT in found[0].message
    assert len([finding for finding in checked.findings if finding.code == "PM401"]) == n


def test_two_roots_are_two_causes_and_a_path_alone_is_named() -> None:
    value = _absolute(changed(E6, {"phase_c_root": "C:\\data", "jobs/1/log_path": "/mnt/logs/train.log"}))
    found = [cause for cause in check_value(value).causes if cause.code == "PM401"]
    assert sorted(len(cause.places) for cause in found) == [1, 1, 9]
    assert any("/mnt/logs/train.log" in cause.message for cause in found)


def test_the_schema_is_not_said_where_a_claim_tells_it() -> None:
    value = changed(E6, {"jobs/0/result/final_loss": None, "skipped_count": None})
    checked = check_value(value)
    places = {(finding.code, finding.json_path) for finding in checked.findings}
    assert {("PM101", "$.jobs[0].result.final_loss"), ("PM703", "$.jobs[0].result.final_loss")} <= places
    told = {(cause.code, place) for cause in checked.causes for place in cause.places}
    assert ("PM703", "$.jobs[0].result.final_loss") in told
    assert ("PM101", "$.jobs[0].result.final_loss") not in told
    assert ("PM101", "$.skipped_count") in told


def test_every_place_is_told_and_no_verdict_is_lost() -> None:
    rows = {f"jobs/0/metrics/{at}/{side}": 1.0 for at in (5,) for side in ("amplitude", "phase")}
    for of, changes in ((SCORES, rows), (E6, {"jobs/0/result/status": 7, "jobs/0/dose": "x"}), (F3, {})):
        checked = check_value(_absolute(changed(of, changes)))
        told = {place for cause in checked.causes for place in cause.places}
        assert told == {finding.json_path for finding in checked.findings}
        assert {cause.severity for cause in checked.causes} == {finding.severity for finding in checked.findings}


def test_no_line_is_there_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = []
    for number in range(3):
        value = _absolute(
            changed(E6, {"jobs/0/result/final_loss": None, "timestamp": f"2025-10-0{number + 1}T09:15:27"})
        )
        names.append(str(json_file(tmp_path / f"{number}_manifest.json", value)))
    assert main(["check", *names]) == 1
    out = capsys.readouterr().out
    for text in ("to fix it: Write paths relative", "to fix it: Let the training write"):
        assert out.count(text) == 1
    per_file = out.split("\n\n")[0].splitlines()
    assert len(per_file) == len(set(per_file))


def test_json_and_annotations_have_causes_with_their_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = str(json_file(tmp_path / "run_manifest.json", _absolute(changed(C, {}))))
    assert main(["check", name, "--format", "json"]) == 1
    said = json.loads(capsys.readouterr().out)
    (finding,) = said["files"][0]["findings"]
    assert finding["code"] == "PM401"
    assert len(finding["places"]) == 6
    assert finding["json_path"] == finding["places"][0]
    assert said["counts"]["error"] == 1
    assert main(["check", name, "--format", "github"]) == 1
    assert capsys.readouterr().out.count("::error") == 1
