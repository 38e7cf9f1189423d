"""The report page of a hub: it stands alone, names every cell, and shows what the manifests say."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise
from pathlib import Path

import pytest

from ptyproof.errors import InputError
from ptyproof.report.page import write_report
from ptyproof.runs.folder import RunFolder
from tests.helpers.messages import naming
from tests.helpers.phases import Phase
from tests.helpers.report_hub import (
    ERROR,
    FAILED,
    LOST,
    TRAINED,
    Reader,
    again,
    edited,
    section_of,
    text_of,
)

SVG = "http://www.w3.org/2000/svg"  # a name, not an address that is asked for


def test_the_page_needs_no_other_file(page: str) -> None:
    reader = Reader(page)
    assert page.startswith("<!DOCTYPE html>")
    without_names = page.replace(SVG, "")
    assert "http:" not in without_names
    assert "https:" not in without_names
    assert reader.all("script") == [{}]
    assert not re.search(r"@import|url\(|\bimport\b|\beval\b", page)
    for attribute in ("src", "href"):
        found = [str(attrs[attribute]) for tag, attrs in reader.elements if attribute in attrs and tag != "a"]
        assert all(address.startswith(("data:", "#")) for address in found)
    assert [link["href"] for link in reader.all("link")] == ["data:,"]
    assert not any(name.startswith("on") for _, attrs in reader.elements for name in attrs)


def test_the_policy_of_the_page_allows_its_own_script_and_style_alone(page: str) -> None:
    def digest(tag: str) -> str:
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    (policy,) = [meta["content"] for meta in Reader(page).all("meta") if "http-equiv" in meta]
    assert dict(part.strip().split(" ", 1) for part in str(policy).split(";")) == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": digest("style"),
        "script-src": digest("script"),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert not any("style" in attrs for _, attrs in Reader(page).elements)


def test_the_written_files_are_returned(reported: tuple[RunFolder, list[Path]]) -> None:
    folder, paths = reported
    docs = sorted(path for path in (folder.hub / "docs").rglob("*") if path.is_file())
    assert sorted(paths) == docs


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
    assert page.count("<script") == 1
    section = section_of(page, FAILED)
    assert ERROR in Reader(section).words


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
    section = section_of(page, TRAINED)
    for metric in ("poisson_loss", "complex_error", "patch_poisson_loss", "patch_complex_error"):
        for who in ("start", "network"):
            assert f"<div>{job['scores'][metric][who]:#.5g}</div>" in section
    assert "nats per pixel" in section


def test_a_damaged_manifest_is_named_at_the_head_of_the_page(folder: RunFolder) -> None:
    folder.manifest_path.write_text("{")
    page = again(folder)
    head = Reader(page.partition("<header>")[2].partition("</header>")[0]).words
    assert "real_run/training_manifest.json" in head


def test_a_hub_without_trainings_has_a_page(tmp_path: Path) -> None:
    write_report(tmp_path)
    page = text_of(RunFolder(tmp_path))
    assert Reader(page).words
    assert "<table" not in page


def test_a_hub_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=naming(tmp_path / "nothing")):
        write_report(tmp_path / "nothing")
