"""Every check speaks up on what it is for, and on nothing that is sound."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ptyproof.checking import GROUPS, SEVERITIES, Checked, check_manifest, check_value
from ptyproof.checking.model.codes import codes
from ptyproof.io.schema_files import current_kinds
from tests.helpers.changed_examples import WHOLE, Case, changed
from tests.helpers.changed_values import mutations
from tests.helpers.legacy_cases import LEGACY_CASES
from tests.helpers.manifest_cases import CASES as OF_TODAY
from tests.helpers.phases import Phase
from tests.helpers.schema_rules import KINDS, example, example_names

CASES = (*OF_TODAY, *LEGACY_CASES)
# What needs a file, or a folder with files: see test_files, test_beside and test_loading;
# of hubs test_hub_judge and test_hub_records.
OF_FILES = {"PM001", "PM002", "PM003", "PM004", "PM005", "PM006", "PM008", "PM102", "PM210"}
OF_FILES |= {"PM301", "PM302", "PM303", "PM305", "PM306", "PM308", "PM802"}
OF_FILES |= {"PM310", "PM311"}  # see records/test_journal
OF_FILES |= {"PM105", "PM106", "PM107", "PM309"}  # see test_own_kinds
OF_FILES |= {f"PM9{number:02d}" for number in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11)}
OF_FILES |= {f"PM9{number}" for number in range(12, 18)}  # see signing/test_altered
OF_FILES |= {"PM312"}  # see test_hub_pictures
OF_FILES |= {f"PM9{number}" for number in range(18, 26)}  # see exchange/test_descriptions, signing
SOUND = [(kind, name) for kind in KINDS if kind in current_kinds() for name in example_names(kind)]


def _id(case: Case) -> str:
    return f"{case.code}-{case.example[0]}-{case.place}"


@cache
def unchanged(of: tuple[str, str]) -> Checked:
    """Return what is found in an example."""
    return check_value(changed(of, {}))


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_a_changed_manifest_is_found_out(case: Case) -> None:
    checked = check_value(case.value())
    assert (case.code, case.place) in {(finding.code, finding.json_path) for finding in checked.findings}
    assert {finding.group for finding in checked.findings} <= set(checked.groups)
    assert all(checked.of(finding.group) for finding in checked.findings)


# Examples of earlier generations, or of jobs that failed, have these as they are.
AS_THEY_ARE = [
    "PM503",
    "PM607",
    "PM701",
    "PM702",
    "PM704",
    "PM705",
    "PM707",
    "PM709",
    "PM711",
    "PM713",
    "PM715",
    "PM717",
]


@pytest.mark.parametrize("case", [case for case in CASES if case.code not in AS_THEY_ARE], ids=_id)
def test_the_unchanged_one_is_not(case: Case) -> None:
    found = {(finding.code, finding.json_path) for finding in unchanged(case.example).findings}
    assert (case.code, case.place) not in found


def test_every_code_has_a_case() -> None:
    assert {case.code for case in CASES} | OF_FILES == set(codes())


def _is_evidence(kind: str, name: str) -> bool:
    """Tell records of earlier tools, of a hub that a run is writing and of a training that differs from the others."""
    return "migrated" not in example(kind, name) and name not in ("running.json", "diverged.json")


@pytest.mark.parametrize(("kind", "name"), [found for found in SOUND if _is_evidence(*found)])
def test_no_error_is_found_in_what_the_project_may_write(kind: str, name: str) -> None:
    checked = check_value(example(kind, name))
    assert checked.kind == kind
    assert [str(finding) for finding in checked.findings if finding.severity == "error"] == []


def test_what_the_phases_write_is_sound(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase) -> None:
    files = [path for phase in (smoke_c, smoke_d, smoke_e) for path in sorted(phase.root.rglob("*.json"))]
    kinds = set()
    for path in files:
        checked = check_manifest(path)
        assert [str(finding) for finding in checked.findings] == []
        kinds.add(checked.kind)
    expected = {"run_manifest", "overlap_manifest", "overlap_metrics", "metrics_bundle", "training_manifest"}
    assert kinds >= expected | {"skip_summary", "model"}


def test_codes_are_grouped_by_their_first_digit_and_have_words() -> None:
    for name, code in codes().items():
        assert name == code.code
        assert code.group in GROUPS
        assert code.severity in SEVERITIES
        for said in (code.why, code.fix):
            assert said.endswith(".")


def test_findings_stand_worst_first_and_numbers_count_as_numbers() -> None:
    jobs = [{**changed(WHOLE, {})["jobs"][0], "gridsize": 0} for _ in range(12)]
    found = check_value(changed(WHOLE, {"jobs": jobs, "timestamp": "2026-11-23T22:48:51"})).findings
    ranks = [SEVERITIES.index(finding.severity) for finding in found]
    assert ranks == sorted(ranks)
    places = [finding.json_path for finding in found if finding.code == "PM101" and "gridsize" in finding.json_path]
    assert places == [f"$.jobs[{number}].gridsize" for number in range(12)]


@pytest.mark.parametrize("value", [None, 7, "text", [], {}, [{}], {"kind": 7}, {"kind": "manifest"}, {"a": 1}])
def test_an_unknown_value_is_said_to_be_unknown(value: Any) -> None:
    checked = check_value(value)
    assert (checked.kind, checked.generation) == (None, None)
    assert [finding.code for finding in checked.findings] == ["PM102"]


def test_a_current_kind_is_not_taken_from_a_legacy_name() -> None:
    assert check_value({"kind": "legacy_run_manifest_c", "schema_version": "1.0.0"}).kind is None


def test_the_library_call_of_the_package(tmp_path: Path) -> None:
    from ptyproof.checking import check

    path = tmp_path / "report.json"
    path.write_text('{"n_valid": "10/10", "status": "complete"}')
    assert {finding.code for finding in check(path)} >= {"PM707", "PM101"}


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_upsets_a_check(kind: str) -> None:
    numbers = random.Random(kind)
    for name in example_names(kind):
        for value in mutations(example(kind, name), 6, numbers):
            for finding in check_value(next(mutations(value, 1, numbers), value)).findings:
                assert "\n" not in str(finding)


def test_values_of_odd_size_are_judged(tmp_path: Path) -> None:
    value = changed(WHOLE, {"jobs/0/dose": 10**4000, "jobs/0/result/final_loss": -(10**400), "skipped_count": 10**30})
    assert {finding.code for finding in check_value(value).findings} >= {"PM101"}


def test_ends_of_jobs_are_those_that_the_ledger_writes() -> None:
    from ptyproof.checking.checks import account
    from ptyproof.records.cell_book import STATUSES

    assert account.STATUSES == STATUSES
