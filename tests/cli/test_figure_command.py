"""`vizgraph figure`: one figure of several images and networks."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

import vizgraph
from vizgraph.api.figure import LAYOUTS
from vizgraph.cli.main import main
from vizgraph.errors import UsageError

SAMPLES = sorted((Path(vizgraph.__file__).parent / "assets" / "samples").glob("*.png"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_one_command_and_fits_a_page(layout, tmp_path):
    several = layout in ("images", "networks", "depths")
    words = [
        "figure",
        layout,
        "--ckpt",
        "demo",
        "--device",
        "cpu",
        "--out",
        str(tmp_path),
        "--dpi",
        "100",
        "--seed",
        "0",
    ]
    for path in SAMPLES[: 3 if several else 1]:
        words += ["--img", str(path)]
    words += ["--arch", "gcn_demo", "--arch", "vig_demo"] if layout == "networks" else []
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "figures" / f"{layout}.png") as drawn:
        assert drawn.width == 330
        assert drawn.height <= 880
    latex = (tmp_path / "figures" / f"{layout}.tex").read_text()
    assert f"{{{layout}.png}}" in latex
    assert r"\caption{" in latex
    assert "gcn\\_demo" in latex


def test_layouts_of_one_image_or_one_network_refuse_more(tmp_path):
    with pytest.raises(UsageError, match="one image"):
        vizgraph.figure("edges", SAMPLES[:2], tmp_path, checkpoints=["demo"])
    with pytest.raises(UsageError, match="one network"):
        vizgraph.figure("images", SAMPLES[:2], tmp_path, models=["gcn_demo", "vig_demo"], checkpoints=["demo"])
    with pytest.raises(UsageError, match="choose from release"):
        vizgraph.figure("poster", SAMPLES[:1], tmp_path, checkpoints=["demo"])


def test_a_bundled_network_says_what_it_knows_when_given_something_else(tmp_path):
    other = tmp_path / "mine.png"
    Image.new("RGB", (64, 64), (90, 120, 30)).save(other)
    mine = vizgraph.render("gcn_demo", other, tmp_path / "a", checkpoint="demo", layers=(-1,), kinds=("cam",), dpi=40)
    assert any("knows ten digit stickers and nothing else" in warning for warning in mine.rows[0].warnings)
    theirs = vizgraph.render(
        "gcn_demo", SAMPLES[0], tmp_path / "b", checkpoint="demo", layers=(-1,), kinds=("cam",), dpi=40
    )
    assert not any("stickers" in warning for warning in theirs.rows[0].warnings)
