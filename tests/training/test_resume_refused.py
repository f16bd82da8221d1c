"""What a run does not go on from: a damaged checkpoint, other classes, another optimizer; each said by name."""

from __future__ import annotations

import random
import re
import shutil

import pytest
import torch
from click.testing import CliRunner

from builders.runs import TINY, require_equal
from vizgraph.cli.main import main
from vizgraph.errors import CheckpointError
from vizgraph.training.checkpoint import LAST, read, save
from vizgraph.training.config import load
from vizgraph.training.log import read_log

SHORT = "schedule.epochs=1"


@pytest.fixture(scope="module")
def ended(photos, tmp_path_factory):
    """The checkpoint of a run of one epoch on `photos`."""
    from vizgraph.training.distributed import Distributed
    from vizgraph.training.loop import Training

    folder = tmp_path_factory.mktemp("ended")
    config = load(None, (*TINY, f"data.root={photos}", SHORT))
    Training(config, Distributed(torch.device("cpu")), folder, show=False).run()
    return folder / LAST


def test_other_classes_of_the_same_number_are_refused_and_rename_nothing(ended, photos, tiny, start, tmp_path):
    root = tmp_path / "renamed"
    shutil.copytree(photos, root)
    for split in ("train", "val"):
        (root / split / "green").rename(root / split / "grass")
    with pytest.raises(CheckpointError, match=r"other classes \(first difference: 'green' then, 'grass' now\)"):
        start(tiny(f"data.root={root}"), tmp_path / "run", resume=ended)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("optimizer.name=sgd", "optimizer.name adamw, now it is sgd"),
        ("optimizer.name=lamb", "optimizer.name adamw, now it is lamb"),
        ("optimizer.kwargs={amsgrad: true}", "optimizer.kwargs {}, now it is {'amsgrad': True}"),
        ("optimizer.layer_decay=0.5", "optimizer.layer_decay None, now it is 0.5"),
        ("model.freeze=[stem]", "model.freeze [], now it is ['stem']"),
    ],
)
def test_another_optimizer_is_refused(ended, tiny, start, tmp_path, override, words):
    with pytest.raises(CheckpointError) as caught:
        start(tiny(override), tmp_path, resume=ended)
    assert str(caught.value).startswith(f"{ended}: ")
    assert words in str(caught.value)


def test_a_changed_decay_is_the_configs_and_an_unchanged_one_the_checkpoints(ended, tiny, start, tmp_path):
    run = start(tiny("optimizer.weight_decay=0.2", "optimizer.betas=[0.5, 0.6]"), tmp_path, resume=ended)
    groups = run.state.optimizer.param_groups
    assert {group["weight_decay"] for group in groups} == {0.0, 0.2}
    assert {group["betas"] for group in groups} == {(0.5, 0.6)}
    assert len(run.state.optimizer.state) > 0
    run.run()


def test_a_flipped_checkpoint_is_refused_or_means_the_same(ended, tmp_path):
    whole, before = ended.read_bytes(), read(ended)
    path, refused, rng = tmp_path / LAST, 0, random.Random(0)
    for _ in range(60):
        flipped = bytearray(whole)
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        path.write_bytes(flipped)
        try:
            after = read(path)
        except CheckpointError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017
            refused += 1
        else:
            require_equal(before, after)
    assert refused > 45, "most bytes are the weights'"


def test_a_checkpoint_cut_short_anywhere_is_refused(ended, tmp_path):
    whole, path = ended.read_bytes(), tmp_path / LAST
    for share in (0, 0.001, 0.3, 0.9, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(CheckpointError, match=r"damaged|cannot be read"):
            read(path)


def test_the_command_ends_with_four_on_a_flipped_checkpoint(ended, photos, tmp_path):
    flipped = bytearray(ended.read_bytes())
    flipped[len(flipped) // 2] ^= 4
    (tmp_path / LAST).write_bytes(flipped)
    arguments = ("--device", "cpu", "--data", str(photos), "--out", str(tmp_path), "--resume", *TINY)
    done = CliRunner().invoke(main, ["train", *arguments])
    assert done.exit_code == 4, done.output
    assert f"error: {tmp_path / LAST}: is damaged" in done.output


def test_a_state_that_lacks_a_part_is_refused(ended, tiny, start, tmp_path):
    for missing in ("optimizer", "args", "training/progress", "training/ranks", "state_dict/stem.convs.0.weight"):
        content = read(ended)
        part, _, key = missing.rpartition("/")
        (content[part] if part else content).pop(key)
        if missing == "training/progress":
            content["training"]["progress"] = {"nonsense": 1}
        save(tmp_path / LAST, content)
        with pytest.raises(CheckpointError, match=re.escape(str(tmp_path / LAST))):
            start(tiny(SHORT), tmp_path / "run", resume=tmp_path / LAST)


def test_a_checkpoint_of_the_version_before_goes_on(ended, tiny, start, tmp_path):
    content = read(ended)
    for part in (content["training"]["progress"], *content["training"]["ranks"]):
        part["replaced"] = part.pop("corrupt_images")
    save(tmp_path / LAST, content)
    run = start(tiny("schedule.epochs=2"), tmp_path, resume=tmp_path / LAST)
    assert run.progress.epoch == 1
    assert run.run() is not None


def test_a_log_of_the_version_before_or_cut_short_is_read(tmp_path):
    head = "epoch,updates,learning_rate,train_loss,val_loss,top1,top5,calibration_error,images_per_second,seconds,"
    path = tmp_path / "log.csv"
    path.write_text(f"{head}replaced\n1,6,0.1,2.5,,,,,10,1,3\n2,12,0.1,1.5,,,,,10,1,\n3,1\n4,x")
    rows = read_log(path)
    assert [row["corrupt_images"] for row in rows] == [3, None, None]
    assert rows[0]["val_loss"] is None
