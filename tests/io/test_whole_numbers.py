"""1.0 is the whole number 1 wherever a schema says integer: readers turn it into 1, checks and phases go on with it."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptyproof.checking import check
from ptyproof.checking.judge import check_value
from ptyproof.io.schema import schema_errors
from ptyproof.io.schema_files import kinds, load_schema
from ptyproof.io.whole_numbers import with_whole_numbers
from ptyproof.phases.base import load_base
from ptyproof.phases.c_simulate.generate import generate
from ptyproof.phases.d_overlap.overlap import overlap
from ptyproof.records.manifest import read_any_manifest, same_but_time
from ptyproof.study.design import StudyDesign, design_from_dict
from ptyproof.study.jobs import build_training_jobs
from tests.helpers.phases import Phase
from tests.helpers.schema_rules import EXAMPLES, parts

VALID = sorted(EXAMPLES.glob("*/valid/*.json"))


def with_floats(value: Any) -> Any:
    """Return a value as a program writes it that knows one kind of number."""
    if isinstance(value, dict):
        return {key: with_floats(part) for key, part in value.items()}
    if isinstance(value, list):
        return [with_floats(part) for part in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def integers_of(value: Any, place: str = "$") -> dict[str, int]:
    """Return the whole numbers in a value by their place."""
    if isinstance(value, dict):
        return {k: v for key, part in value.items() for k, v in integers_of(part, f"{place}.{key}").items()}
    if isinstance(value, list):
        return {k: v for number, part in enumerate(value) for k, v in integers_of(part, f"{place}[{number}]").items()}
    return {place: value} if isinstance(value, int) and not isinstance(value, bool) else {}


@pytest.mark.parametrize("path", VALID, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_whole_numbers_of_every_kind_come_back(path: Path) -> None:
    kind, major = parts(path.parts[-3])
    value = json.loads(path.read_text(encoding="utf-8"))
    floats = with_floats(value)
    kept = copy.deepcopy(floats)
    found = with_whole_numbers(floats, kind, major)
    assert found == value
    assert floats == kept
    assert not schema_errors(found, kind, major)
    wanted = with_whole_numbers(value, kind, major)
    assert wanted is value
    left = integers_of(value).keys() - integers_of(found).keys()
    names = {place: place.rstrip("]0123456789").rstrip("[").rpartition(".")[2] for place in left}
    free = (".detail.", "$.entry.")  # what the schema of the kind does not describe
    assert not [place for place, name in names.items() if name in INTEGERS and not any(part in place for part in free)]


def _integers(schema: Any) -> set[str]:
    """Return the names of properties that any schema calls integer."""
    if isinstance(schema, list):
        return {name for part in schema for name in _integers(part)}
    if not isinstance(schema, dict):
        return set()
    found = {name for part in schema.values() for name in _integers(part)}
    for name, inner in schema.get("properties", {}).items():
        types = inner.get("type", ()) if isinstance(inner, dict) else ()
        if types == "integer" or "integer" in (types if isinstance(types, list) else ()):
            found.add(name)
    return found


INTEGERS = {name for kind, major in kinds() for name in _integers(load_schema(kind, major))} - {"n", "value", "epochs"}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner)))
def test_any_value_is_let_through(value: Any) -> None:
    for kind in ("training_manifest", "study_design", "hub_index"):
        found = with_whole_numbers(value, kind)
        assert found is value or found == value


@pytest.mark.parametrize("path", VALID, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_the_checks_find_in_floats_what_they_find_in_integers(path: Path) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    found, wanted = (
        {(one.code, one.json_path) for one in check_value(one).findings} for one in (with_floats(value), value)
    )
    assert found == wanted


def test_a_design_of_floats_is_the_design(smoke: StudyDesign) -> None:
    found = design_from_dict(with_floats(smoke.as_dict()))
    assert found == smoke
    assert found.digest() == smoke.digest()
    assert repr(found) == repr(smoke)


def test_phases_go_on_from_manifests_of_floats(
    smoke: StudyDesign, smoke_c: Phase, smoke_d: Phase, tmp_path: Path
) -> None:
    shutil.copytree(smoke_c.root, tmp_path / "c")
    shutil.copytree(smoke_d.root, tmp_path / "d")
    for path in (tmp_path / "c" / "run_manifest.json", tmp_path / "d" / "overlap_manifest.json"):
        path.write_text(json.dumps(with_floats(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
        assert not check(path)
        assert integers_of(read_any_manifest(path)).keys() >= {"$.design.pattern_size_px", "$.design.seeds.simulation"}
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npz")}
    generate(smoke, load_base(smoke, "builtin"), tmp_path / "c")
    again = overlap(tmp_path / "c", tmp_path / "d")
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.npz")} == before
    assert same_but_time(again | {"phase_c_root": ""}, {**smoke_d.manifest, "phase_c_root": ""})
    jobs = build_training_jobs(smoke, tmp_path / "c", tmp_path / "d", tmp_path / "a")
    assert {job.key for job in jobs.jobs} == {
        f"dose{dose}-{view}" for dose in (1000, 10000, 100000) for view in ("baseline-gs1", "dense-gs2")
    }
