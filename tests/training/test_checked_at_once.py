"""What cannot work is said before a run begins, all of it, in the project's words and with exit code 2."""

from __future__ import annotations

import dataclasses
import shutil
import typing

import pytest
import torch
from click.testing import CliRunner

from builders.runs import TINY
from vizgraph.cli.main import main
from vizgraph.errors import ConfigError, DataError
from vizgraph.training.config import Config, load, require_sensible
from vizgraph.training.schema import Range, sections


def test_every_number_and_every_choice_of_a_config_has_its_range():
    free = {
        "model.arch",
        "model.checkpoint",
        "data.name",
        "data.root",
        "data.train_split",
        "data.val_split",
        "data.class_map",
        "augment.auto_augment",
        "optimizer.name",
        "schedule.name",
        "run.out",
        "run.device",
    }
    without = set()
    for section, kind in sections().items():
        hints = typing.get_type_hints(kind, include_extras=True)
        for one in dataclasses.fields(kind):
            hint = hints[one.name]
            plain = str(typing.get_type_hints(kind)[one.name])
            numeric = any(word in plain for word in ("int", "float", "str")) and "dict" not in plain
            if numeric and not any(isinstance(part, Range) for part in getattr(hint, "__metadata__", ())):
                without.add(f"{section}.{one.name}")
    assert without - {"model.freeze"} == free


def test_the_defaults_are_in_their_ranges():
    require_sensible(Config())


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("augment.hflip=2", "augment.hflip` must be at most 1"),
        ("augment.mixup_prob=-0.5", "augment.mixup_prob` must not be negative"),
        ("run.save_minutes=-1", "run.save_minutes` must be above 0"),
        ("run.save_minutes=.nan", "run.save_minutes` must be finite"),
        ("run.threads=0", "run.threads` must be at least 1"),
        ("data.train_size=0", "data.train_size` must be above 0"),
        ("data.val_size=0", "data.val_size` must be above 0"),
        ("data.crop_pct=0", "data.crop_pct` must be at least 0.2"),
        ("data.std=[0.2, 0, 0.2]", "data.std` must be at least 0.0001"),
        ("data.interpolation=sharp", "data.interpolation` must be one of nearest"),
        ("data.crop_mode=middle", "data.crop_mode` must be one of center"),
        ("augment.erase_mode=black", "augment.erase_mode` must be one of const, rand, pixel"),
        ("augment.cutmix_minmax=[0.8, 0.2]", "cutmix_minmax` must have its smaller number first"),
        ("augment.scale=[0.5, 2]", "augment.scale` must be at most 1"),
        ("optimizer.layer_decay=0", "optimizer.layer_decay` must be above 0"),
        ("optimizer.clip=-1", "optimizer.clip` must be above 0"),
        ("optimizer.betas=[0.9, 1.5]", "optimizer.betas` must be below 1"),
        ("model.drop_path_rate=1", "model.drop_path_rate` must be below 1"),
        ("model.num_classes=0", "model.num_classes` must be at least 1"),
        ("schedule.cooldown_epochs=-1", "schedule.cooldown_epochs` must not be negative"),
    ],
)
def test_a_value_out_of_its_range_is_refused(override, words):
    with pytest.raises(ConfigError, match=words):
        load(None, [override])


def test_all_values_out_of_range_are_said_at_once():
    with pytest.raises(ConfigError) as caught:
        load(None, ["augment.hflip=2", "run.save_minutes=-1", "data.train_size=0"])
    for word in ("augment.hflip", "run.save_minutes", "data.train_size"):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["optimizer.name=nonsense"], "optimizer.name=nonsense"),
        (["optimizer.kwargs={nonsense: 1}"], "optimizer.name=adamw: cannot be made"),
        (["optimizer.betas=[0.9]"], "optimizer.name=adamw: cannot be made"),
        (["schedule.name=nonsense"], "schedule.name=nonsense"),
        (["schedule.name=plateau"], "schedule.by_epoch=true"),
        (["augment.auto_augment=nonsense"], "augment.auto_augment=nonsense"),
        (["model.kwargs={nonsense: 1}"], "model.arch=gcn_demo: cannot be built"),
        (["model.kwargs={k: -1}"], "model"),
        (["model.kwargs={k: 100000}"], "does not take images of 32 x 32"),
        (["model.kwargs={in_chans: 1}", "data.name=scenes"], "as the images of scenes are RGB"),
        (["model.freeze=[backbone.5-0]"], "model.freeze"),
        (["model.freeze=[backbone.0-99999999999]"], "no part 'backbone.6'"),
        (["data.mean=[0.5]"], "`data.mean` must be 3 numbers"),
        (["data.batch_size=1"], "data.batch_size must be at least 2"),
        (["run.amp=fp16"], "run.amp=fp16 needs a GPU"),
    ],
)
def test_what_does_not_go_together_is_refused_in_the_projects_words(tiny, start, tmp_path, overrides, words):
    with pytest.raises(ConfigError) as caught:
        start(tiny(*overrides), tmp_path / "run")
    assert words in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_small_folder_with_a_long_warmup_hears_of_both(tiny, start, tmp_path):
    with pytest.raises(ConfigError) as caught:
        start(tiny("data.batch_size=32", "schedule.epochs=2", "schedule.warmup_epochs=5"), tmp_path)
    assert "fewer images than a batch: 24 for 1 rank(s) of 1 x 32; lower data.batch_size to 24 or less" in str(
        caught.value
    )
    assert "schedule.warmup_epochs (5) must be below schedule.epochs (2)" in str(caught.value)


def test_more_classes_than_can_be_measured_are_refused(tiny, start, tmp_path, monkeypatch):
    from vizgraph.training import datasets

    monkeypatch.setattr(datasets, "MOST_CLASSES", 2)
    with pytest.raises(DataError, match="3 classes, more than the 2"):
        start(tiny(), tmp_path)


def test_looking_whether_images_fit_leaves_no_trace(tiny, start, tmp_path):
    from vizgraph.training.network import build

    run = start(tiny(), tmp_path)
    from vizgraph.training.loop import _BUILDING
    from vizgraph.training.randomness import seed_all

    seed_all(_BUILDING, 0)
    fresh, _ = build(run.config.model, 3)
    for (name, value), other in zip(run.model.state_dict().items(), fresh.state_dict().values(), strict=True):
        assert torch.equal(value, other), name
    assert all(module.training for module in run.model.modules())


@pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_device_that_is_not_there_is_a_usage_error(photos, tmp_path, command):
    more = {
        "train": (*TINY, f"data.root={photos}"),
        "evaluate": ("--ckpt", "demo", "--data", str(photos)),
    }[command]
    done = CliRunner().invoke(main, [command, "--device", "cuda", "--out", str(tmp_path), *more])
    assert done.exit_code == 2, done.output
    assert "'cuda'" in done.output


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("augment.hflip=2",), "augment.hflip"),
        (("data.root=/no/such/folder",), "no such folder"),
        (("data.name=scene",), "no such data"),
        (("optimizer.kwargs={nonsense: 1}",), "optimizer.name=adamw"),
    ],
)
def test_the_command_ends_with_two_and_one_line(photos, tmp_path, overrides, words):
    arguments = ("--device", "cpu", "--data", str(photos), "--out", str(tmp_path / "run"), *TINY, *overrides)
    if overrides[0].startswith("data.root"):
        arguments = (*arguments[:2], *arguments[4:])
    done = CliRunner().invoke(main, ["train", *arguments])
    assert done.exit_code == 2, done.output
    last = done.output.strip().splitlines()[-1]
    assert last.startswith("vizgraph: error: ")
    assert words in last
    assert "report the traceback" not in done.output


def test_a_record_that_loading_would_refuse_is_refused_before_the_run(photos, tiny, start, tmp_path):
    root = tmp_path / "photos"
    shutil.copytree(photos, root)
    for split in ("train", "val"):
        (root / split / "red").rename(root / split / "red\ufffe")
    with pytest.raises(ConfigError, match="could not be loaded, as its record has label_names that are no text"):
        start(tiny(f"data.root={root}"), tmp_path / "run")
    assert not (tmp_path / "run").exists()
