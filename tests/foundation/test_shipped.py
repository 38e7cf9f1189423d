"""The bundle that comes with ptyproof: its record, its design, what it makes of scans, and that studies take it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ptyproof.foundation.bundle import SharedNetwork, read_bundle
from ptyproof.foundation.design import design_of
from ptyproof.foundation.objects import KINDS
from ptyproof.foundation.shipped import RECORD, shipped
from ptyproof.foundation.validation import validate
from ptyproof.io.hashing import sha256_file
from ptyproof.io.schema import validate as obeys
from ptyproof.methods.foundation import Foundation
from ptyproof.methods.registry import known_methods
from ptyproof.study.builtin import builtin_study
from ptyproof.study.reconstruction import MethodDesign
from ptyproof.study.training import NetworkDesign


@pytest.fixture(scope="module")
def bundle() -> SharedNetwork:
    path = shipped()
    assert path is not None
    return read_bundle(path)


def test_the_record_beside_it_is_that_of_its_training(bundle: SharedNetwork) -> None:
    path = shipped()
    assert path is not None
    record = json.loads(path.with_name(RECORD).read_text(encoding="utf-8"))
    obeys(record, "foundation", RECORD)
    history = record.pop("history")
    assert record.pop("seconds") > 0
    assert record == bundle.record
    assert history[-1]["step"] == record["steps"]


def test_its_design_is_read_as_it_was_written(bundle: SharedNetwork) -> None:
    record = bundle.record
    design = design_of(record["design"])
    assert design.as_dict() == record["design"]
    assert design.recipe_sha256() == record["recipe_sha256"]
    assert tuple(record["objects"]) == KINDS


def test_a_scan_of_another_stream_is_corrected_as_its_record_says(bundle: SharedNetwork) -> None:
    recorded = bundle.record["validation"]
    found = validate(bundle.network, design_of(bundle.record["design"]))
    assert [(row["object"], row["dose"]) for row in found] == [(row["object"], row["dose"]) for row in recorded]
    for key in ("start_nrmse", "nrmse"):
        np.testing.assert_allclose([row[key] for row in found], [row[key] for row in recorded], rtol=1e-3)
    assert all(row["nrmse"] < row["start_nrmse"] for row in found)


def test_a_study_takes_it_where_no_other_is_named() -> None:
    path = shipped()
    assert path is not None
    design = builtin_study("fly64")
    methods = (MethodDesign("foundation"),)
    known = known_methods(replace(design, reconstruction=replace(design.reconstruction, methods=methods)))
    assert known["foundation"].unavailable is None
    assert known["foundation"].options == {"bundle": "shipped", "bundle_sha256": sha256_file(path)}


@pytest.mark.parametrize("study", ["fly64", "fly64-smoke", "fly001"])
def test_patterns_of_built_in_studies_are_in_its_range(bundle: SharedNetwork, study: str) -> None:
    smallest, largest = bundle.windows_px[0], bundle.windows_px[-1]
    assert smallest <= builtin_study(study).pattern_size_px <= largest
    assert Foundation(NetworkDesign()).unavailable() is None
