"""The report page in a real browser: it loads without a word, fits narrow screens, prints whole, and can be read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ptyproof.hub.layout import REPORT, SOURCES
from ptyproof.phases.g_compare.tables import TidyRow
from ptyproof.report.page.page import page_of, read_records
from ptyproof.runs.folder import RunFolder
from tests.helpers.browser import MISSING, Browser, browser
from tests.helpers.report_hub import ERROR, FAILED, TRAINED, edited

TAB, ENTER = "\ue004", "\ue007"

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
    records = replace(read_records(folder.hub), compared=compared)
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
    assert opened.run("return [...document.images].length") == 5
    assert opened.run("return [...document.images].every(i => i.complete && i.naturalWidth > 300)")
    own = ("data:", "chrome:", "chrome-untrusted:")  # parts of the page, and of the browser's own first tab
    assert {address for address in opened.requests() if not address.startswith(own)} == {page.as_uri()}
    assert opened.messages() == []


def test_markup_in_names_and_errors_is_read_and_not_run(opened: Browser) -> None:
    assert ERROR in opened.run(f"return document.getElementById('cell-{FAILED}').parentElement.textContent")
    opened.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert opened.run("return document.body.textContent").count(HOSTILE) > 20
    assert opened.run("return [...document.images].filter(i => i.alt.includes('<script>')).length") == 4
    assert opened.run("return document.scripts.length") == 0
    assert opened.run("return [...document.images].every(i => i.src.startsWith('data:image/png;base64,'))")
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
    heights = "return [...document.querySelectorAll('details > :not(summary)')].map(e => e.checkVisibility())"
    opened.screen(800)
    assert set(opened.run(heights)) == {False}
    opened.screen(800, "print")
    assert set(opened.run(heights)) == {True}


def test_the_printed_page_has_everything_on_several_sheets(opened: Browser) -> None:
    printed = opened.pdf()
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") >= 5
    assert printed.count(b"/Subtype /Image") >= 5


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
    for _ in range(2):  # the folded metric of the comparison comes before the matrix
        opened.press(TAB)
    assert opened.run("return document.activeElement.getAttribute('href')") == "#cell-dose1000-baseline-gs1"
    opened.press(ENTER)
    assert opened.run("return document.activeElement.id") == "cell-dose1000-baseline-gs1"


def test_a_folded_part_opens_by_keyboard(opened: Browser) -> None:
    opened.run("document.querySelector('summary').focus()")
    opened.press(ENTER)
    assert opened.run("return document.querySelector('details').open")


def test_tables_are_tables_for_who_does_not_see_them(opened: Browser) -> None:
    opened.screen(400)
    nodes = opened.protocol("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if "role" in node]
    tables = opened.run("return document.querySelectorAll('table:not(details table)').length")
    assert roles.count("table") == tables
    names = [node.get("name", {}).get("value") for node in nodes if node.get("role", {}).get("value") == "columnheader"]
    assert {"baseline, gridsize 1", "dense, gridsize 2", "sparse, gridsize 2"} <= set(names)
