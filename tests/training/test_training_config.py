"""A run's config: what is unknown, ill-typed or out of range is refused with the way out."""

from __future__ import annotations

import pytest

from vizgraph.errors import TrainingError
from vizgraph.training.config import Config, find, from_plain, load, recipes, to_yaml

SHIPPED = {"demo", "finetune", "graphconvnet", "graphconvnetp", "pvig", "relation", "vig"}


def test_the_recipes_are_shipped_and_have_a_smoke_variant():
    assert set(recipes()) == SHIPPED
    for name in SHIPPED:
        quick = load(f"{name}.yaml", smoke=True)
        assert quick.schedule.epochs == 1
        assert quick.data.name == ("relation" if name == "relation" else "scenes")


def test_a_recipe_holds_the_published_settings():
    config = load("graphconvnet")
    assert config.model.arch == "graphconvnet_ti"
    assert (config.optimizer.name, config.optimizer.lr, config.optimizer.weight_decay) == ("adamw", 2e-3, 0.05)
    assert (config.schedule.epochs, config.schedule.warmup_epochs, config.schedule.warmup_lr) == (300, 20, 1e-6)
    augment = config.augment
    assert (augment.mixup, augment.cutmix, augment.smoothing, augment.erase) == (0.8, 1.0, 0.1, 0.25)
    assert augment.auto_augment == "rand-m9-mstd0.5-inc1"
    assert (config.data.repeats, config.model.drop_path_rate, augment.color_jitter) == (3, 0.1, 0.4)
    assert load("vig").average.decay == 0.99996
    assert config.average.decay == 0


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("optimizer.learning_rate=1", ["optimizer.learning_rate", "did you mean"]),
        ("optimizer.lrr=1", ["did you mean optimizer.lr?"]),
        ("optimiser.lr=1", ["'optimiser'", "did you mean optimizer?"]),
        ("schedule.batch_size=3", ["did you mean data.batch_size?"]),
        ("data.batch_size=many", ["data.batch_size", "int", "'many'"]),
        ("augment.scale=wide", ["augment.scale"]),
        ("run.amp=fp8", ["run.amp", "none, bf16, fp16", "'fp8'"]),
        ("data.batch_size=0", ["data.batch_size", "above 0"]),
        ("augment.erase=-1", ["augment.erase", "negative"]),
        ("average.decay=1", ["average.decay", "below 1"]),
        ("lr", ["section.key=value"]),
        ("data.input_size=[32]", ["data.input_size", "[height, width]"]),
    ],
)
def test_a_wrong_override_is_refused_with_the_way_out(override, words):
    with pytest.raises(TrainingError) as caught:
        load(None, [override])
    for word in words:
        assert word in str(caught.value)


def test_a_file_with_an_unknown_key_is_named(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("data:\n  batchsize: 3\n")
    with pytest.raises(TrainingError, match=r"mine\.yaml.*batchsize.*did you mean data\.batch_size"):
        load(path)
    path.write_text("- 1\n")
    with pytest.raises(TrainingError, match="sections"):
        load(path)
    path.write_text("data: [\n")
    with pytest.raises(TrainingError, match="YAML"):
        load(path)


def test_overrides_win_over_the_file_and_merge_into_its_mappings(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("model:\n  kwargs: {k: 5}\nschedule:\n  epochs: 7\n")
    config = load(path, ["schedule.epochs=9", "model.kwargs.conv=edge", "schedule.warmup_epochs=1"])
    assert config.schedule.epochs == 9
    assert config.model.kwargs == {"k": 5, "conv": "edge"}


def test_a_config_survives_yaml_and_plain_types(tmp_path):
    config = load("demo", ["augment.cutmix_minmax=[0.2, 0.8]", "data.mean=[0.5, 0.5, 0.5]"])
    path = tmp_path / "config.yaml"
    path.write_text(to_yaml(config))
    assert load(path) == config
    assert from_plain(config.plain()) == config
    assert from_plain({"data": {"batch_size": 3, "of_another_version": 1}}).data.batch_size == 3
    assert isinstance(from_plain({}), Config)


def test_an_unknown_recipe_answers_with_the_near_one():
    with pytest.raises(TrainingError, match=r"did you mean graphconvnet\.yaml"):
        find("graphconvet.yaml")


def test_mixup_needs_an_even_batch():
    with pytest.raises(TrainingError, match="even"):
        load(None, ["data.batch_size=3", "augment.mixup=0.8"])


@pytest.mark.parametrize("base", ["../../x", "a/b", "", "x" * 5000, "~nobodyhere/x"])
def test_a_base_that_no_file_beside_can_be_named_is_a_wrong_config(base, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(f"base: {base!r}\n")
    with pytest.raises(TrainingError, match="no such config file"):
        load(path)
