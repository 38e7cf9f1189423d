"""A hub with cells in every state and its report, and what tests read in a page."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ptyproof.report.page import write_report
from ptyproof.runs.folder import RunFolder
from tests.helpers.phases import Phase

VOID = {"meta", "link", "img", "br", "use", "image"}
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
    job["result"] = dict.fromkeys(key for key in job["result"] if key != "duration_s") | {
        "status": status,
        "error": error,
        **times,
    }
    job |= {"scores": None, "datasets": None}


def text_of(folder: RunFolder) -> str:
    """Return the text of the report."""
    return (folder.hub / "docs" / "report.html").read_text(encoding="utf-8")


def again(folder: RunFolder) -> str:
    """Write the report again and return its text."""
    write_report(folder.hub)
    return text_of(folder)


def section_of(page: str, cell: str) -> str:
    """Return the section of a cell in a page."""
    (found,) = [part for part in page.split('<details class="job"')[1:] if f'<h3 id="cell-{cell}"' in part]
    return '<details class="job"' + found.partition("</section>")[0].removesuffix("\n</details>")


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

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a kind."""
        return [attrs for name, attrs in self.elements if name == tag]


def remove_datasets(folder: RunFolder) -> None:
    for path in (folder.hub / "work").rglob("*.npz"):
        path.unlink()


def shown(page: str) -> list[NDArray[np.float64]]:
    """Return the pictures of a page (rows, cols, 3), between 0 and 1."""
    found = [str(image["src"]).partition("base64,")[2] for image in Reader(page).all("img")]
    return [pixels(io.BytesIO(base64.b64decode(data))) for data in found]


def pixels(source: Path | io.BytesIO, size: tuple[int, int] | None = None) -> NDArray[np.float64]:
    """Return a picture (rows, cols, 3) between 0 and 1, brought to `size` (width, height)."""
    with Image.open(source) as opened:
        image = opened.convert("RGB")
    return np.asarray(image if size is None else image.resize(size, Image.Resampling.LANCZOS)) / 255


def nearest(picture: NDArray[np.float64], drawn: Mapping[str, Path]) -> tuple[str, float]:
    """Return the name of the file that a picture is most like, and the root mean square of their difference."""
    size = picture.shape[1], picture.shape[0]
    found = {name: float(np.sqrt(np.mean((picture - pixels(path, size)) ** 2))) for name, path in drawn.items()}
    name = min(found, key=lambda name: found[name])
    return name, found[name]


def figures(folder: RunFolder) -> dict[str, str]:
    """Return the digests of the pictures in the hub."""
    found = sorted((folder.hub / "docs" / "figures").glob("*.png"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
