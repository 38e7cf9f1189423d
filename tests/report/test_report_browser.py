"""The report page in a real browser: it loads without a word, fits narrow screens, prints whole, and can be read."""

from __future__ import annotations

import io
import json
import re
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
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
from tests.helpers.browser import MISSING, Browser, browser
from tests.helpers.report_hub import ERROR, FAILED, TRAINED, edited

TAB, ENTER, ESCAPE = "\ue004", "\ue007", "\ue00c"
LEFT, RIGHT, DOWN = "\ue012", "\ue014", "\ue015"
WIDTH_PX, HEIGHT_PX = 40, 24  # of a panel

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

LINES_OF_NUMBERS = """
return [...document.querySelectorAll('td div')].filter(e => /^[0-9.,e+-]+$/.test(e.textContent)).map(e => {
  const range = document.createRange();
  range.selectNodeContents(e);
  return new Set([...range.getClientRects()].map(r => Math.round(r.top))).size;
});
"""
CONTRASTS = """
const channel = v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
const parse = text => text.match(/[\\d.]+/g).map(Number);
const found = [];
document.querySelectorAll('details').forEach(d => { d.open = true; });
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  if (!texts.currentNode.data.trim()) continue;
  let element = texts.currentNode.parentElement;
  const front = light(parse(getComputedStyle(element).color));
  let colour = parse(getComputedStyle(element).backgroundColor);
  while (colour.length === 4 && colour[3] === 0) {
    element = element.parentElement;
    colour = parse(getComputedStyle(element).backgroundColor);
  }
  const back = light(colour);
  const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
  found.push([ratio, texts.currentNode.data.slice(0, 40)]);
}
return found;
"""


HOSTILE = "<img src=x onerror='hit=1'>\"><script>hit=1</script>"


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


@pytest.fixture(scope="module")
def page(reported: tuple[RunFolder, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a hub with cells in every state and long words, and with markup in every name that may hold it."""
    folder = RunFolder(tmp_path_factory.mktemp("browser") / "hub")
    shutil.copytree(reported[0].hub, folder.hub)
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


@pytest.fixture(scope="module", name="browser")
def browser_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    """The browser with the page as it is when it has just been opened on a wide screen."""
    browser.screen(1280)
    browser.open(page)
    return browser


def test_the_page_loads_without_a_word_and_fetches_nothing(opened: Browser, page: Path) -> None:
    assert "fly64-smoke" in opened.run("return document.title")
    assert opened.run("return [...document.images].length") == 6
    assert opened.run("return [...document.images].every(i => i.complete && i.naturalWidth >= 300)")
    own = ("data:", "chrome:", "chrome-untrusted:")  # parts of the page, and of the browser's own first tab
    assert {address for address in opened.requests() if not address.startswith(own)} == {page.as_uri()}
    assert opened.messages() == []


def test_markup_in_names_and_errors_is_read_and_not_run(opened: Browser) -> None:
    assert ERROR in opened.run(f"return document.getElementById('cell-{FAILED}').closest('details').textContent")
    opened.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert opened.run("return document.body.textContent").count(HOSTILE) > 20
    assert opened.run("return [...document.images].filter(i => i.alt.includes('<script>')).length") == 4
    assert opened.run("return document.scripts.length") == 1
    assert opened.run("return [...document.images].every(i => i.src.startsWith('data:image/webp;base64,'))")
    handlers = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))"
    assert opened.run(f"return {handlers}") == []
    assert opened.run("return typeof hit") == "undefined"


@pytest.mark.parametrize("width", [320, 400, 768, 880, 1280])
def test_nothing_is_wider_than_the_screen(opened: Browser, width: int) -> None:
    opened.screen(width)
    opened.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    needed, given = opened.run("const e = document.documentElement; return [e.scrollWidth, e.clientWidth]")
    assert needed <= given
    tables = "[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth)"
    assert opened.run(f"return {tables}.map(e => e.innerText.slice(0, 80))") == []


@pytest.mark.parametrize(("width", "least"), [(400, 700), (1280, 900), (1920, 900)])
def test_labels_of_plots_are_readable_at_every_width(opened: Browser, width: int, least: int) -> None:
    opened.screen(width)
    shown = opened.run("return [...document.querySelectorAll('.broad img')].map(e => e.getBoundingClientRect().width)")
    assert shown
    assert min(shown) >= least  # of 1200 px that labels are drawn for


@pytest.mark.parametrize(("width", "media"), [(400, "screen"), (720, "print"), (880, "screen"), (1280, "screen")])
def test_no_number_is_broken_into_lines(opened: Browser, width: int, media: str) -> None:
    opened.screen(width, media)
    opened.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    lines = opened.run(LINES_OF_NUMBERS)
    assert len(lines) > 100
    assert set(lines) == {1}


@pytest.mark.parametrize("width", [400, 1280])
def test_pictures_are_large_enough_for_their_labels(opened: Browser, width: int) -> None:
    opened.screen(width)
    shown = opened.run("return [...document.images].map(i => i.getBoundingClientRect().width)")
    assert min(shown) >= 340


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_every_text_has_enough_contrast(opened: Browser, scheme: str, media: str) -> None:
    opened.screen(1280, media, scheme)
    found = opened.run(CONTRASTS)
    assert len(found) > 300
    assert [text for ratio, text in found if ratio < 4.5] == []


def test_light_and_dark_differ(opened: Browser) -> None:
    backgrounds = []
    for scheme in ("light", "dark"):
        opened.screen(1280, scheme=scheme)
        backgrounds.append(opened.run("return getComputedStyle(document.body).backgroundColor"))
    assert backgrounds == ["rgb(255, 255, 255)", "rgb(20, 24, 29)"]


def test_print_shows_what_is_folded_away(opened: Browser) -> None:
    folded = "document.querySelectorAll('details:not([open]) > :not(summary, .back)')"
    heights = f"return [...{folded}].map(e => e.checkVisibility())"
    opened.screen(800)
    assert set(opened.run(heights)) == {False}
    opened.screen(800, "print")
    assert set(opened.run(heights)) == {True}


def test_the_printed_page_has_everything_on_several_sheets(opened: Browser) -> None:
    printed = opened.pdf()
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") >= 5
    assert printed.count(b"/Subtype /Image") >= 6


def test_the_keyboard_reaches_the_content(opened: Browser) -> None:
    opened.press(TAB)
    name, left, line = opened.run(
        "const e = document.activeElement; "
        "return [e.className, e.getBoundingClientRect().left, getComputedStyle(e).outlineWidth]"
    )
    assert name == "skip"
    assert left >= 0
    assert line == "3px"
    opened.press(ENTER)
    assert opened.run("return document.activeElement.id") == "main"
    summary = "document.activeElement.innerText.trim()"
    opened.press(TAB)
    assert opened.run(f"return {summary}") == "Comparison of methods"
    opened.press(ENTER)
    opened.press(TAB)  # over all that is folded now
    assert opened.run(f"return {summary}") == "Matrix"
    opened.press(TAB)
    assert opened.run("return document.activeElement.getAttribute('href')") == "#cell-dose1000-baseline-gs1"
    opened.press(ENTER)
    assert opened.run("return document.activeElement.id") == "cell-dose1000-baseline-gs1"


def test_every_part_folds_by_keyboard(opened: Browser) -> None:
    n_parts = opened.run("return document.querySelectorAll('summary').length")
    assert n_parts >= opened.run("return document.querySelectorAll('h2').length") + 9
    for number in range(0, n_parts, 4):
        part = f"document.querySelectorAll('details')[{number}]"
        opened.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        opened.run(f"{part}.firstElementChild.focus()")
        opened.press(ENTER)
        assert not opened.run(f"return {part}.open")


WINDOWS = """
return [...document.querySelectorAll('.panels .pane')].map(pane => {
  const [x, y, width, height] = pane.getAttribute('viewBox').split(' ').map(Number);
  return [x - pane.dataset.left, y - pane.dataset.top, width, height];
});
"""
TRUTH = "document.querySelector('.panels .pane').getBoundingClientRect()"


def window(opened: Browser) -> list[float]:
    """Return the part that every panel shows, in pixels of the sheet: left, top, width, height."""
    found = opened.run(WINDOWS)
    assert len(found) == 2 * 6
    assert np.ptp(found, axis=0) == pytest.approx(0, abs=1e-9)
    return [float(value) for value in found[0]]


def test_panels_are_enlarged_and_moved_together_by_keyboard(opened: Browser) -> None:
    whole = [0, 0, WIDTH_PX, HEIGHT_PX]
    assert window(opened) == whole
    opened.run("document.querySelector('.panels').focus()")
    opened.press(RIGHT)  # the page scrolls, not a panel that is shown as a whole
    assert window(opened) == whole
    opened.press("+")
    width, height = WIDTH_PX / 1.25, HEIGHT_PX / 1.25
    assert window(opened) == pytest.approx([(WIDTH_PX - width) / 2, (HEIGHT_PX - height) / 2, width, height])
    opened.press(RIGHT)
    assert window(opened)[0] == pytest.approx((WIDTH_PX - width) / 2 + width / 10)
    for _ in range(3):
        opened.press(DOWN)
        opened.press(LEFT)
        opened.press(LEFT)
    assert window(opened) == pytest.approx([0, HEIGHT_PX - height, width, height])  # it stops at the edges
    for _ in range(30):
        opened.press("+")
    assert window(opened)[2] == pytest.approx(WIDTH_PX / 16)
    assert opened.run("return document.querySelector('.says').textContent") == "enlarged 16.0 times"
    opened.press("-")
    assert window(opened)[2] == pytest.approx(WIDTH_PX / 16 * 1.25)
    opened.press("0")
    assert window(opened) == whole


def test_panels_are_enlarged_and_moved_together_by_mouse(opened: Browser) -> None:
    opened.run("document.querySelectorAll('.bar button')[0].click()")
    before = window(opened)
    opened.run("document.querySelector('.panels').scrollIntoView({block: 'center'})")
    box = opened.run(f"const b = {TRUTH}; return [b.left + b.width / 2, b.top + b.height / 2, b.width]")
    for kind, x in (("mousePressed", box[0]), ("mouseMoved", box[0] - box[2] / 20), ("mouseReleased", box[0])):
        opened.protocol("Input.dispatchMouseEvent", type=kind, x=x, y=box[1], button="left", buttons=1, clickCount=1)
    moved = window(opened)
    assert moved[0] - before[0] == pytest.approx(before[2] / 20, rel=0.1)
    assert moved[1:] == pytest.approx(before[1:])
    for ctrl, larger in ((0, 1), (2, 1.25)):  # without Ctrl the wheel scrolls the page
        opened.protocol(
            "Input.dispatchMouseEvent", type="mouseWheel", x=box[0], y=box[1], deltaX=0, deltaY=-9, modifiers=ctrl
        )
        assert window(opened)[2] == pytest.approx(before[2] / larger)


def test_the_light_box_takes_the_panels_and_gives_them_and_the_focus_back(opened: Browser) -> None:
    inside = "document.querySelectorAll('dialog[open] .panels .pane').length"
    opened.run("document.querySelector('.opens').focus()")
    opened.press(ENTER)
    assert opened.run(f"return {inside}") == 12
    assert opened.run("return document.activeElement.closest('dialog') !== null")
    assert opened.run("return getComputedStyle(document.activeElement).outlineWidth") == "3px"
    opened.run("document.querySelector('dialog .panels').focus()")
    opened.press("+")
    assert window(opened)[2] == pytest.approx(WIDTH_PX / 1.25)
    opened.press(ESCAPE)
    assert opened.run(f"return {inside}") == 0
    for _ in range(50):  # the browser tells the page of the closed box a moment later
        if opened.run("return document.querySelectorAll('main .panels .pane').length") == 12:
            break
        time.sleep(0.1)
    assert opened.run("return document.querySelectorAll('main .panels .pane').length") == 12
    assert opened.run("return document.activeElement.className") == "opens"


def test_a_picture_is_enlarged_in_the_light_box(opened: Browser) -> None:
    opened.run("document.querySelector('button.enlarge').focus()")
    opened.press(ENTER)
    panel = "document.querySelector('dialog[open] .pane')"
    label, view, size = opened.run(
        f"const p = {panel}; return [p.ariaLabel, p.getAttribute('viewBox'), p.getBoundingClientRect().width]"
    )
    assert (label, view) == ("Error of each method", "0 0 300 200")
    assert size > 900
    opened.run(f"{panel}.parentElement.focus()")
    opened.press("+")
    view = opened.run(f"return {panel}.getAttribute('viewBox')")
    assert [float(value) for value in view.split()] == pytest.approx([30, 20, 240, 160])
    opened.press(ESCAPE)
    assert opened.run(f"return {panel}") is None
    assert opened.run("return document.activeElement.className") == "enlarge"


def test_paper_has_whole_panels_and_no_light_box(opened: Browser) -> None:
    opened.run("document.querySelectorAll('.bar button')[0].click(); document.querySelector('.opens').click()")
    n_folded = opened.run("return document.querySelectorAll('details:not([open])').length")
    assert n_folded > 5
    opened.run("window.dispatchEvent(new Event('beforeprint'))")
    assert opened.run("return document.querySelectorAll('main .panels .pane').length") == 12
    assert opened.run("return document.querySelectorAll('dialog[open], details:not([open])').length") == 0
    assert window(opened) == [0, 0, WIDTH_PX, HEIGHT_PX]
    opened.run("window.dispatchEvent(new Event('afterprint'))")
    assert opened.run("return document.querySelectorAll('details:not([open])').length") == n_folded


def test_pictures_and_buttons_have_names_for_those_who_do_not_see_them(opened: Browser) -> None:
    opened.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    nodes = opened.protocol("Accessibility.getFullAXTree")["nodes"]
    named: dict[str, list[str]] = {}
    for node in nodes:
        role, name = (node.get(key, {}).get("value", "") for key in ("role", "name"))
        named.setdefault(role, []).append(name)
        if role == "group" and name.startswith("Truth and methods"):
            assert node["description"]["value"]
    assert len(named["image"]) == 6 + 12
    assert all(named["image"])
    assert {"Phase, truth", "Amplitude, pinn+lsqml"} <= set(named["image"])
    assert all(named["button"])
    assert len(set(named["button"])) == len(named["button"])
    assert sum(name.startswith("Truth and methods") for name in named["group"]) == 1


def test_without_its_script_the_page_shows_everything(browser: Browser, page: Path) -> None:
    texts = []
    bare = page.with_name("bare.html")
    bare.write_text(re.sub(r"<script>.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL), "utf-8")
    for path in (page, bare):
        browser.screen(1280)
        browser.open(path)
        browser.run("document.querySelectorAll('.bar, .enlarge, dialog').forEach(e => e.remove())")
        texts.append(browser.run("return document.body.innerText"))
    assert texts[0] == texts[1]
    assert browser.run("return document.querySelectorAll('button, dialog').length") == 0
    assert window(browser) == [0, 0, WIDTH_PX, HEIGHT_PX]
    shown = "[...document.querySelectorAll('.pane')].map(p => p.getBoundingClientRect()).map(b => b.width / b.height)"
    assert browser.run(f"return {shown}") == pytest.approx([WIDTH_PX / HEIGHT_PX] * 12, rel=0.02)


def test_panels_show_the_pixels_of_the_sheet(opened: Browser) -> None:
    for _ in range(6):
        opened.run("document.querySelectorAll('.bar button')[0].click()")
    with Image.open(io.BytesIO(opened.picture((".panels .pane", ".panels .pane")))) as picture:
        found = np.asarray(picture.convert("RGB"))
    left, top, width, height = window(opened)
    box = opened.run(f"const b = {TRUTH}; return [b.left, b.width, b.height]")
    with Image.open(io.BytesIO(noise_png(6 * WIDTH_PX, 2 * HEIGHT_PX))) as sheet:
        phases = np.asarray(sheet)[HEIGHT_PX:, :WIDTH_PX]
    for row in range(int(top) + 1, int(top + height)):
        for col in range(int(left) + 1, int(left + width)):
            y, x = (row + 0.5 - top) / height * box[2], box[0] + (col + 0.5 - left) / width * box[1]
            assert np.array_equal(found[int(y), int(x)], phases[row, col])


ATTEMPTS = """
window.stopped = [];
addEventListener('securitypolicyviolation', event => window.stopped.push(event.effectiveDirective));
const script = document.createElement('script');
script.textContent = 'window.hit = 1';
const image = document.createElement('img');
image.setAttribute('onerror', 'window.hit = 2');
image.src = window.address;
document.body.append(script, image);
"""


def test_the_policy_of_the_page_stops_other_scripts_and_every_request(opened: Browser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        opened.run(f"window.address = 'http://127.0.0.1:{server.getsockname()[1]}/x.png'")
        opened.run(ATTEMPTS)
        opened.wait()
        assert set(opened.run("return window.stopped")) == {"script-src-elem", "script-src-attr", "img-src"}
        assert opened.run("return typeof hit") == "undefined"
        with pytest.raises(BlockingIOError):
            server.accept()


def test_tables_are_tables_for_who_does_not_see_them(opened: Browser) -> None:
    opened.screen(400)
    nodes = opened.protocol("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if "role" in node]
    tables = opened.run("return [...document.querySelectorAll('table')].filter(e => e.checkVisibility()).length")
    assert roles.count("table") == tables > 2
    names = [node.get("name", {}).get("value") for node in nodes if node.get("role", {}).get("value") == "columnheader"]
    assert {"baseline, gridsize 1", "dense, gridsize 2", "sparse, gridsize 2"} <= set(names)
