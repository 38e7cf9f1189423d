"""The tutorials, followed as they are written: every file saved, every command run, each with its exit status."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

import pytest

from ptyproof.io.toml import read_toml
from ptyproof.jobs.cluster_options import ClusterOptions, cluster_options
from tests.helpers.processes import plain_pictures, plugin_alone
from tests.helpers.runs import TINY
from tests.helpers.tutorials import TUTORIALS, do, follow, prepared, steps

CLUSTERS = TUTORIALS.parent / "clusters.md"  # tests/cluster does the steps for Slurm
# test_tour.py follows red-and-green
PAGES = sorted(path.stem for path in TUTORIALS.glob("*.md"))


def fresh() -> dict[str, str]:
    """Return the environment of a reader, to whom pytest finds the plugin by itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


@pytest.mark.parametrize("name", PAGES)
def test_a_tutorial_has_steps_and_each_file_is_used(name: str) -> None:
    found = steps(TUTORIALS / f"{name}.md")
    commands = "".join(step.text for step in found if step.file is None)
    assert commands
    for step in found:
        if step.file is not None and step.file != "pyproject.toml":
            path = Path(step.file)
            name = path.parent.name if path.stem == "__init__" else path.stem
            assert name in "".join(other.text for other in found if other is not step), step.file


def test_a_step_with_another_status_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- file: a.txt -->\n```text\nx\n```\n\n<!-- exit status: 3 -->\n```sh\nexit 3\n```\n")
    follow(page, tmp_path, os.environ)
    page.write_text("```sh\ntrue\nfalse\n```\n")
    (tmp_path / "again").mkdir()
    with pytest.raises(AssertionError, match="false"):
        follow(page, tmp_path / "again", os.environ)


def test_checking_manifests_of_others(tmp_path: Path) -> None:
    here = follow(TUTORIALS / "checking-manifests.md", tmp_path, plugin_alone())
    findings = json.loads((here / "findings.json").read_text())
    codes = {finding["code"] for file in findings["files"] for finding in file["findings"]}
    assert codes == {"PM201", "PM303"}


@pytest.mark.campaign
def test_a_first_study(tmp_path: Path) -> None:
    here = follow(TUTORIALS / "first-study.md", tmp_path, fresh())
    assert (here / "hub/docs/report.html").is_file()
    manifest = json.loads((here / "hub-mine/real_run/training_manifest.json").read_text())
    assert [(job["dose"], job["view"]) for job in manifest["jobs"]] == [(5000.0, "dense")]


@pytest.mark.campaign
def test_a_method_of_your_own(tmp_path: Path) -> None:
    here = follow(TUTORIALS / "own-method.md", tmp_path, fresh())
    jobs = json.loads((here / "a/reconstruction_manifest.json").read_text())["jobs"]
    providers = {job["method"]: job["provider"] for job in jobs}
    assert providers["my-rpie"]["name"] == "my-rpie"
    assert providers["my-rpie"]["version"].startswith("0.1.0, code ")
    record = json.loads((here / "hub-conformance/conformance/my-rpie.json").read_text())
    assert record["status"] == "passed"
    mine = json.loads((here / "hub/real_run/reconstruction_manifest.json").read_text())["jobs"]
    assert {job["method"] for job in mine} == {"mine"}


@pytest.mark.campaign
def test_measured_data(tmp_path: Path) -> None:
    here = follow(TUTORIALS / "measured-data.md", tmp_path, fresh())
    methods = json.loads((here / "judged/assessment.json").read_text())["methods"]
    assert [(each["method"], each["status"]) for each in methods] == [("start", "success"), ("lsqml", "success")]
    assert (here / "simulated/run_manifest.json").is_file()


def test_every_key_of_the_cluster_s_options_is_explained_and_the_examples_have_no_other(tmp_path: Path) -> None:
    table = CLUSTERS.read_text(encoding="utf-8").partition("## Keys of cluster.toml")[2]
    explained = {
        name
        for row in re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
        if row != "`executor check` says"
    }
    assert explained >= {field.name for field in fields(ClusterOptions)} | {"jobs"}
    files = [step for step in steps(CLUSTERS) if step.file is not None]
    assert [step.file for step in files] == ["cluster.toml", "pbs.toml"]
    for step in files:
        path = tmp_path / str(step.file)
        path.write_text(step.text, encoding="utf-8")
        assert cluster_options(path, read_toml(path, 10_000)).maximum > 1


@pytest.mark.campaign
@pytest.mark.parametrize("section", ["Workstation with GPUs", "Dask cluster"])
def test_the_steps_without_a_batch_system(section: str, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="needs the extra cluster")
    study = tmp_path / "tiny.toml"
    study.write_text(TINY, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])

    here, environment = prepared(tmp_path, plain_pictures())
    try:
        for step in steps(CLUSTERS, section):
            text = step.text.replace("--ptyproof-study fly64-smoke", f"--ptyproof-study {study}")
            do(replace(step, text=text.replace("8786", port)), here, environment)
        assert (here / "dask-hub/docs/report.html").is_file() == (section == "Dask cluster")
    finally:
        for path in tmp_path.glob("empty/*.pid"):  # the page's last step ends them
            with suppress(ProcessLookupError):
                os.kill(int(path.read_text()), signal.SIGKILL)
