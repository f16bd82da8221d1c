"""Samples depend on (seed, epoch, index) alone; orders on (seed, epoch); damaged images are replaced and counted."""

from __future__ import annotations

import collections
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vizgraph.data.preprocessing import Normalize, Preprocessing
from vizgraph.errors import TrainingError
from vizgraph.training.augment import training_transform
from vizgraph.training.config import AugmentConfig, DataConfig
from vizgraph.training.datasets import open_held_out, open_training, open_validation
from vizgraph.training.distributed import Distributed
from vizgraph.training.loaders import evaluation_loader, training_loader
from vizgraph.training.randomness import capture, restore
from vizgraph.training.samplers import EvaluationSampler, TrainingSampler
from vizgraph.training.samples import Samples

PREPROCESSING = Preprocessing((3, 32, 32), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic", 0.9, "center")
STRONG = AugmentConfig(auto_augment="rand-m9-mstd0.5-inc1", color_jitter=0.4)


def samples_of(root, seed=3):
    source = open_training(DataConfig(root=str(root)), epochs=2, seed=seed)
    return Samples(source, training_transform(PREPROCESSING, STRONG), seed)


def test_a_sample_depends_on_seed_epoch_index_and_repeat_alone(photos):
    samples = samples_of(photos)
    first = samples[1, 5, 0][0]
    random.seed(99), np.random.seed(99), torch.manual_seed(99)
    samples[0, 2, 0]
    again = samples_of(photos)
    assert np.array_equal(again[1, 5, 0][0], first)
    for other in ((0, 5, 0), (1, 5, 1)):
        assert not np.array_equal(again[other][0], first)
    assert not np.array_equal(samples_of(photos, seed=4)[1, 5, 0][0], first)


def test_drawing_a_sample_leaves_the_generators_of_the_run_alone(photos):
    samples = samples_of(photos)
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    samples[0, 1, 0]
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state()[1], states[1])
    assert torch.equal(torch.get_rng_state(), states[2])


def test_workers_change_nothing(photos):
    def pixels(workers):
        samples = samples_of(photos)
        order = TrainingSampler(len(samples), seed=1)
        order.epoch = 1
        loader = training_loader(samples, order, batch_size=6, workers=workers, pin=False)
        return [(batch.pixels, batch.labels) for batch in loader]

    for (left, left_labels), (right, right_labels) in zip(pixels(0), pixels(2), strict=True):
        assert torch.equal(left, right)
        assert torch.equal(left_labels, right_labels)


def test_generators_come_back_from_plain_types(tmp_path):
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    random.gauss(0, 1), np.random.randn()
    path = tmp_path / "state.pt"
    torch.save(capture(torch.device("cpu")), path)
    wanted = random.random(), random.gauss(0, 1), np.random.randn(3).tolist(), torch.rand(3).tolist()
    random.seed(7), np.random.seed(7), torch.manual_seed(7)
    restore(torch.load(path, weights_only=True), torch.device("cpu"))
    assert (random.random(), random.gauss(0, 1), np.random.randn(3).tolist(), torch.rand(3).tolist()) == wanted


def test_an_order_is_a_shuffle_of_its_own_each_epoch_shared_among_ranks():
    ranks = [TrainingSampler(23, seed=5, rank=rank, world_size=3) for rank in range(3)]
    seen = [index for order in ranks for _, index, _ in order]
    assert len(seen) == len(set(seen)) == 21
    assert [len(order) for order in ranks] == [7, 7, 7]
    first = list(ranks[0])
    ranks[0].epoch = 1
    assert [key[1] for key in ranks[0]] != [key[1] for key in first]
    ranks[0].epoch = 0
    assert list(ranks[0]) == first


@pytest.mark.parametrize("repeats", [0, 3])
def test_an_order_started_later_goes_on_where_the_whole_one_would(repeats):
    order = TrainingSampler(600, seed=5, rank=1, world_size=2, repeats=repeats)
    order.epoch = 4
    whole = list(order)
    assert len(whole) == len(order)
    order.start = 100
    assert list(order) == whole[100:]


def test_repeated_augmentation_gives_each_copy_of_an_image_its_own_number():
    keys = [key for rank in range(2) for key in TrainingSampler(600, seed=5, rank=rank, world_size=2, repeats=3)]
    assert len(set(keys)) == len(keys)
    images = [index for _, index, _ in keys]
    assert len(set(images)) == pytest.approx(len(keys) / 3, abs=1)


def test_measuring_takes_every_sample_once_over_the_ranks():
    taken = [index for rank in range(3) for _, index, _ in EvaluationSampler(10, rank=rank, world_size=3)]
    assert sorted(taken) == list(range(10))


def test_a_damaged_image_gives_way_to_the_next_and_is_named(photos, tmp_path):
    root = tmp_path / "photos"
    shutil.copytree(photos, root)
    (root / "train" / "blue" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    whole = (root / "train" / "blue" / "2.png").read_bytes()
    (root / "train" / "blue" / "2.png").write_bytes(whole[: len(whole) // 2])
    samples = samples_of(root)
    pixels, label, index, replaced = samples[0, 1, 0]
    assert (label, index) == (0, 3)
    assert len(replaced) == 2
    assert "1.png" in replaced[0]
    assert "2.png" in replaced[1]
    # The successor as it is drawn in its own right: the same pixels whatever came before it.
    assert np.array_equal(pixels, samples[0, 3, 0][0])


def test_a_data_set_of_damaged_images_is_an_error(photos, tmp_path):
    root = tmp_path / "photos"
    shutil.copytree(photos, root)
    for path in root.glob("train/*/*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(TrainingError, match="in a row cannot be read"):
        samples_of(root)[0, 0, 0]


def test_randaugment_runs_two_thousand_times():
    transform = training_transform(replace(PREPROCESSING, input_size=(3, 16, 16)), STRONG)
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (24, 24, 3), np.uint8))
    for seed in range(2000):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        assert transform(image).shape == (3, 16, 16)


def test_normalising_a_batch_is_what_timm_does_to_an_image(photos):
    from timm.data import create_transform

    source = open_validation(DataConfig(root=str(photos)))
    image, _ = source.read(0)
    wanted = create_transform(
        (3, 32, 32),
        is_training=False,
        interpolation="bicubic",
        crop_pct=0.9,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )(image)
    pixels = torch.as_tensor(np.asarray(PREPROCESSING.evaluation_transform()(image)))
    made = Normalize(PREPROCESSING, torch.device("cpu"), channels_last=True)(pixels[None])[0]
    torch.testing.assert_close(made, wanted, atol=1e-5, rtol=0)


def test_the_scenes_of_an_epoch_are_new_and_those_validated_on_stay():
    data = DataConfig(name="scenes", train_split="train", val_split="val", train_size=2, val_size=3)
    source = open_training(data, epochs=3, seed=0)
    assert source.fresh
    assert source.size == 2
    assert source.labels is not None
    assert len(source.labels) == 10
    transform = training_transform(replace(PREPROCESSING, input_size=(3, 224, 224)), AugmentConfig(resize_only=True))
    samples = Samples(source, transform, 0)
    assert not np.array_equal(samples[0, 1, 0][0], samples[1, 1, 0][0])
    assert np.array_equal(samples[1, 1, 0][0].transpose(1, 2, 0), source.images.scene(3).image)
    first, again = (open_validation(data, seed=seed).read(1) for seed in (0, 5))
    assert np.array_equal(first[0], again[0])
    assert first[1] == again[1]


def test_the_loader_of_a_split_gives_its_short_last_batch(photos):
    data = DataConfig(root=str(photos), batch_size=5, workers=0)
    alone = Distributed(torch.device("cpu"))
    loader = evaluation_loader(open_validation(data), PREPROCESSING.evaluation_transform(), data, alone)
    assert [len(batch.labels) for batch in loader] == [5, 5, 2]


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda root: (root / "train" / "empty").mkdir(), "empty"),
        (lambda root: shutil.rmtree(root / "train"), "no split 'train'"),
        (lambda root: shutil.rmtree(root), "no such folder"),
    ],
)
def test_a_folder_that_is_not_right_is_refused(photos, tmp_path, prepare, words):
    root = tmp_path / "photos"
    shutil.copytree(photos, root)
    prepare(root)
    with pytest.raises(TrainingError, match=words):
        open_training(DataConfig(root=str(root)), epochs=1, seed=0)


def names_of(source):
    return [source.name_of(index) for index in range(source.size)]


def test_of_a_folder_without_splits_a_part_of_each_class_is_held_out(photos, tmp_path):
    root = tmp_path / "flat"
    shutil.copytree(photos / "train", root)
    (root / "single").mkdir()
    shutil.copy(next(root.glob("red/*.png")), root / "single" / "only.png")
    data = DataConfig(root=str(root), val_fraction=0.25)
    trained, held = names_of(open_training(data, epochs=1, seed=0)), names_of(open_held_out(data))
    assert collections.Counter(Path(name).parts[0] for name in held) == {"blue": 2, "green": 2, "red": 2}
    assert sorted(trained + held) == sorted(path.relative_to(root).as_posix() for path in root.glob("*/*.png"))
    assert "single/only.png" in trained
    assert open_held_out(data).labels == open_training(data, epochs=1, seed=0).labels
    assert names_of(open_held_out(data, seed=7)) == held
    assert "6 of its 25 images, 25% of each class" in open_held_out(data).note
    assert open_held_out(DataConfig(root=str(photos))).note == ""
    assert len(names_of(open_validation(data))) == 25


def test_a_folder_with_nothing_to_hold_out_is_refused(photos, tmp_path):
    for name in ("blue", "red"):
        (tmp_path / name).mkdir()
        shutil.copy(next(photos.glob(f"train/{name}/*.png")), tmp_path / name)
    with pytest.raises(TrainingError, match="no class has an image to spare"):
        open_training(DataConfig(root=str(tmp_path)), epochs=1, seed=0)
