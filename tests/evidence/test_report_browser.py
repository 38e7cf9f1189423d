"""The report page in a real browser: it loads without a word, fits narrow screens, prints whole, and can be read.

The browser is driven over HTTP (W3C WebDriver) and through its own protocol; nothing is fetched from elsewhere.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from ptyproof.evidence.report import write_report
from ptyproof.evidence.run_folder import RunFolder
from tests.conftest import Phase
from tests.evidence.test_report_page import ERROR, FAILED, edited, make_hub

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
DRIVER = shutil.which("chromedriver")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
TAB, ENTER = "\ue004", "\ue007"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="needs chromium and chromedriver (Debian: chromium, chromium-driver)"
)

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


class Browser:
    """A headless Chromium with one page."""

    def __init__(self, address: str, profile: Path) -> None:
        self.address = address
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.address += f"/session/{session['sessionId']}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, path: Path) -> None:
        """Open a file and wait until it is loaded."""
        self._call("POST", "/url", {"url": path.as_uri()})

    def run(self, script: str) -> Any:
        """Return what a script returns in the page."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def protocol(self, command: str, **parameters: Any) -> Any:
        """Return the answer to a command of the DevTools protocol."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def screen(self, width: int, media: str = "screen", scheme: str = "light") -> None:
        """Set the width of the screen, the medium and the colour scheme."""
        self.protocol("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.protocol("Emulation.setEmulatedMedia", media=media, features=features)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        actions = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def messages(self) -> list[str]:
        """Return what the console says since the last call."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"})]

    def close(self) -> None:
        """End the session and its processes."""
        self._call("DELETE", "")


@pytest.fixture(scope="module")
def page(smoke_c: Phase, smoke_d: Phase, smoke_e: Phase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a hub with cells in every state, long words in an error, and one cell with pictures."""
    folder = RunFolder(tmp_path_factory.mktemp("browser") / "hub")
    make_hub(folder, smoke_c, smoke_d, smoke_e)
    with edited(folder) as manifest:
        jobs = {job["job"]: job for job in manifest["jobs"]}
        jobs[FAILED]["result"]["error"] = ERROR + " " + "averylongword" * 30
        jobs["dose1000-baseline-gs1"]["datasets"] = None
    return write_report(folder.hub)[0]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder = tmp_path_factory.mktemp("chromium")
    assert DRIVER is not None
    with subprocess.Popen(
        [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            port = next(found[1] for line in process.stdout if (found := re.search(r"on port (\d+)\.", line)))
            opened = Browser(f"http://127.0.0.1:{port}", folder / "profile")
            yield opened
            opened.close()
        finally:
            process.terminate()


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    """The browser with the page as it is when it has just been opened on a wide screen."""
    browser.screen(1280)
    browser.open(page)
    return browser


def test_the_page_loads_without_a_word_and_fetches_nothing(opened: Browser) -> None:
    assert opened.run("return document.title") == "Study fly64-smoke: report"
    assert opened.run("return [...document.images].length") == 5
    assert opened.run("return [...document.images].every(i => i.complete && i.naturalWidth > 300)")
    fetched = opened.run("return performance.getEntriesByType('resource').map(e => e.name.slice(0, 5))")
    assert set(fetched) <= {"data:"}
    assert opened.messages() == []


def test_the_error_of_a_failed_cell_is_read_and_not_run(opened: Browser) -> None:
    assert ERROR in opened.run(f"return document.getElementById('cell-{FAILED}').parentElement.textContent")
    assert opened.run("return document.scripts.length") == 0


@pytest.mark.parametrize("width", [320, 400, 768, 880, 1280])
def test_nothing_is_wider_than_the_screen(opened: Browser, width: int) -> None:
    opened.screen(width)
    opened.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    needed, given = opened.run("const e = document.documentElement; return [e.scrollWidth, e.clientWidth]")
    assert needed <= given
    tables = "[...document.querySelectorAll('.wide')].filter(e => e.scrollWidth > e.clientWidth)"
    assert opened.run(f"return {tables}.map(e => e.innerText.slice(0, 80))") == []


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
