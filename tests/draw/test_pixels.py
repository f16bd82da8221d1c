"""What is drawn fast is what would be drawn slowly: rasters on a canvas, and PNG files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from PIL import Image

from viz_nodes.draw.artists.bare_axes import Panel
from viz_nodes.draw.artists.photograph import add_raster, as_picture
from viz_nodes.draw.files import pixels_of
from viz_nodes.draw.png import png_bytes


@pytest.mark.parametrize("lowest", [0, 255])
def test_a_png_holds_the_pixels_the_resolution_and_the_texts(lowest):
    rng = np.random.default_rng(0)
    pixels = np.dstack([rng.integers(0, 256, (7, 5, 3)), rng.integers(lowest, 256, (7, 5))]).astype(np.uint8)
    image = Image.open(io.BytesIO(png_bytes(pixels, dpi=300, text={"Software": "us", "note": '{"a": "b\\n"}'})))
    image.load()
    assert image.mode == ("RGB" if lowest == 255 else "RGBA"), "opacity is stored only where there is some"
    np.testing.assert_array_equal(np.asarray(image.convert("RGBA")), pixels)
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert image.text == {"Software": "us", "note": '{"a": "b\\n"}'}


def drawn(photograph, limits, extent, *, ours):
    fig = Figure(figsize=(2, 2), dpi=100)
    ax = fig.add_axes((0.15, 0.1, 0.8, 0.85), axes_class=Panel)
    ax.set_xlim(*limits[:2])
    ax.set_ylim(*limits[2:])
    if ours:
        add_raster(ax, as_picture(photograph), extent)
    else:
        shown = AxesImage(ax, interpolation="bicubic", extent=extent)
        shown.set_data(photograph)
        shown.set_clip_path(ax.patch)
        ax.add_artist(shown)
    return pixels_of(fig, 100)[..., :3].astype(int)


@pytest.mark.parametrize(
    ("limits", "extent"),
    [
        ((0, 60, 40, 0), (0, 60, 40, 0)),  # all of the Axes
        ((0, 60, 40, 0), (10, 50, 30, 10)),  # a part of it
        ((0, 60, 0, 40), (0, 60, 40, 0)),  # head over heels
        ((20, 40, 30, 10), (0, 60, 40, 0)),  # more than the Axes shows
    ],
)
def test_a_raster_lies_where_matplotlib_would_put_it(photograph, limits, extent):
    pixels = photograph(40, 60)
    ours, theirs = (drawn(pixels, limits, extent, ours=ours) for ours in (True, False))
    assert np.abs(ours - theirs).mean() < 3.0
    assert np.abs(ours[::-1] - theirs).mean() > 10.0, "the pattern tells up from down"
    background = (theirs == 255).all(axis=2)
    assert ((ours == 255).all(axis=2) == background).mean() > 0.98


def test_panels_of_one_picture_share_the_resized_pixels(photograph):
    picture = as_picture(photograph())
    assert picture.scaled(300, 300) is picture.scaled(300, 300)
    assert picture.fitted(500).scaled(300, 300) is picture.scaled(300, 300)
    for side in range(100, 120):
        picture.scaled(side, side)
    assert len(picture._made) <= 6, "and no more of them are kept than a sheet has"
