"""Training and evaluation as functions: what they return, and that they say nothing unless asked."""

from __future__ import annotations

import pytest

from builders.runs import TINY, after_update
from vizgraph.errors import ConfigError, UsageError
from vizgraph.evaluation import data_config, evaluate
from vizgraph.training import load, train
from vizgraph.training.checkpoint import BEST, LAST


def test_a_network_is_trained_and_evaluated_in_a_few_lines(photos, tmp_path, capsys):
    import vizgraph

    updates = []
    config = load(None, (*TINY, f"data.root={photos}"))
    weights = tmp_path / "small.safetensors"
    listener = after_update(lambda training: updates.append(training.progress.updates))
    result = train(config, out=tmp_path / "run", callbacks=[listener], export_to=weights)
    assert capsys.readouterr() == ("", "")
    assert updates == list(range(1, 13))
    assert {path.name for path in result.paths} == {
        "config.yaml",
        "log.csv",
        "curves.png",
        LAST,
        BEST,
        "small.safetensors",
    }
    assert result.table["epoch"].tolist() == [1, 2]
    assert result.table["top1"].iloc[-1] == pytest.approx(result.metrics.top1, rel=1e-5)
    assert (result.arch, result.best.name) == ("gcn_demo", BEST)

    model = vizgraph.load_model("gcn_demo", weights, device="cpu")
    data = data_config(photos, workers=0)
    measured = evaluate(model, data, out=tmp_path / "scores")
    assert capsys.readouterr() == ("", "")
    assert measured.metrics.top1 == pytest.approx(result.best_top1)
    assert measured.table["class"].tolist() == ["blue", "green", "red"]
    assert measured.table["samples"].tolist() == [4, 4, 4]
    assert {path.name for path in measured.paths} >= {"scores.json", "per_class.csv", "confusion.png"}
    assert all(path.is_file() for path in measured.paths)
    assert measured.plain()["top1"] == measured.metrics.top1
    assert evaluate(model, data).paths == ()
    # an unchanged run that goes on has nothing left to do
    again = train(config, out=tmp_path / "run", resume=True)
    assert again.metrics is None
    assert again.best_top1 == result.best_top1


def test_a_folder_that_holds_a_run_is_not_overwritten(photos, tmp_path):
    (tmp_path / LAST).write_bytes(b"of a run")
    with pytest.raises(UsageError, match="holds a run already; go on with --resume"):
        train(load(None, (*TINY, f"data.root={photos}")), out=tmp_path)


def test_a_changed_config_is_checked_too(photos, tmp_path):
    config = load(None, (*TINY, f"data.root={photos}"))
    config.augment.hflip = 2
    with pytest.raises(ConfigError, match=r"augment\.hflip"):
        train(config, out=tmp_path / "run")
    with pytest.raises(UsageError, match="for a file"):
        train(load(None, TINY), ["schedule.epochs=1"], out=tmp_path / "run")


def test_one_word_says_where_the_data_is():
    assert data_config("scenes").name == "scenes"
    assert (data_config("photos").name, data_config("photos").root) == ("", "photos")
    assert (data_config("WDS/", root="shards").name, data_config("wds/", root="shards").root) == ("WDS/", "shards")
