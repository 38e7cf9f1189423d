"""A headless Chromium, driven over HTTP (W3C WebDriver) and through its own protocol; nothing comes from elsewhere.

Where Chromium or its driver is missing, `MISSING` says so; a test that needs a browser skips with that reason.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

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
MISSING = None
if CHROMIUM is None or DRIVER is None:
    MISSING = "needs chromium and chromedriver (Debian: chromium, chromium-driver)"


class Browser:
    """A headless Chromium with one page."""

    def __init__(self, address: str, profile: Path) -> None:
        self.address = address
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={profile}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.address += f"/session/{session['sessionId']}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.address + path, data, {"Content-Type": "application/json"}, method=method)
        with urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, path: Path) -> None:
        """Open a file and wait until it is loaded, drawn, and has the keyboard."""
        self._call("POST", "/url", {"url": path.as_uri()})
        self.protocol("Page.bringToFront")
        self.protocol("Emulation.setFocusEmulationEnabled", enabled=True)
        self.wait()

    def wait(self) -> None:
        """Wait until the page is drawn again."""
        drawn = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        self._call("POST", "/execute/async", {"script": drawn, "args": []})

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

    def picture(self, selectors: tuple[str, str] | None = None, scale: float = 1) -> bytes:
        """Return a PNG of the page, or of its part from the top of one element to the bottom of another one."""
        edges = "0, document.documentElement.scrollHeight"
        if selectors is not None:
            first, last = (f"document.querySelector({json.dumps(name)}).getBoundingClientRect()" for name in selectors)
            edges = f"{first}.top + scrollY, {last}.bottom + scrollY"
        top, bottom, width = self.run(f"return [{edges}, innerWidth]")
        clip = {"x": 0, "y": top, "width": width, "height": bottom - top, "scale": scale}
        answer = self.protocol("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def pdf(self) -> bytes:
        """Return the page as it is printed on A4."""
        self.protocol("Emulation.setEmulatedMedia", media="")  # an emulated screen would stay one on paper
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        return base64.b64decode(self.protocol("Page.printToPDF", **paper)["data"])

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for since the last call."""
        entries = self._call("POST", "/se/log", {"type": "performance"})
        events = [json.loads(entry["message"])["message"] for entry in entries]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def messages(self) -> list[str]:
        """Return what the console says since the last call."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"})]

    def close(self) -> None:
        """End the session and its processes."""
        self._call("DELETE", "")


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Yield a browser with a fresh profile in `folder`; it ends with the block."""
    assert DRIVER is not None, MISSING
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
