"""`vizgraph evaluate`: files with the counts of a hand-made network, preprocessing overridden, the object located."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from vizgraph.cli.main import main
from vizgraph.data.preprocessing import Preprocessing
from vizgraph.errors import TrainingError
from vizgraph.evaluation import evaluate, report
from vizgraph.evaluation.localization import patches_on, seen_mask
from vizgraph.training.config import DataConfig
from vizgraph.training.distributed import Distributed


@pytest.fixture(scope="module")
def weights(photos, tmp_path_factory):
    """A run on `photos` of a fraction of a second."""
    folder = tmp_path_factory.mktemp("run")
    done = CliRunner().invoke(
        main,
        [
            "train",
            "--device",
            "cpu",
            "--data",
            str(photos),
            "--out",
            str(folder),
            "model.arch=gcn_demo",
            "model.kwargs={k: 1, img_size: 32}",
            "data.input_size=[32, 32]",
            "data.batch_size=8",
            "data.workers=0",
            "schedule.epochs=1",
            "data.mean=[0.5, 0.5, 0.5]",
        ],
    )
    assert done.exit_code == 0, done.output
    return folder / "best.pth.tar"


def call(*arguments):
    return CliRunner().invoke(main, ["evaluate", "--device", "cpu", "--workers", "0", *map(str, arguments)])


def table(path):
    with open(path, newline="") as file:
        return list(csv.reader(file))


def test_the_files_agree_with_each_other_and_with_the_images(weights, photos, tmp_path):
    done = call("--arch", "gcn_demo", "--ckpt", weights, "--data", photos, "--save", "--out", tmp_path, "--batch", 5)
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "gcn_demo" / "evaluation").iterdir()
    told = json.loads((folder / "scores.json").read_text())
    rows = table(folder / "predictions.csv")[1:]
    assert told["samples"] == len(rows) == 12
    assert [int(row[0]) for row in rows] == list(range(12))
    right = sum(int(row[5]) for row in rows)
    assert told["top1"] == pytest.approx(100 * right / 12)
    assert f"({right} of 12)" in done.output
    counts = np.array([[int(n) for n in row[1:]] for row in table(folder / "confusion.csv")[1:]])
    assert counts.sum() == 12
    assert np.trace(counts) == right
    assert [row[0] for row in table(folder / "per_class.csv")[1:]] == ["blue", "green", "red"]
    assert told["preprocessing"]["mean"] == [0.5, 0.5, 0.5]
    assert told["preprocessing"]["input_size"] == [3, 32, 32]
    for name in ("confusion.png", "calibration.png"):
        with Image.open(folder / name) as image:
            assert image.width > 300


def test_preprocessing_can_be_overridden(weights, photos, tmp_path):
    done = call(
        "--arch",
        "gcn_demo",
        "--ckpt",
        weights,
        "--data",
        photos,
        "--out",
        tmp_path,
        "--mean",
        "0.1",
        "--std",
        "0.2,0.3,0.4",
        "--crop-pct",
        "1",
        "--interpolation",
        "nearest",
        "--input-size",
        "48x32",
    )
    assert done.exit_code == 0, done.output
    told = json.loads(next(tmp_path.glob("gcn_demo/evaluation/*/scores.json")).read_text())["preprocessing"]
    assert told["mean"] == [0.1] * 3
    assert told["std"] == [0.2, 0.3, 0.4]
    assert (told["input_size"], told["crop_pct"], told["interpolation"]) == ([3, 48, 32], 1.0, "nearest")


def test_folders_in_another_order_count_the_same(weights, photos, tmp_path):
    """A split with two of the three classes, whose numbers are shifted, is matched by name."""
    import shutil

    some = tmp_path / "some" / "val"
    for name in ("green", "red"):
        shutil.copytree(photos / "val" / name, some / name)
    call("--arch", "gcn_demo", "--ckpt", weights, "--data", photos, "--save", "--out", tmp_path / "all")
    done = call("--arch", "gcn_demo", "--ckpt", weights, "--data", some.parent, "--save", "--out", tmp_path / "part")
    assert done.exit_code == 0, done.output
    assert "matched by name" in done.output
    whole, part = (table(next(path.glob("**/predictions.csv")))[1:] for path in (tmp_path / "all", tmp_path / "part"))
    assert [row[2:6] for row in part] == [row[2:6] for row in whole if row[2] != "blue"]


def test_classes_the_network_has_not_are_an_error(weights, tmp_path):
    (tmp_path / "val" / "plaid").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "val" / "plaid" / "x.png")
    done = call("--arch", "gcn_demo", "--ckpt", weights, "--data", tmp_path, "--out", tmp_path)
    assert done.exit_code == 1
    assert "plaid" in done.output


def test_the_published_figure_stands_beside_ours_with_reasons_only_where_they_differ():
    assert report.against_published(77.0, 77.1) == "77.1 published, 77.0 here"
    apart = report.against_published(70.0, 77.1)
    assert apart.startswith("77.1 published, 70.0 here")
    assert "mean or std" in apart


class ByColor(torch.nn.Module):
    """Answers class 0 always; knows 1000 classes."""

    num_classes, in_chans = 1000, 3

    def __init__(self):
        super().__init__()
        self.pretrained_cfg = {
            "input_size": (3, 16, 16),
            "mean": (0.5,) * 3,
            "std": (0.5,) * 3,
            "crop_pct": 1.0,
            "interpolation": "bilinear",
        }

    def forward(self, pixels):
        logits = torch.zeros(len(pixels), 1000)
        logits[:, 0] = 1
        return logits


def synset_folder(root):
    # by the alphabet n01440764 (tench, class 0) comes before n02123045 (tabby, class 281)
    for synset, numbers in (("n02123045", (1, 2)), ("n01440764", (3, 4))):
        folder = root / "val" / synset
        folder.mkdir(parents=True)
        for number in numbers:
            Image.new("RGB", (16, 16)).save(folder / f"ILSVRC2012_val_{number:08d}.png")
    return root


def test_imagenet_is_counted_by_synset_and_by_the_reassessed_labels(tmp_path):
    ranks = Distributed(torch.device("cpu"))
    data = DataConfig(root=str(synset_folder(tmp_path)), workers=0, batch_size=3)
    # image 1 may also be class 0, image 2 not, image 3 has no label left, image 4 is of class 0
    done = evaluate(ByColor(), data, ranks, real=[[281, 0], [281], [], [0]])
    assert done.matched == "by synset"
    assert done.metrics.top1 == 50.0
    assert int(done.metrics.confusion[281, 0]) == 2
    assert (done.real_top1, done.real_count) == (pytest.approx(200 / 3), 3)
    with pytest.raises(TrainingError, match="number of an ImageNet validation image"):
        evaluate(ByColor(), data, ranks, real=[[0]])


def test_patches_count_by_their_center_or_by_any_pixel():
    mask = np.zeros((32, 32), bool)
    mask[8:10, 8:10] = True  # the center of patch 0 and nothing else of it
    mask[0, 31] = True  # a corner of patch 1
    inside = patches_on(mask, (2, 2))
    assert inside.tolist() == [[1, 0, 0, 0], [1, 1, 0, 0]]


def test_a_mask_is_cropped_as_the_image_is():
    mask = np.zeros((100, 100), bool)
    mask[40:60, 40:60] = True
    seen = seen_mask(mask, Preprocessing((3, 50, 50), (0.5,) * 3, (0.5,) * 3, "bicubic", 1.0, "center"))
    assert seen.shape == (50, 50)
    assert seen[20:30, 20:30].all()
    assert seen.sum() == 100


def test_localization_is_reported_on_the_scenes(tmp_path):
    torch.manual_seed(0)
    done = call(
        "--arch", "gcn_demo", "--ckpt", "random", "--data", "scenes", "--split", "test", "--size", 30, "--out", tmp_path
    )
    assert done.exit_code == 0, done.output
    told = json.loads(next(tmp_path.glob("gcn_demo/evaluation/*/scores.json")).read_text())
    located = told["localization"]
    assert located["scenes"] == 30
    assert located["correct"] == round(told["top1"] * 30 / 100)
    assert located["center_inside"]["hits"] <= located["overlap"]["hits"] <= located["correct"]
    if located["correct"]:
        assert 0.01 < located["center_inside"]["chance"] < located["overlap"]["chance"] < 0.5
