"""The JUnit report of a run that is recorded in a hub leads to it."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ptyproof.io.hashing import sha256_file
from tests.helpers.projects import RIGHT, Project


def properties(report: Path) -> dict[str, str]:
    """Return the properties of the suite of a JUnit report."""
    return {one.attrib["name"]: one.attrib["value"] for one in ElementTree.parse(report).iter("property")}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write("calc.py", RIGHT)
    return made


@pytest.mark.parametrize("args", [(), ("-p", "xdist", "-n", "2")], ids=["one process", "two"])
def test_a_report_names_hub_run_and_the_index_as_the_run_left_it(project: Project, args: tuple[str, ...]) -> None:
    report = project.root / "reports" / "junit.xml"
    for number in (1, 2):
        assert project.pytest(f"--junitxml={report}", *args).status == 0
        found = properties(report)
        hub = Path(os.path.normpath(report.parent / found["ptyproof_hub"]))
        assert hub == project.hub.root
        assert found["ptyproof_run"] == f"run-000{number}"
        assert found["ptyproof_hub_index_sha256"] == sha256_file(project.hub.index_path)


def test_a_report_in_the_hub_has_no_digest_of_the_index_that_has_it(project: Project) -> None:
    report = project.hub.root / "junit.xml"
    assert project.pytest(f"--junitxml={report}").status == 0
    assert properties(report) == {"ptyproof_hub": ".", "ptyproof_run": "run-0001"}
    assert {"junit.xml"} <= {file["path"] for file in project.hub.files()}


def test_a_run_that_is_not_recorded_has_no_properties(project: Project) -> None:
    report = project.root / "junit.xml"
    assert project.pytest(f"--junitxml={report}", hub=False).status == 0
    assert properties(report) == {}
