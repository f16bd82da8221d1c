"""A run does what its config says, and says why where it cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from builders.runs import after_update
from vizgraph.errors import CannotWrite, TrainingError
from vizgraph.training import checkpoint
from vizgraph.training.export import export
from vizgraph.training.log import read_log


def test_a_run_leaves_its_config_log_curves_and_loadable_checkpoints(tiny, start, tmp_path):
    run = start(tiny("average.decay=0.9", "run.checkpoint_every=2"), tmp_path / "run")
    scores = run.run()
    folder = tmp_path / "run"
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.yaml", "log.csv", "curves.png", "last.pth.tar", "best.pth.tar", "epoch_2.pth.tar"}
    rows = read_log(folder / "log.csv")
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows[-1]["top1"] == pytest.approx(scores.top1, rel=1e-5)  # the log keeps six digits
    content = torch.load(folder / checkpoint.LAST, weights_only=True)
    assert {"state_dict", "state_dict_ema", "optimizer", "epoch", "arch", "args", "metric", "version"} <= content.keys()
    assert (content["arch"], content["epoch"], content["args"]["data"]["batch_size"]) == ("gcn_demo", 1, 4)
    assert content["vizgraph"]["label_names"] == ["blue", "green", "red"]


def test_the_learning_rate_follows_the_schedule_after_every_update(tiny, start, tmp_path):
    rates = []

    def note(training):
        rates.append(training.state.optimizer.param_groups[0]["lr"])

    run = start(
        tiny("schedule.warmup_epochs=1", "schedule.warmup_lr=0", "schedule.min_lr=0"),
        tmp_path,
        callbacks=[after_update(note)],
    )
    note(run)
    run.run()
    rates.pop()  # of an update that never comes
    # six updates of warm-up in equal steps from 0 to 1e-3, then the cosine of all twelve
    wanted = [1e-3 * step / 6 for step in range(6)] + [
        5e-4 * (1 + math.cos(math.pi * step / 12)) for step in range(6, 12)
    ]
    assert rates == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize(
    ("scaling", "wanted"), [("none", 1e-3), ("linear", 1e-3 * 8 / 16), ("sqrt", 1e-3 * math.sqrt(8 / 16))]
)
def test_the_learning_rate_is_scaled_as_stated_or_not_at_all(tiny, start, tmp_path, scaling, wanted):
    run = start(tiny(f"optimizer.lr_scaling={scaling}", "optimizer.lr_batch=16", "optimizer.accumulate=2"), tmp_path)
    assert run.learning_rate == pytest.approx(wanted)
    assert run.state.optimizer.param_groups[0]["initial_lr"] == pytest.approx(wanted)
    assert run.batches.updates == 3


def test_frozen_parts_stay_as_they_were_statistics_included(tiny, start, tmp_path):
    run = start(tiny("model.freeze=[stem, pos_embed, backbone.0-1]", "schedule.epochs=1"), tmp_path)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.run()
    frozen = ("stem.", "pos_embed", "backbone.0.", "backbone.1.")
    for name, value in run.model.state_dict().items():
        same = torch.equal(value, before[name])
        if name.startswith(frozen):
            assert same, name
        elif name.endswith("weight"):
            assert not same, name


def test_layer_decay_lets_the_stem_learn_slowest(tiny, start, tmp_path):
    run = start(tiny("optimizer.layer_decay=0.5"), tmp_path)
    scale = {id(p): group["lr_scale"] for group in run.state.optimizer.param_groups for p in group["params"]}
    stem = scale[id(run.model.stem.convs[0].weight)]
    first = scale[id(run.model.backbone[0].grapher.fc1[0].weight)]
    last = scale[id(run.model.backbone[5].grapher.fc1[0].weight)]
    head = scale[id(run.model.prediction[4].weight)]
    assert stem < first < last == head == 1  # timm counts the head to the last block


def test_the_average_is_the_average(tiny, start, tmp_path):
    name, tracked = "prediction.4.weight", []
    note = after_update(lambda training: tracked.append(training.model.state_dict()[name].clone()))
    run = start(tiny("average.decay=0.75", "schedule.epochs=1"), tmp_path, callbacks=[note])
    run.run()
    wanted = tracked[0]  # timm starts from the first update's weights
    for weights in tracked[1:]:
        wanted = 0.75 * wanted + 0.25 * weights
    torch.testing.assert_close(run.state.average.module.state_dict()[name], wanted)


def test_a_callback_hears_the_loss_of_the_updates_before(tiny, start, tmp_path):
    losses = []
    note = after_update(lambda training: losses.append(training.step.running_loss))
    start(tiny("schedule.epochs=1"), tmp_path, callbacks=[note]).run()
    assert losses[0] is None
    assert all(0 < loss < 10 for loss in losses[1:])
    (row,) = read_log(tmp_path / "log.csv")
    assert losses[-1] == pytest.approx(row["train_loss"], rel=0.5)


def test_mixup_ends_where_the_config_says(tiny, start, tmp_path):
    states = []
    note = after_update(lambda training: states.append(training.step.mixing.mixup.mixup_enabled))
    start(tiny("augment.mixup=0.8", "augment.mixup_off_epoch=1"), tmp_path, callbacks=[note]).run()
    assert states == [True] * 6 + [False] * 6


def test_a_loss_that_is_no_number_ends_the_run_and_spares_the_checkpoint(tiny, start, tmp_path):
    def poison(training):
        if training.progress.updates == 7:
            with torch.no_grad():
                training.model.prediction[4].weight.fill_(math.nan)

    run = start(tiny(), tmp_path, callbacks=[after_update(poison)])
    with pytest.raises(TrainingError, match=r"not a finite number in epoch 2, update 2 .*is of before.*optimizer\.lr"):
        run.run()
    weights = checkpoint.read(tmp_path / checkpoint.LAST)["state_dict"]["prediction.4.weight"]
    assert torch.isfinite(weights).all()


def test_fewer_images_than_a_batch_are_an_error_that_says_how_many(tiny, start, tmp_path):
    with pytest.raises(TrainingError, match=r"fewer images than a batch: 24 .*lower data\.batch_size to 24"):
        start(tiny("data.batch_size=32"), tmp_path)


def test_splits_with_other_classes_are_an_error(tiny, start, tmp_path):
    for split, names in (("train", "ab"), ("val", "ac")):
        for name in names:
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(4):
                Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / split / name / f"{number}.png")
    with pytest.raises(TrainingError, match="first difference: 'b' and 'c'"):
        start(tiny(f"data.root={tmp_path}"), tmp_path / "run")


def test_a_full_disk_during_the_run_is_only_said_until_the_end(tiny, start, tmp_path, monkeypatch):
    run = start(tiny(), tmp_path)
    calls = []

    def full(path, content):
        calls.append(path.name)
        raise CannotWrite(f"{path}: cannot be written: No space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(CannotWrite, match="No space left"):
        run.run()
    assert calls.count(checkpoint.LAST) == 2


def test_bfloat16_and_channels_last_and_checkpointed_gradients_train(tiny, start, tmp_path):
    thrifty = "model.grad_checkpointing=activations"
    run = start(tiny("run.amp=bf16", "run.channels_last=true", thrifty, "schedule.epochs=1"), tmp_path)
    assert run.model.grad_checkpointing == "activations"
    assert math.isfinite(run.run().loss)
    assert next(run.model.parameters()).dtype == torch.float32


@pytest.mark.parametrize("conv", ["mr", "edge", "sage", "gin"])
def test_a_network_learns_eight_images_by_heart(tiny, start, tmp_path, conv):
    for split in ("train", "val"):
        for label in range(2):
            folder = tmp_path / "eight" / split / str(label)
            folder.mkdir(parents=True)
            rng = np.random.default_rng(label)
            for number in range(4):
                Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / f"{number}.png")
    run = start(
        tiny(
            f"data.root={tmp_path / 'eight'}",
            f"model.kwargs.conv={conv}",
            "data.batch_size=8",
            "schedule.epochs=30",
            "augment.resize_only=true",
            "augment.smoothing=0",
            "optimizer.lr=2e-3",
            "optimizer.weight_decay=0",
            "run.validate_every=30",
            "schedule.warmup_epochs=3",
        ),
        tmp_path / "run",
    )
    run.run()
    losses = [row["train_loss"] for row in read_log(tmp_path / "run" / "log.csv")]
    assert losses[-1] < 0.02 < losses[0]


def test_an_export_is_what_load_model_needs_and_equals_the_average(tiny, start, tmp_path):
    import vizgraph

    run = start(tiny("average.decay=0.5", "data.mean=[0.4, 0.5, 0.6]", "model.kwargs.conv=sage"), tmp_path)
    run.run()
    told = export(tmp_path / checkpoint.LAST, tmp_path / "small.safetensors")
    assert told["label_names"] == ["blue", "green", "red"]
    loaded = vizgraph.load_model("gcn_demo", tmp_path / "small.safetensors", device="cpu")
    pixels = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(loaded(pixels), run.state.average.module(pixels))
    assert tuple(loaded.pretrained_cfg["mean"]) == (0.4, 0.5, 0.6)
    assert tuple(loaded.pretrained_cfg["label_names"]) == ("blue", "green", "red")
    # the checkpoint itself, too, and half precision is half the size
    from_run = vizgraph.load_model("gcn_demo", tmp_path / checkpoint.LAST, device="cpu")
    with torch.inference_mode():
        assert torch.equal(from_run(pixels), loaded(pixels))
    export(tmp_path / checkpoint.LAST, tmp_path / "half.safetensors", half=True)
    sizes = [(tmp_path / name).stat().st_size for name in ("half.safetensors", "small.safetensors")]
    assert sizes[0] < 0.55 * sizes[1]


def test_fine_tuning_starts_from_the_weights_with_a_new_classifier(tiny, start, tmp_path):
    from vizgraph.errors import CheckpointError

    start(tiny("schedule.epochs=1"), tmp_path / "first").run()
    path = tmp_path / "first" / checkpoint.LAST
    tuned = start(tiny(f"model.checkpoint={path}", "model.num_classes=5"), tmp_path / "second")
    first = checkpoint.read(path)["state_dict"]
    assert torch.equal(tuned.model.stem.convs[0].weight, first["stem.convs.0.weight"])
    assert tuned.model.prediction[4].weight.shape[0] == 5
    assert "a new classifier" in tuned.network.origin
    with pytest.raises(CheckpointError, match=r"holds gcn_demo, not vig_ti; .*model\.arch=gcn_demo in training"):
        start(tiny(f"model.checkpoint={path}", "model.arch=vig_ti"), tmp_path / "third")
