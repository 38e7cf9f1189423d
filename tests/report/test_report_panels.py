"""Panels side by side in a real browser: enlarged and moved together, in the light box, and whole on paper."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from PIL import Image

from tests.helpers.browser import MISSING, Browser
from tests.helpers.hostile_page import (
    ENTER,
    ESCAPE,
    HEIGHT_PX,
    WIDTH_PX,
    noise_png,
    window,
)

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

LEFT, RIGHT, DOWN = "\ue012", "\ue014", "\ue015"
TRUTH = "document.querySelector('.panels .pane').getBoundingClientRect()"


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
