"""`vizgraph figure`: one figure of several images and networks."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import vizgraph
from viz_nodes.batch.options import RenderOptions
from viz_nodes.draw import read_provenance
from vizgraph.api.figure import LAYOUTS
from vizgraph.cli.main import main
from vizgraph.errors import ImageError, UsageError

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


@pytest.mark.parametrize(
    ("layout", "layers", "drawn"), [("release", (3, 5), "layers 4 and 6"), ("images", (3,), "layer 4")]
)
def test_with_further_hops_the_layers_asked_for_are_drawn(layout, layers, drawn, tmp_path):
    """All layers are explained then, of which the first has no layer before it: it was drawn, and refused."""
    answer = vizgraph.figure(
        layout, SAMPLES[:1], tmp_path, checkpoints=["demo"], layers=layers, hops=2, kinds=("graph",), dpi=60
    )
    assert f"gcn_demo, {drawn} of 6" in answer.caption


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


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A figure of two images and two networks, and copies of the images that may be lost."""
    folder = tmp_path_factory.mktemp("pages")
    images = [folder / path.name for path in SAMPLES[:2]]
    for source, copy in zip(SAMPLES, images, strict=False):
        shutil.copy(source, copy)
    drawn = vizgraph.figure(
        "networks",
        images,
        folder / "out",
        models=["gcn_demo", "vig_demo"],
        checkpoints=["demo", "random"],
        options=RenderOptions(dpi=60, formats=("png", "pdf"), layers=(-1,)),
        load={"device": "cpu", "seed": 3},
    )
    return drawn, images


def test_a_figure_s_manifest_names_what_it_was_made_of_and_every_file(pages):
    drawn, images = pages
    assert [path.name for path in drawn.paths] == ["networks.png", "networks.pdf", "networks.tex"]
    told = json.loads((drawn.paths[0].parent / "networks.json").read_text())
    assert told["format"] == "vizgraph figure"
    assert [Path(about["path"]) for about in told["images"]] == images
    assert [each["weights"]["source"] for each in told["networks"]] == ["bundled", "random"]
    for path in drawn.paths:
        assert told["outputs"][path.name]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert str(images[0].parent) not in drawn.paths[0].read_bytes().decode("latin-1"), "the figure names no folder"


def test_verify_makes_a_figure_of_several_images_again(pages):
    drawn, _ = pages
    result = vizgraph.verify(drawn.paths[:2], device="cpu")
    assert [verdict.words for verdict in result.verdicts] == [
        "shows what it says: image, weights and options give the same bytes"
    ] * 2


def noted(figure, note):
    """Write a PNG again with another note."""
    info = PngInfo()
    info.add_text("vizgraph", json.dumps(note))
    with Image.open(figure) as made:
        made.load()
        made.save(figure, pnginfo=info)


def test_verify_sees_changed_files_beside_a_figure_and_changed_options_in_it(pages, tmp_path):
    drawn, images = pages
    shutil.copytree(drawn.paths[0].parent, tmp_path / "figures")
    figure = tmp_path / "figures" / "networks.png"
    (tmp_path / "figures" / "networks.tex").write_text("another caption")
    (verdict,) = vizgraph.verify(figure, device="cpu").verdicts
    assert not verdict.holds
    assert verdict.words == "networks.tex beside it: not what networks.json says"
    # Without the manifest the images are asked for, and found by their digests whatever their order.
    (tmp_path / "figures" / "networks.json").unlink()
    with pytest.raises(ImageError, match="is not known here"):
        vizgraph.verify(figure, device="cpu")
    assert vizgraph.verify(figure, image=images[::-1], device="cpu").holds
    note = read_provenance(figure)
    noted(figure, {**note, "options": {**note["options"], "palette": "viridis"}})
    (verdict,) = vizgraph.verify(figure, image=images, device="cpu").verdicts
    assert not verdict.holds
    assert "differs from what its image, weights and options give" in verdict.words
    for gone in ("images", "networks", "layout"):
        noted(figure, {name: value for name, value in note.items() if name != gone})
        with pytest.raises(UsageError, match="somebody has changed it"):
            vizgraph.verify(figure, image=images, device="cpu")
