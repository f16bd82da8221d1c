"""The release's class: its arguments, its file names, its notebook."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import numpy as np
import pytest
import timm
import torch
from PIL import Image

import viz_nodes
import vizgraph
from viz_nodes import Viz_CAM
from viz_nodes.viz_cam import find_images, output_folders

CELLS = """
import argparse
from viz_nodes import Viz_CAM
import timm

parser = argparse.ArgumentParser()
parser.add_argument("--arch", type=str, default='graphconvnet_ti')
parser.add_argument("--image_root", type=str, default='./demo_img.JPEG')
parser.add_argument("--output_root", type=str, default='./viz_output')
parser.add_argument("--hr_ratio", type=int, default=3)
args = parser.parse_args([])
ckpt_path = './' + {"graphconvnet_ti": "GraphConvNet_Ti_77_1.pth.tar"}[args.arch]
args.output_root = args.output_root + f'/{args.arch}/'
model = timm.create_model(args.arch, pretrained=True, checkpoint_path=ckpt_path)
model.eval()
target_layers_idx = [3, 11]
target_layers = [model.backbone[idx].grapher.fc2[0] for idx in target_layers_idx]
cam_visualizer = Viz_CAM(image_root=args.image_root, output_root_dir=args.output_root, hr_ratio=args.hr_ratio,
                         model=model, target_layers_idx=target_layers_idx)
cam_visualizer.process(viz_neighbors=9, save_topk=1)
"""


def trained_looking(arch):
    """Untrained weights whose batch statistics are those of noise, so that features stay bounded."""
    torch.manual_seed(0)
    model = timm.create_model(arch).train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(2, 3, 224, 224))
    return model.eval()


@pytest.fixture(scope="module")
def model():
    return trained_looking("gcn_demo")


@pytest.fixture
def picture():
    def write(path, seed=0):
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(seed).integers(0, 255, (5, 7, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((140, 100), Image.Resampling.BICUBIC).save(path)
        return path

    return write


def test_files_are_named_as_the_release_named_them(model, picture, tmp_path, capsys):
    path = picture(tmp_path / "demo_img.JPEG")
    labels = [f"word {i}" for i in range(10)]
    made = Viz_CAM(str(path), tmp_path / "out", 2, model, [3, -1], label_list=labels).process(
        viz_neighbors=5, save_topk=2
    )
    sample = vizgraph.load_image(path, model)
    exp = viz_nodes.explain(model, sample.pixels)
    expected = {"top_2.json"}
    for layer in (exp.layer(3), exp.layer(5)):
        expected.add(f"layer_{layer.number}_cam.png")
        peak = int(layer.peak[0])
        if peak >= 0:
            expected |= {f"layer_{layer.number}_center_{peak}_neighbors.png", f"layer_{layer.number}_graph.png"}
    folder = tmp_path / "out" / "demo_img"
    assert {file.name for file in folder.iterdir()} == expected
    assert len(expected) > 3
    for name in expected - {"top_2.json"}:
        with Image.open(folder / name) as image:
            assert image.width == pytest.approx(2 * 224, abs=1), name
    best = json.loads((folder / "top_2.json").read_text())
    values, indices = exp.probabilities[0].topk(2)
    assert best == {f"word {i}_{i}": f"{p:.5f}" for p, i in zip(values.tolist(), indices.tolist())}
    assert [layer.index for layer in made[0].layers] == [3, 5]
    printed = capsys.readouterr().out
    found = next(layer for layer in made[0].layers if int(layer.peak[0]) >= 0)
    node = int(found.peak[0])
    assert (
        f"Neighbor(layer_idx={found.index}, center_idx={node}, neighbors={found.neighbors[0, node, :5].tolist()})"
        in printed
    )


def test_nothing_but_maps_when_nothing_else_is_asked(model, picture, tmp_path):
    path = picture(tmp_path / "x.png")
    Viz_CAM(path, tmp_path / "out", 1, model, [2]).process(viz_neighbors=0, save_topk=0)
    assert [file.name for file in (tmp_path / "out" / "x").iterdir()] == ["layer_3_cam.png"]


def test_a_blank_map_has_no_center_and_says_so(model, picture, tmp_path, monkeypatch):
    path = picture(tmp_path / "x.png")
    with torch.no_grad():
        silent = trained_looking("gcn_demo")
        for parameter in silent.prediction[-1].parameters():
            parameter.zero_()
    with pytest.warns(UserWarning, match="layer 6 has a blank map"):
        Viz_CAM(path, tmp_path / "out", 1, silent, [5]).process(save_topk=0)
    assert [file.name for file in (tmp_path / "out" / "x").iterdir()] == ["layer_6_cam.png"]


def test_folders_are_searched_and_keep_their_shape(picture, tmp_path):
    root = tmp_path / "images"
    for name in ("b.png", "a/c.jpg", "a/c.png", "a/notes.txt"):
        picture(root / name) if not name.endswith("txt") else (root / name).write_text("no image")
    images = find_images(root)
    assert [path.relative_to(root).as_posix() for path in images] == ["a/c.jpg", "a/c.png", "b.png"]
    folders = output_folders(images, root, tmp_path / "out")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in folders] == ["a/c.jpg", "a/c.png", "b"]
    assert output_folders([root / "b.png"], root / "b.png", "out")[0].as_posix() == "out/b"


def test_no_image_is_an_error(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="no image in this folder"):
        Viz_CAM(tmp_path, tmp_path / "out", 1, model, [0]).process()
    with pytest.raises(FileNotFoundError, match="no such image"):
        Viz_CAM(tmp_path / "x.jpg", tmp_path / "out", 1, model, [0]).process()
    with pytest.raises(ValueError, match="hr_ratio"):
        Viz_CAM(tmp_path, tmp_path / "out", 0, model, [0])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_releases_notebook_cells_run_in_a_fresh_process(picture, tmp_path):
    picture(tmp_path / "demo_img.JPEG")
    state = {"state_dict": trained_looking("graphconvnet_ti").state_dict(), "epoch": 3, "arch": "graphconvnet_ti"}
    torch.save(state | {"args": argparse.Namespace(lr=0.1)}, tmp_path / "GraphConvNet_Ti_77_1.pth.tar")
    done = subprocess.run([sys.executable, "-c", CELLS], cwd=tmp_path, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "viz_output" / "graphconvnet_ti" / "demo_img"
    names = sorted(file.name for file in folder.iterdir())
    assert {"layer_4_cam.png", "layer_12_cam.png", "top_1.json"} <= set(names)
    assert any(name.startswith(("layer_4_center_", "layer_12_center_")) for name in names)
    assert len(json.loads((folder / "top_1.json").read_text())) == 1


def test_a_foreign_network_of_a_thousand_classes_has_the_names_of_imagenet(picture, tmp_path):
    class Bare(torch.nn.Module):
        """No configuration, no class names, as the release's own networks."""

        def __init__(self):
            super().__init__()
            self.net = timm.create_model("gcn_demo", num_classes=1000)

        def forward(self, pixels):
            return self.net(pixels)

    torch.manual_seed(0)
    made = Viz_CAM(picture(tmp_path / "x.png"), tmp_path / "out", 1, Bare().eval(), [5]).process(save_topk=1)
    best = int(made[0].target[0])
    (name,) = json.loads((tmp_path / "out" / "x" / "top_1.json").read_text())
    assert name == f"{vizgraph.data.imagenet_names()[best]}_{best}"
