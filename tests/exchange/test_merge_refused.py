"""`ptyproof hub merge` decides no difference silently: it is refused by name, or a preference decides."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ptyproof.cli.main import main
from ptyproof.hub.index import Hub
from ptyproof.hub.layout import OVERLAP, RECONSTRUCTION
from ptyproof.report.summary import write_summary
from ptyproof.study.design import StudyDesign, design_from_dict
from tests.helpers.hubs import edit, kill_run, make_run, record, take_stock
from tests.helpers.merged_hubs import LSQML, codes, job_of, merge
from tests.helpers.messages import names
from tests.helpers.replicates import make_replicate


def with_changed_results(hub: Path, out: Path, change: Callable[[Any], None]) -> Path:
    """Return a copy of a hub whose manifest of reconstructions was changed, and its index with it."""
    shutil.copytree(hub, out)
    edit(out / RECONSTRUCTION, change)
    take_stock(Hub(out))
    return out


def with_other_methods(hub: Path, out: Path) -> Path:
    """Return a copy of a hub whose methods were to spend more epochs."""

    def change(manifest: dict[str, Any]) -> None:
        design = design_from_dict(manifest["design"])
        methods = tuple(replace(method, epochs=77) for method in design.reconstruction.methods)
        manifest["design"] = replace(design, reconstruction=replace(design.reconstruction, methods=methods)).as_dict()

    return with_changed_results(hub, out, change)


def test_methods_that_differ_are_refused_and_a_preference_decides(
    parts: Sequence[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = with_other_methods(parts[1], tmp_path / "other")
    assert codes(other) == []
    assert merge(tmp_path / "out", parts[0], other) == 2
    assert names(capsys.readouterr().err, "reconstruction", "--prefer")
    for prefer, wanted in (("first", parts[0]), ("last", other)):
        assert merge(tmp_path / prefer, parts[0], other, prefer=prefer) == 0
        assert record(tmp_path / prefer, RECONSTRUCTION)["design"] == record(wanted, RECONSTRUCTION)["design"]


def with_another_result(hub: Path, out: Path) -> Path:
    """Return a copy of a hub in which a method has the result of another one."""

    def change(manifest: dict[str, Any]) -> None:
        own, theirs = (job_of(manifest, name)["result"] for name in (LSQML, LSQML.replace("lsqml", "start")))
        paths = [out / "real_run" / one["reconstruction"]["path"] for one in (own, theirs)]
        shutil.copyfile(paths[1], paths[0])
        own["reconstruction"] |= {key: theirs["reconstruction"][key] for key in ("sha256", "size_bytes")}
        own["arrays_sha256"] = theirs["arrays_sha256"]

    return with_changed_results(hub, out, change)


def test_another_result_is_refused_by_name_and_a_preference_decides(
    parts: Sequence[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = with_another_result(parts[0], tmp_path / "other")
    assert codes(other) == []
    assert merge(tmp_path / "out", parts[0], other) == 2
    assert names(capsys.readouterr().err, LSQML, "--prefer")
    assert not (tmp_path / "out").exists()
    found = {}
    for prefer in ("first", "last"):
        assert merge(tmp_path / prefer, parts[0], other, prefer=prefer) == 0
        found[prefer] = job_of(record(tmp_path / prefer, RECONSTRUCTION))
        assert codes(tmp_path / prefer) == []
        (log,) = (tmp_path / prefer / "cli").glob("merge_*.log")
        assert names(log.read_text(), LSQML, prefer)
    own, theirs = (job_of(record(hub, RECONSTRUCTION))["result"] for hub in (parts[0], other))
    assert (found["first"]["result"], found["first"]["earlier_results"]) == (own, [theirs])
    assert (found["last"]["result"], found["last"]["earlier_results"]) == (theirs, [own])


def test_data_that_differ_are_refused_whatever_is_preferred(
    parts: Sequence[Path], smoke: StudyDesign, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(parts[0], other)
    edit(other / OVERLAP, lambda manifest: manifest["views"][0].update(recipe_digest="0" * 64))
    take_stock(Hub(other))
    assert merge(tmp_path / "out", parts[0], other, prefer="first") == 2
    assert names(capsys.readouterr().err, "baseline")
    assert not (tmp_path / "out").exists()


@pytest.mark.campaign
def test_another_design_is_refused_by_name(
    parts: Sequence[Path], smoke: StudyDesign, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    another = make_replicate(tmp_path / "another", replace(smoke, doses_photons_per_pattern=(1e4,)), 1)
    assert merge(tmp_path / "out", parts[0], another) == 2
    assert names(capsys.readouterr().err, str(another))
    assert not (tmp_path / "out").exists()


def unsound(hub: Path, out: Path) -> Path:
    """Return a copy of a hub with a file that its index does not have."""
    shutil.copytree(hub, out)
    (out / "more.txt").write_text("not in the index")
    return out


def without_a_phase(hub: Path, out: Path) -> Path:
    """Return a hub of a run of tests, as a dry run leaves it."""
    make_run(Hub(out))
    Hub(out).write(lambda: write_summary(out))
    return out


def linked(hub: Path, out: Path) -> Path:
    """Return another path of a hub."""
    out.symlink_to(hub, target_is_directory=True)
    return out / "real_run" / ".."


def killed(hub: Path, out: Path) -> Path:
    """Return a copy of a hub with a run whose process has gone."""
    shutil.copytree(hub, out)
    kill_run(Hub(out))
    return out


def torn(hub: Path, out: Path) -> Path:
    """Return a copy of a hub in which half of a manifest is left."""
    shutil.copytree(hub, out)
    text = (out / RECONSTRUCTION).read_text()
    (out / RECONSTRUCTION).write_text(text[: len(text) // 2])
    take_stock(Hub(out))
    return out


def newer(hub: Path, out: Path) -> Path:
    """Return a copy of a hub with a manifest of a later version, which has a key that this one does not know."""
    return with_changed_results(hub, out, lambda manifest: manifest.update(schema_version="1.999.0", later=1))


@pytest.mark.parametrize("other", [unsound, without_a_phase, linked, killed, torn, newer])
def test_what_cannot_be_merged_is_refused(
    other: Callable[[Path, Path], Path], parts: Sequence[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = other(parts[0], tmp_path / "other")
    assert merge(tmp_path / "out", parts[0], second) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert names(said, "other")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


@pytest.mark.parametrize("place", ["", ".", "..", "sub/.."])
def test_a_place_without_a_name_is_refused(
    place: str, parts: Sequence[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["hub", "merge", place, *map(str, parts)]) == 2
    assert list(tmp_path.rglob("*")) == [tmp_path / "sub"]


def test_a_packed_hub_is_refused_with_the_way_to_unpack_it(
    parts: Sequence[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", parts[1])
    assert main(["hub", "merge", str(tmp_path / "out"), str(parts[0]), packed]) == 2
    assert names(capsys.readouterr().err, packed, "unpack")


def test_one_hub_is_no_union(parts: Sequence[Path], tmp_path: Path) -> None:
    assert merge(tmp_path / "out", parts[0]) == 2
    assert list(tmp_path.iterdir()) == []
