"""The pictures of a hub's report: of the recorded files or missing for a reason, and the same drawn twice."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ptyproof.hub.layout import FIGURES, REPORT, SOURCES
from ptyproof.io.locking import lock_if_free
from ptyproof.records.manifest import read_manifest
from ptyproof.report.manifests import read_manifests
from ptyproof.report.page import page as report_page
from ptyproof.report.page import write_report
from ptyproof.runs.folder import RunFolder
from tests.helpers.phases import Phase
from tests.helpers.report_hub import (
    SUBJECTS,
    TRAINED,
    Reader,
    again,
    edited,
    figures,
    nearest,
    remove_datasets,
    section_of,
    shown,
)


def test_every_picture_is_embedded_and_says_in_numbers_what_it_shows(
    page: str, reported: tuple[RunFolder, list[Path]]
) -> None:
    images = Reader(page).all("img")
    assert len(images) == 8
    for image in images:
        assert str(image["src"]).startswith("data:image/webp;base64,UklGR")
        assert len(re.findall(r"\d", str(image["alt"]))) > 10
    drawn = {path.name: path for path in (reported[0].hub / FIGURES).glob("*.png")}
    found = [nearest(picture, drawn) for picture in shown(page)]
    assert sorted(name for name, _ in found) == sorted(drawn)
    assert max(difference for _, difference in found) < 0.03


def test_pictures_are_small(page: str) -> None:
    sizes = [len(str(image["src"])) for image in Reader(page).all("img")]
    assert max(sizes) < 100_000
    assert len(page) < 600_000


def test_captions_have_the_digests_of_the_files_the_picture_was_made_from(
    page: str, reported: tuple[RunFolder, list[Path]]
) -> None:
    hub = reported[0].hub
    captions = re.findall(r"<figcaption>.*?</figcaption>", page)
    assert len(captions) == 8
    for caption in captions:
        found = re.findall(r'(\S+) <code title="sha256 (\w{64})">(\w{16})</code>', caption)
        assert found
        for name, whole, short in found:
            name = name.removeprefix("from: ")
            assert hashlib.sha256((hub / name).read_bytes()).hexdigest() == whole
            assert whole.startswith(short)


def test_the_pictures_show_what_was_scored(reported: tuple[RunFolder, list[Path]], smoke_e: Phase) -> None:
    records = json.loads((reported[0].hub / "docs" / "figures" / "sources.json").read_text())["pictures"]
    jobs = {job["job"]: job for job in smoke_e.manifest["jobs"]}
    compared = [record for record in records if record["subject"] == "reconstruction"]
    assert len(compared) == 2
    for record in compared:
        scores = jobs[record["cell"]]["scores"]["complex_error"]
        found = re.findall(r"\b(network|start): [^0-9;]*([0-9.]+)", record["alt"])
        assert {name: float(value) for name, value in found} == pytest.approx(
            {name: scores[name] for name in ("start", "network")}, abs=6e-5
        )


def test_the_same_hub_gives_the_same_bytes_drawn_anew_or_kept(folder: RunFolder, page: str) -> None:
    before = figures(folder)
    assert again(folder) == page
    shutil.rmtree(folder.hub / "docs")
    assert again(folder) == page
    assert figures(folder) == before


def test_pictures_stay_when_their_datasets_go(folder: RunFolder, page: str) -> None:
    remove_datasets(folder)
    assert again(folder) == page


def test_without_datasets_the_page_says_what_is_missing_and_why(folder: RunFolder) -> None:
    remove_datasets(folder)
    shutil.rmtree(folder.hub / "docs")
    page = again(folder)
    assert len(Reader(page).all("img")) == 2
    section = section_of(page, TRAINED)
    (why,) = re.findall(r"<strong>Not shown: diffraction patterns, reconstruction\.</strong> (.*)</p>", section)
    assert why.startswith("work/phase_d/dose_1000/dense/dense_test.npz ")
    assert "--ptyproof-keep-datasets" in why
    assert str(folder.hub) not in page


@pytest.mark.parametrize("keep", [True, False])
def test_a_picture_of_another_bundle_is_not_shown(folder: RunFolder, keep: bool) -> None:
    if not keep:
        remove_datasets(folder)
    with edited(folder) as manifest:
        next(job for job in manifest["jobs"] if job["job"] == TRAINED)["result"]["bundle_sha256"] = "0" * 64
    page = again(folder)
    assert len(Reader(page).all("img")) == 6
    assert not (folder.hub / "docs" / "figures" / f"{TRAINED}_reconstruction.png").exists()
    (why,) = re.findall(r"<strong>Not shown: diffraction patterns, reconstruction\.</strong> .*dense.*", page)
    assert ("model.safetensors " in why, "dense_test.npz " in why) == (keep, not keep)


def test_a_picture_that_was_changed_is_not_shown(folder: RunFolder) -> None:
    remove_datasets(folder)
    path = folder.hub / "docs" / "figures" / f"{TRAINED}_scan.png"
    path.write_bytes(path.read_bytes() + b"x")
    page = again(folder)
    assert len(Reader(page).all("img")) == 7


@pytest.mark.parametrize("text", ["{", "[]", '{"drawing": 1, "pictures": [{"file": "../../hub.json"}]}'])
def test_a_damaged_record_of_pictures_is_as_good_as_none(folder: RunFolder, text: str) -> None:
    remove_datasets(folder)
    (folder.hub / "docs" / "figures" / "sources.json").write_text(text)
    assert len(Reader(again(folder)).all("img")) == 2


def test_a_record_of_pictures_cannot_name_a_file_elsewhere(folder: RunFolder) -> None:
    record = folder.hub / "docs" / "figures" / "sources.json"
    other = folder.hub / "docs" / "mine_scan.png"
    other.write_bytes(b"mine")
    records = json.loads(record.read_text())
    entry = records["pictures"][0] | {"file": "../mine_scan.png", "cell": "../mine", "subject": "scan"}
    records["pictures"].append(entry | {"sha256": hashlib.sha256(b"mine").hexdigest()})
    record.write_text(json.dumps(records))
    write_report(folder.hub)
    assert other.read_bytes() == b"mine"


def test_the_record_of_pictures_obeys_its_schema_and_names_files_relative_to_itself(
    reported: tuple[RunFolder, list[Path]],
) -> None:
    hub = reported[0].hub
    record = read_manifest(hub / SOURCES, "figures")
    assert len(record["pictures"]) == 8
    assert "timestamp" not in record, "equal hubs give equal bytes"
    for picture in record["pictures"]:
        for source in [{"path": picture["file"], "sha256": picture["sha256"]}, *picture["sources"]]:
            content = (hub / FIGURES / str(source["path"])).read_bytes()
            assert hashlib.sha256(content).hexdigest() == source["sha256"]


def test_pictures_of_another_way_of_drawing_are_drawn_anew(folder: RunFolder) -> None:
    record = json.loads((folder.hub / SOURCES).read_text())
    (folder.hub / SOURCES).write_text(json.dumps(record | {"drawing": record["drawing"] - 1}))
    remove_datasets(folder)
    assert len(Reader(again(folder)).all("img")) == 2


def test_no_file_outside_the_hub_is_read(folder: RunFolder) -> None:
    outside = folder.hub.parent / "outside.npz"
    shutil.copy(folder.phase_d_root / "dose_1000" / "dense" / "dense_test.npz", outside)
    with edited(folder) as manifest:
        job = next(job for job in manifest["jobs"] if job["job"] == TRAINED)
        job["datasets"]["test"]["path"] = "../../outside.npz"
    page = again(folder)
    assert "../outside.npz" in page
    assert len(Reader(page).all("img")) == 5


def test_losses_that_are_no_numbers_are_a_missing_picture(folder: RunFolder) -> None:
    (folder.real_run / "dose_1000" / "dense" / "gs2" / "metrics.csv").write_text("epoch,train_loss\n1,\n")
    page = again(folder)
    assert re.search(r"Not shown: .*</strong> real_run/dose_1000/dense/gs2/metrics.csv", page)
    assert len(Reader(page).all("img")) == 7


def test_all_subjects_of_a_trained_cell_are_drawn(reported: tuple[RunFolder, list[Path]]) -> None:
    assert [name for name in figures(reported[0]) if name.startswith(TRAINED)] == [
        f"{TRAINED}_{subject}.png" for subject in SUBJECTS
    ]


def test_of_two_runs_that_end_together_one_writes_the_report_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def other() -> None:
        with lock_if_free(tmp_path / REPORT) as is_free:
            seen.append(is_free)

    def read(*args: Any) -> Any:
        thread = Thread(target=other)
        thread.start()
        thread.join()
        return read_manifests(*args)

    monkeypatch.setattr(report_page, "read_manifests", read)
    write_report(tmp_path)
    other()
    assert seen == [False, True]
