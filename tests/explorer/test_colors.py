"""The page paints in the colors of figures: `src/colors.json` is what the palettes of `viz_nodes.draw` say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from matplotlib.colors import Colormap, to_hex

from viz_nodes.draw.style.palettes import DARK, LIGHT, Theme, palette_named

FILE = Path(__file__).resolve().parents[2] / "viz_nodes/explorer/src/colors.json"
PALETTES = ("inferno", "viridis", "magma", "cividis", "print", "jet")
KEPT = ("page", "ink", "muted", "veil", "casing", "peak", "rim", "centers")


def stops(palette: Colormap, count: int) -> str:
    """So many colors evenly spaced, as hex digits without a sign between them."""
    return "".join(to_hex(palette(value))[1:] for value in np.linspace(0, 1, count))


def theme(look: Theme) -> dict:
    return {name: getattr(look, name) for name in KEPT} | {"diverging": stops(look.diverging, 5)}


def expected() -> str:
    palettes = {name: stops(palette_named(name), 17) for name in PALETTES}
    table = {"palettes": palettes, "themes": {"light": theme(LIGHT), "dark": theme(DARK)}}
    return json.dumps(table, indent=1) + "\n"


def test_the_explorer_s_colors_are_those_of_figures():
    assert json.loads(FILE.read_text("utf-8")) == json.loads(expected()), f"{FILE.name} should hold\n{expected()}"
