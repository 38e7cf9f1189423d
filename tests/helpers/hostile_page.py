"""A report with cells in every state, long words and panels, and with markup in every name that may hold it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ptyproof.hub.layout import REPORT, SOURCES
from ptyproof.phases.g_compare.tables import TidyRow
from ptyproof.report.page.compared import Figures
from ptyproof.report.page.embedded import embedded
from ptyproof.report.page.page import page_of, read_records
from ptyproof.report.page.side_by_side import Panel, SideBySide
from ptyproof.report.page.tables import PngFigure
from ptyproof.runs.folder import RunFolder
from tests.helpers.browser import Browser
from tests.helpers.report_hub import ERROR, FAILED, TRAINED, edited

TAB, ENTER, ESCAPE = "\ue004", "\ue007", "\ue00c"  # as WebDriver sends keys
WIDTH_PX, HEIGHT_PX = 40, 24  # of a panel
HOSTILE = "<img src=x onerror='hit=1'>\"><script>hit=1</script>"
WINDOWS = """
return [...document.querySelectorAll('.panels .pane')].map(pane => {
  const [x, y, width, height] = pane.getAttribute('viewBox').split(' ').map(Number);
  return [x - pane.dataset.left, y - pane.dataset.top, width, height];
});
"""


def noise_png(width: int, height: int) -> bytes:
    """A PNG of noise."""
    pixels = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def sheet_of(methods: Sequence[str]) -> SideBySide:
    """A sheet of truth and methods, with markup in every name that may hold it."""
    names = ["truth", *methods, HOSTILE]
    return SideBySide(
        anchor="side-by-side-test",
        title=HOSTILE,
        sheet=embedded(noise_png(len(names) * WIDTH_PX, 2 * HEIGHT_PX), is_exact=True),
        panels=tuple(Panel(name, HOSTILE, number * WIDTH_PX) for number, name in enumerate(names)),
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        n_compared=3,
        difference=0.2,
        amplitude=(0.1, 0.9),
        phase_rad=(0.0, 2.0),
        made_from=("real_run/comparison_figures/sheet.png", "0" * 64),
    )


def write_hostile_page(hub: Path, root: Path) -> Path:
    """Write the report of a copy of a hub with cells in every state; return its path."""
    folder = RunFolder(root)
    shutil.copytree(hub, folder.hub)
    losses = folder.real_run / "dose_1000" / "dense" / "gs2" / "metrics.csv"
    name = HOSTILE.replace("/", "")
    losses.rename(losses.with_name(name))
    with edited(folder) as manifest:
        jobs = {job["job"]: job for job in manifest["jobs"]}
        jobs[FAILED]["result"]["error"] = ERROR + " " + "averylongword" * 30
        jobs["dose1000-baseline-gs1"]["datasets"] = None
        jobs[TRAINED]["result"]["metrics_path"] = name
        jobs[TRAINED]["environment"]["python"] = HOSTILE
        jobs[TRAINED]["scores"]["no_truth_because"] = HOSTILE
        manifest["tool"]["version"] = HOSTILE
        manifest["skipped_views"][0]["reason"] += HOSTILE
    record = json.loads((folder.hub / SOURCES).read_text())
    for picture in record["pictures"]:
        picture |= {"alt": picture["alt"] + HOSTILE, "caption": picture["caption"] + HOSTILE}
    (folder.hub / SOURCES).write_text(json.dumps(record))
    methods = ["flat", "start", "pinn", "lsqml", "pinn+lsqml"]
    compared = [
        TidyRow(
            dose, view, 2, method, "test", metric, None if method == "flat" else 0.1, "nats/px", "lower", HOSTILE, None
        )
        for metric in ("complex NRMSE", f"phase {HOSTILE}")
        for dose in (1e3, 1e5)
        for view in ("dense", HOSTILE)
        for method in (*methods, HOSTILE)
    ]
    figures = Figures(errors=[PngFigure("Error of each method", HOSTILE, [("a.png", "0" * 64)], noise_png(300, 200))])
    run = {
        "id": "run-0001",
        "real_run": True,
        "status": "ended",
        "exit_status": 0,
        "command": f"pytest {HOSTILE}",
        "started": "2026-01-01T00:00:00Z",
        "ended": "2026-01-01T01:00:00Z",
        "outcomes": {"passed": 1, "skipped": 1},
        "skips": [{"test": "a", "reason": HOSTILE}],
        "environment": {"system": "Linux", "machine": HOSTILE},
        "revision": {"commit": "a" * 40, "uncommitted_sha256": None, "code_sha256": "1" * 64, "tests_sha256": "2" * 64},
    }
    records = replace(
        read_records(folder.hub), runs=[run], compared=compared, figures=figures, sheets=[sheet_of(methods[1:])]
    )
    (folder.hub / REPORT).write_text(page_of(records), encoding="utf-8")
    return folder.hub / REPORT


def window(opened: Browser) -> list[float]:
    """Return the part that every panel shows, in pixels of the sheet: left, top, width, height."""
    found = opened.run(WINDOWS)
    assert len(found) == 2 * 6
    assert np.ptp(found, axis=0) == pytest.approx(0, abs=1e-9)
    return [float(value) for value in found[0]]
