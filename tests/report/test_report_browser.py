"""The report page in a real browser: it loads without a word, fits narrow screens, prints whole, and can be read."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.helpers.browser import MISSING, Browser
from tests.helpers.hostile_page import (
    ENTER,
    HEIGHT_PX,
    HOSTILE,
    TAB,
    WIDTH_PX,
    window,
)
from tests.helpers.report_hub import ERROR, FAILED

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


def test_the_page_loads_without_a_word_and_fetches_nothing(opened: Browser, hostile_page: Path) -> None:
    assert "fly64-smoke" in opened.run("return document.title")
    assert opened.run("return [...document.images].length") == 6
    assert opened.run("return [...document.images].every(i => i.complete && i.naturalWidth >= 300)")
    own = ("data:", "chrome:", "chrome-untrusted:")  # parts of the page, and of the browser's own first tab
    assert {address for address in opened.requests() if not address.startswith(own)} == {hostile_page.as_uri()}
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


def test_without_its_script_the_page_shows_everything(browser: Browser, hostile_page: Path, tmp_path: Path) -> None:
    texts = []
    bare = tmp_path / "bare.html"
    bare.write_text(
        re.sub(r"<script>.*?</script>", "", hostile_page.read_text(encoding="utf-8"), flags=re.DOTALL), "utf-8"
    )
    for path in (hostile_page, bare):
        browser.screen(1280)
        browser.open(path)
        browser.run("document.querySelectorAll('.bar, .enlarge, dialog').forEach(e => e.remove())")
        texts.append(browser.run("return document.body.innerText"))
    assert texts[0] == texts[1]
    assert browser.run("return document.querySelectorAll('button, dialog').length") == 0
    assert window(browser) == [0, 0, WIDTH_PX, HEIGHT_PX]
    shown = "[...document.querySelectorAll('.pane')].map(p => p.getBoundingClientRect()).map(b => b.width / b.height)"
    assert browser.run(f"return {shown}") == pytest.approx([WIDTH_PX / HEIGHT_PX] * 12, rel=0.02)


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
