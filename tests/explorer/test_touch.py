"""The page under fingers: no hover, no Shift, no Escape, and controls large enough to hit."""

from __future__ import annotations

import pytest

from viz_nodes import write_page

pytestmark = pytest.mark.browser

FLAGS = ["--blink-settings=primaryHoverType=1,availableHoverTypes=1,primaryPointerType=2,availablePointerTypes=2"]
SMALL = """() => [...document.querySelectorAll(".vge :is(button, input, select, summary)")]
  .filter((node) => node.getClientRects().length)
  .map((node) => [
    node.getBoundingClientRect(), (node.closest("label") ?? node).getBoundingClientRect(), node.outerHTML])
  .filter(([own, label]) => Math.max(own.height, label.height) < 40 || Math.max(own.width, label.width) < 40)
  .map(([own, label, html]) => html.slice(0, 80))"""


def test_fingers_find_every_control_and_keep_several_patches(visit, make, photograph, tmp_path):
    page = visit(write_page(make(layers=6), photograph, tmp_path / "page.html"), width=390, height=844)
    assert page.locator(".vge-hint").inner_text().strip() == "Tap a patch to see its neighbors."
    assert page.evaluate(SMALL) == []
    page.locator(".vge-grid").first.click(position={"x": 60, "y": 60})
    page.get_by_role("button", name="Add another").click()
    page.locator(".vge-grid").first.click(position={"x": 200, "y": 160})
    page.evaluate("document.querySelector('.vge').explorer.flush()")
    assert page.evaluate("document.querySelector('.vge').explorer.state.pins.length") == 2
    assert page.evaluate(SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
