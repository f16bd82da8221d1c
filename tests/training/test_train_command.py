"""`vizgraph train` as people call it: a fresh process, its exit codes, its messages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from vizgraph.cli.main import main
from vizgraph.training import checkpoint
from vizgraph.training.config import recipes
from vizgraph.training.log import read_log

TINY = (
    "model.arch=gcn_demo",
    "model.kwargs={k: 1, img_size: 32}",
    "data.input_size=[32, 32]",
    "data.batch_size=4",
    "data.workers=0",
    "optimizer.lr=1e-3",
)


def call(*arguments):
    return CliRunner().invoke(main, ["train", "--device", "cpu", *map(str, arguments)])


def test_train_export_resume_and_refuse(photos, tmp_path):
    run, weights = tmp_path / "run", tmp_path / "small.safetensors"
    done = call("--data", photos, "--out", run, "--export", weights, *TINY, "schedule.epochs=1")
    assert done.exit_code == 0, done.output
    assert weights.is_file()
    assert "vizgraph render --arch gcn_demo --ckpt" in done.output
    again = call("--data", photos, "--out", run, *TINY, "schedule.epochs=1")
    assert again.exit_code == 2
    assert "holds a run already" in again.output
    assert "--resume" in again.output
    longer = call("--data", photos, "--out", run, "--resume", *TINY, "schedule.epochs=2")
    assert longer.exit_code == 0, longer.output
    assert [row["epoch"] for row in read_log(run / "log.csv")] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--config"),
        (("--config", "demoo.yaml"), "did you mean demo.yaml"),
        (("--config", "demo.yaml", "optimizer.lrr=1"), "did you mean optimizer.lr"),
        (("--config", "vig.yaml", "run.device=nothing", "--out", "unused"), "(got 'nothing')"),
    ],
)
def test_what_cannot_start_says_so(arguments, words):
    done = CliRunner().invoke(main, ["train", *arguments])
    assert done.exit_code != 0
    assert words in done.output
    assert "Traceback" not in done.output


def test_the_recipes_are_listed():
    done = CliRunner().invoke(main, ["train", "--list"])
    for name in recipes():
        assert f"{name}.yaml" in done.output


@pytest.mark.parametrize("name", ["demo", "finetune", "graphconvnet", "pvig", "relation"])
def test_the_smoke_variant_of_a_recipe_runs(name, tmp_path):
    done = call("--config", f"{name}.yaml", "--smoke", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / checkpoint.BEST).is_file()


def test_an_error_ends_the_process_though_others_load_for_it(photos, tmp_path):
    script = (
        "import sys\n"
        "from vizgraph.cli.main import main\n"
        "import torch.nn.functional\n"
        "kept = RuntimeError('out of memory')\n"
        "def fails(*_, **__):\n"
        "    raise kept  # its traceback keeps the loader until the end\n"
        "torch.nn.functional.cross_entropy = fails\n"
        "main(sys.argv[1:])\n"
    )
    arguments = ["train", "--device", "cpu", "--data", str(photos), "--out", str(tmp_path), *TINY, "data.workers=2"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 70, done.stderr
    assert "out of memory" in done.stderr


def test_weights_that_cannot_be_had_are_said_before_anything_begins(photos, tmp_path, monkeypatch):
    monkeypatch.setenv("VIZGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VIZGRAPH_WEIGHTS_URL", "http://127.0.0.1:9")
    done = call("--data", photos, "--out", tmp_path / "run", "--config", "finetune.yaml", *TINY[3:])
    assert done.exit_code == 4, done.output
    assert "vig_ti: its weights are not on this machine" in done.output
    assert "from the published weights" not in done.output
    assert not (tmp_path / "run").exists()


def test_sigterm_saves_and_exits_143_and_leaves_no_worker(photos, tmp_path):
    command = [
        sys.executable,
        "-m",
        "vizgraph",
        "train",
        "--device",
        "cpu",
        "--data",
        str(photos),
        "--out",
        str(tmp_path),
        *TINY,
    ]
    process = subprocess.Popen(
        [*command, "schedule.epochs=100000", "data.workers=1"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 240
    while not (tmp_path / checkpoint.LAST).exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.2)
    # as a scheduler does it: the whole group hears of it, the loading processes too
    os.killpg(process.pid, signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 143, said
    assert "go on with --resume" in said
    assert "Traceback" not in said
    assert checkpoint.read(tmp_path / checkpoint.LAST)["training"]["progress"]["updates"] > 0
    for _ in range(50):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.2)
    else:
        pytest.fail("a loading process outlived the run")


def test_explained_images_form_a_strip(photos, tmp_path):
    done = call(
        "--data",
        photos,
        "--out",
        tmp_path,
        "--explain-every",
        1,
        *TINY,
        "schedule.epochs=1",
        "run.explain_images=1",
        "model.kwargs={k: 2, img_size: 64}",
        "data.input_size=[64, 64]",
    )
    assert done.exit_code == 0, done.output
    explained = tmp_path / "explained"
    assert (explained / "epoch_0000" / "image_1.png").is_file()
    assert (explained / "image_1.gif").is_file()
    from PIL import Image

    with Image.open(explained / "image_1_strip.png") as strip, Image.open(explained / "image_1.gif") as animation:
        assert strip.width == 2 * animation.width
        assert animation.n_frames == 2
