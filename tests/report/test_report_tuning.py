"""The report's table of trials: each is there, what was chosen is marked, and nothing where nothing was tuned."""

from __future__ import annotations

from pathlib import Path

from ptyproof.hub.layout import RECONSTRUCTION
from ptyproof.report.page import write_report
from ptyproof.report.page.tuning import trials
from tests.helpers.report_hub import Reader
from tests.helpers.schema_rules import example


def test_every_trial_has_a_row_and_the_best_is_marked() -> None:
    manifest = example("reconstruction_manifest", "whole-dose.json")
    found = trials(manifest)
    assert found is not None
    rows = [[cell.text for cell in row] for row in found.rows]
    key = "dose1000-dense-gs2-test-pinn+lsqml"
    assert [(row[1], row[4]) for row in rows if row[0] == key] == [
        ("momentum = 0.5", "chosen"),
        ("momentum = 0", ""),
        ("momentum = 0.9", ""),
    ]
    (failed,) = [row for row in found.rows if row[0].text == key and row[2].note is not None]
    assert "nan" in str(failed[2].note)
    assert {row[0].text for row in found.rows} == {key, "dose1000-baseline-gs1-test-pinn+lsqml"}


def test_the_page_has_the_section_where_something_was_tuned(tmp_path: Path) -> None:
    write_report(tmp_path)
    page = (tmp_path / "docs" / "report.html").read_text(encoding="utf-8")
    assert 'id="tuning"' not in page
    example_path = Path(__file__).parents[1] / "schemas/examples/reconstruction_manifest/valid/whole-dose.json"
    (tmp_path / RECONSTRUCTION).parent.mkdir(parents=True)
    (tmp_path / RECONSTRUCTION).write_bytes(example_path.read_bytes())
    write_report(tmp_path)
    page = (tmp_path / "docs" / "report.html").read_text(encoding="utf-8")
    assert 'id="tuning"' in page
    assert Reader(page).words.count("momentum = 0.9") == 2
