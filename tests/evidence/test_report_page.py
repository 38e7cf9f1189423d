"""The report page of a hub: it stands alone, names every cell, shows what the files say, and is the same twice."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptyproof.errors import InputError
from ptyproof.evidence.pictures import draw_diffraction, draw_reconstruction, draw_scan, draw_training
from ptyproof.evidence.report import write_report
from ptyproof.evidence.run_folder import RunFolder
from tests.conftest import Phase

VOID = {"meta", "link", "img", "br"}
ERROR = "TrainingDivergedError: <script>alert('loss')</script> & \"nan\" in epoch 2"
FAILED, LOST, TRAINED = "dose10000-baseline-gs1", "dose10000-dense-gs2", "dose1000-dense-gs2"
SUBJECTS = ["diffraction", "reconstruction", "scan", "training"]


def make_hub(folder: RunFolder, c: Phase, d: Phase, e: Phase) -> None:
    """Make a hub with cells in every state: two of them trained, one failed, one lost, two not selected."""
    shutil.copytree(c.root, folder.phase_c_root)
    shutil.copytree(d.root, folder.phase_d_root)
    shutil.copytree(e.root, folder.real_run)
    text = folder.manifest_path.read_text()
    for root, name in ((c.root, "phase_c"), (d.root, "phase_d")):
        text = text.replace(f'"../{root.name}', f'"../work/{name}')
    folder.manifest_path.write_text(text)
    with edited(folder) as manifest:
        jobs = {job["job"]: job for job in manifest["jobs"]}
        end(jobs[FAILED], "failed", ERROR, started="2026-01-01T00:00:00Z", finished="2026-01-01T00:00:01Z")
        end(jobs[LOST], "lost", "it was killed")
        left = [job for job in jobs.values() if job["dose"] == 100000]
        manifest["jobs"] = [job for job in jobs.values() if job not in left]
        manifest["not_selected"] = [{key: job[key] for key in ("dose", "view", "gridsize")} for job in left]
        manifest["account"] |= {"n_success": 2, "n_failed": 1, "n_lost": 1, "n_not_selected": 2}


class edited:  # noqa: N801 - reads as a word in a with statement
    """A training manifest that is written back when the block ends."""

    def __init__(self, folder: RunFolder) -> None:
        self.path = folder.manifest_path
        self.manifest: dict[str, Any] = json.loads(self.path.read_text())

    def __enter__(self) -> dict[str, Any]:
        return self.manifest

    def __exit__(self, *_: object) -> None:
        self.path.write_text(json.dumps(self.manifest))


def end(job: dict[str, Any], status: str, error: str, **times: str) -> None:
    """Give a job another end, and nothing that the earlier one had left."""
    job["result"] = dict.fromkeys(job["result"]) | {"status": status, "error": error, **times}
    job |= {"scores": None, "datasets": None}


@pytest.fixture(scope="module")
def reported(
    smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunFolder, list[Path]]:
    """A hub with its report, and the paths that were returned; nobody changes it."""
    folder = RunFolder(tmp_path_factory.mktemp("report") / "hub")
    make_hub(folder, smoke_c, smoke_d, smoke_e)
    return folder, write_report(folder.hub)


@pytest.fixture
def folder(reported: tuple[RunFolder, list[Path]], tmp_path: Path) -> RunFolder:
    """A copy of the hub with its report, to be changed."""
    shutil.copytree(reported[0].hub, tmp_path / "hub")
    return RunFolder(tmp_path / "hub")


@pytest.fixture(scope="module")
def page(reported: tuple[RunFolder, list[Path]]) -> str:
    return text_of(reported[0])


def text_of(folder: RunFolder) -> str:
    """Return the text of the report."""
    return (folder.hub / "docs" / "report.html").read_text(encoding="utf-8")


def again(folder: RunFolder) -> str:
    """Write the report again and return its text."""
    write_report(folder.hub)
    return text_of(folder)


class Reader(HTMLParser):
    """What a page has: elements with their attributes, text, headings; a tag that is not closed is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} is there twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a kind."""
        return [attrs for name, attrs in self.elements if name == tag]


def remove_datasets(folder: RunFolder) -> None:
    for path in (folder.hub / "work").rglob("*.npz"):
        path.unlink()


def shown(page: str) -> list[str]:
    """Return the digests of the pictures in a page."""
    found = [str(image["src"]).partition("base64,")[2] for image in Reader(page).all("img")]
    return [hashlib.sha256(base64.b64decode(data)).hexdigest() for data in found]


def figures(folder: RunFolder) -> dict[str, str]:
    """Return the digests of the pictures in the hub."""
    found = sorted((folder.hub / "docs" / "figures").glob("*.png"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def test_the_page_needs_no_other_file_and_no_script(page: str) -> None:
    reader = Reader(page)
    assert page.startswith("<!DOCTYPE html>")
    assert "http:" not in page
    assert "https:" not in page
    assert reader.all("script") == []
    assert not re.search(r"@import|url\(", page)
    assert [link["href"] for link in reader.all("link")] == ["data:,"]
    assert not any(name.startswith("on") for _, attrs in reader.elements for name in attrs)


def test_every_picture_is_embedded_and_says_in_numbers_what_it_shows(
    page: str, reported: tuple[RunFolder, list[Path]]
) -> None:
    images = Reader(page).all("img")
    assert len(images) == 8
    for image in images:
        assert str(image["src"]).startswith("data:image/png;base64,iVBOR")
        assert len(re.findall(r"\d", str(image["alt"]))) > 10
    assert sorted(shown(page)) == sorted(figures(reported[0]).values())


def test_the_written_files_are_returned(reported: tuple[RunFolder, list[Path]]) -> None:
    folder, paths = reported
    docs = sorted(path for path in (folder.hub / "docs").rglob("*") if path.is_file())
    assert sorted(paths) == docs


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


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        (TRAINED, "trained"),
        (FAILED, "failed"),
        (LOST, "lost"),
        ("dose100000-dense-gs2", "not selected"),
        ("dose1000-sparse-gs2", "skipped"),
    ],
)
def test_the_matrix_says_the_state_in_words(page: str, cell: str, word: str) -> None:
    table = page.partition('class="matrix"')[2].partition("</table>")[0]
    (entry,) = [part for part in table.split("<td")[1:] if f">{cell}</a>" in part]
    assert re.search(rf"</span> {word}</span>", entry)
    assert f'href="#cell-{cell}"' in entry


def test_every_cell_of_the_study_is_in_the_matrix_and_has_a_section(page: str, smoke_e: Phase) -> None:
    design = smoke_e.manifest["design"]
    names = [
        f"dose{dose:.0f}-{view['name']}-gs{view['gridsize']}"
        for dose in design["doses_photons_per_pattern"]
        for view in design["views"]
    ]
    table = page.partition('class="matrix"')[2].partition("</table>")[0]
    assert re.findall(r"<td.*?>([^<]+)</a>", table) == names
    assert re.findall(r'<h3 id="cell-([^"]+)"', page) == names


def test_a_skip_has_its_reason_in_the_matrix(page: str, smoke_e: Phase) -> None:
    table = Reader(page.partition('<table role="table" class="matrix">')[2].partition("</table>")[0]).words
    for skip in smoke_e.manifest["skipped_views"]:
        assert skip["reason"] in table


def test_a_cell_that_no_call_looked_at_is_not_recorded(folder: RunFolder) -> None:
    with edited(folder) as manifest:
        manifest["not_selected"] = []
        manifest["account"] |= {"n_not_selected": 0, "n_enumerated": 7}
    page = again(folder)
    assert page.count('<td role="cell" class="cell not_recorded">') == 2


def test_the_error_of_a_failed_cell_is_text_and_no_markup(page: str) -> None:
    assert "<script" not in page
    section = page.partition(f'<h3 id="cell-{FAILED}"')[2].partition("</section>")[0]
    assert ERROR in Reader("<h3" + section).words


def test_an_error_cannot_put_control_characters_or_half_characters_into_the_page(folder: RunFolder) -> None:
    with edited(folder) as manifest:
        next(job for job in manifest["jobs"] if job["job"] == FAILED)["result"]["error"] = "bell \x07 escape \x1b[31m"
    assert r"bell \x07 escape \x1b[31m" in again(folder)


def test_headings_are_in_order_and_every_reference_leads_somewhere(page: str) -> None:
    reader = Reader(page)
    levels = [int(tag[1]) for tag, _ in reader.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attrs["id"] for _, attrs in reader.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    fragments = [str(link["href"])[1:] for link in reader.all("a") if str(link["href"]).startswith("#")]
    labels = [attrs["aria-labelledby"] for _, attrs in reader.elements if "aria-labelledby" in attrs]
    assert {*fragments, *labels} <= set(ids)
    for landmark in ("header", "nav", "main", "footer"):
        assert len(reader.all(landmark)) == 1
    assert reader.all("a")[0] == {"class": "skip", "href": "#main"}


def test_links_lead_to_files_of_the_hub(page: str, reported: tuple[RunFolder, list[Path]]) -> None:
    links = [str(link["href"]) for link in Reader(page).all("a") if not str(link["href"]).startswith("#")]
    assert len(links) > 10
    for link in links:
        assert (reported[0].hub / "docs" / link).is_file(), link


def test_scores_are_those_of_the_manifest_with_unit_and_direction(page: str, smoke_e: Phase) -> None:
    (job,) = [job for job in smoke_e.manifest["jobs"] if job["job"] == TRAINED]
    section = page.partition(f'<h3 id="cell-{TRAINED}"')[2].partition("</section>")[0]
    for measure in ("poisson_loss", "complex_error", "patch_poisson_loss", "patch_complex_error"):
        for who in ("start", "network"):
            assert f"<div>{job['scores'][measure][who]:#.5g}</div>" in section
    for unit in ("nats per pixel", "no unit"):
        assert f'<div>{unit}</div></td><td role="cell"><span class="column" aria-hidden="true">direction' in section
    assert section.count("<div>lower is better</div>") >= 4


def test_the_pictures_show_what_was_scored(reported: tuple[RunFolder, list[Path]], smoke_e: Phase) -> None:
    records = json.loads((reported[0].hub / "docs" / "figures" / "sources.json").read_text())["pictures"]
    jobs = {job["job"]: job for job in smoke_e.manifest["jobs"]}
    compared = [record for record in records if record["subject"] == "reconstruction"]
    assert len(compared) == 2
    for record in compared:
        scores = jobs[record["cell"]]["scores"]["complex_error"]
        found = re.findall(r"(network|start): complex error ([0-9.]+)", record["alt"])
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
    words = Reader("<h3" + page.partition(f'<h3 id="cell-{TRAINED}"')[2].partition("</section>")[0]).words
    assert "Not shown: diffraction patterns, reconstruction." in words
    assert "work/phase_d/dose_1000/dense/dense_test.npz is not in the hub any more: datasets are removed" in words
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
    why = "model.safetensors is not the file that was recorded" if keep else "dense_test.npz is not in the hub"
    assert why in page


def test_a_picture_that_was_changed_is_not_shown(folder: RunFolder) -> None:
    remove_datasets(folder)
    path = folder.hub / "docs" / "figures" / f"{TRAINED}_scan.png"
    path.write_bytes(path.read_bytes() + b"x")
    page = again(folder)
    assert len(Reader(page).all("img")) == 7
    assert "Not shown: scan positions." in page


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


def test_no_file_outside_the_hub_is_read(folder: RunFolder) -> None:
    outside = folder.hub.parent / "outside.npz"
    shutil.copy(folder.phase_d_root / "dose_1000" / "dense" / "dense_test.npz", outside)
    with edited(folder) as manifest:
        job = next(job for job in manifest["jobs"] if job["job"] == TRAINED)
        job["datasets"]["test"]["path"] = "../../outside.npz"
    page = again(folder)
    assert "../outside.npz lies outside the hub" in page
    assert len(Reader(page).all("img")) == 5


def test_losses_that_are_no_numbers_are_a_missing_picture(folder: RunFolder) -> None:
    (folder.real_run / "dose_1000" / "dense" / "gs2" / "metrics.csv").write_text("epoch,train_loss\n1,\n")
    page = again(folder)
    assert "is no table of losses" in page
    assert len(Reader(page).all("img")) == 7


def test_a_damaged_manifest_is_named_at_the_head_of_the_page(folder: RunFolder) -> None:
    folder.manifest_path.write_text("{")
    page = again(folder)
    head = Reader(page.partition("<header>")[2].partition("</header>")[0]).words
    assert "Cannot be read: real_run/training_manifest.json" in head


def test_a_hub_without_trainings_has_a_page(tmp_path: Path) -> None:
    write_report(tmp_path)
    assert "No training is recorded in this hub." in Reader(text_of(RunFolder(tmp_path))).words


def test_a_hub_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be a folder"):
        write_report(tmp_path / "nothing")


def disc(shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return an illumination: one within a disc, zero around it."""
    rows, cols = np.indices(shape)
    return (((rows - shape[0] / 2) ** 2 + (cols - shape[1] / 2) ** 2) < (min(shape) / 2.5) ** 2).astype(float)


def random_object(shape: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.complex128]]:
    rng = np.random.default_rng(5)
    return rng.uniform(0.5, 1.0, shape) * np.exp(1j * rng.uniform(-1, 1, shape))


def test_a_result_that_differs_by_a_factor_looks_like_the_truth() -> None:
    truth, light = random_object((20, 14)), disc((20, 14))
    alt = draw_reconstruction({"network": truth * (0.3 - 2j)}, truth, light).alt
    truths, networks = re.findall(r"amplitude [^;]+ rad", alt)
    assert truths == networks
    assert "network: complex error 0.0000" in alt
    assert f"{int(light.sum())} lit pixels" in alt


def test_unlit_pixels_are_not_drawn() -> None:
    truth, light = random_object((20, 14)), disc((20, 14))
    rows, cols = np.nonzero(light)
    corner = rows.min(), cols.min()  # within the picture, as it has the rows and columns that hold light
    assert light[corner] == 0
    dark, lit = truth.copy(), truth.copy()
    dark[corner] = -truth[corner]
    lit[10, 7] *= -1
    plain = draw_reconstruction({"network": truth}, truth, light).png
    assert draw_reconstruction({"network": dark}, truth, light).png == plain
    assert draw_reconstruction({"network": lit}, truth, light).png != plain


def test_without_truth_the_result_is_drawn_as_it_is() -> None:
    result = random_object((12, 17)) * 3j
    drawing = draw_reconstruction({"network": result}, None, disc((12, 17)))
    assert "truth is unknown" in drawing.caption
    assert "error" not in drawing.alt
    lit = result[disc((12, 17)) > 0]
    assert f"amplitude {np.abs(lit).min():.3f} to {np.abs(lit).max():.3f}" in drawing.alt


def test_the_text_of_patterns_has_their_photons() -> None:
    counts, expected = np.zeros((1, 4, 6)), np.full((1, 4, 6), 0.5)
    counts[0, 1, 2] = 7
    alt = draw_diffraction(counts, expected, [0.25], ["best: pattern 3"]).alt
    assert alt == (
        "best: pattern 3: 7 photons measured, 12 predicted, brightest pixel 7 and 0.5, "
        "Poisson loss 0.25 nats per pixel."
    )


@pytest.mark.parametrize("obj", [None, np.ones((30, 40), dtype=np.complex64)])
def test_the_text_of_a_scan_has_its_positions(obj: Any) -> None:
    positions = {"train": np.array([[8.5, 9.0], [10.0, 20.25]]), "test": np.array([[20.0, 30.0]])}
    alt = draw_scan(obj, positions, (6, 8)).alt
    assert "2 training positions in rows 8.5 to 10.0 and columns 9.0 to 20.2 px" in alt
    assert "1 held-out positions in rows 20.0 to 20.0" in alt
    assert ("the object is unknown" in alt) == (obj is None)


def test_the_text_of_a_training_has_its_losses() -> None:
    history = [
        {"epoch": 1, "train_loss": 3.0, "learning_rate": 0.1},
        {"epoch": 2, "train_loss": 1.0, "learning_rate": 0.05},
        {"epoch": 3, "train_loss": 2.0, "learning_rate": 0.01},
    ]
    assert draw_training(history, 2).alt == (
        "3 epochs: training loss 3 nats per pixel after the first epoch, 2 after the last, smallest 1 after epoch 2; "
        "learning rate from 0.1 to 0.01."
    )


def test_all_subjects_of_a_trained_cell_are_drawn(reported: tuple[RunFolder, list[Path]]) -> None:
    assert [name for name in figures(reported[0]) if name.startswith(TRAINED)] == [
        f"{TRAINED}_{subject}.png" for subject in SUBJECTS
    ]
