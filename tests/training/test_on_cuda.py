"""A run on a GPU: mixed precision, compiled, stopped and continued, with the CPU's checkpoints and back."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner

from vizgraph.cli.main import main
from vizgraph.training import checkpoint
from vizgraph.training.distributed import Distributed
from vizgraph.training.log import read_log
from vizgraph.training.loop import Training

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture
def on_gpu():
    """Makes a `Training` on the GPU, alone and silent."""

    def make(config, folder, **options):
        return Training(config, Distributed(torch.device("cuda", 0)), folder, show=False, **options)

    return make


@pytest.mark.parametrize(
    "overrides",
    [
        ("run.amp=bf16", "run.channels_last=true"),
        ("run.amp=fp16", "optimizer.clip=1.0"),
        ("run.amp=bf16", "model.grad_checkpointing=activations"),
        ("run.amp=fp16", "model.grad_checkpointing=blocks", "optimizer.accumulate=2"),
        ("run.compile=true", "run.amp=bf16"),
    ],
    ids=" ".join,
)
def test_every_way_of_running_learns(tiny, on_gpu, tmp_path, overrides):
    run = on_gpu(tiny("average.decay=0.9", "schedule.epochs=6", "schedule.warmup_epochs=1", *overrides), tmp_path)
    run.run()
    rows = read_log(tmp_path / "log.csv")
    assert rows[-1]["train_loss"] < 0.9 * rows[0]["train_loss"]
    content = checkpoint.read(tmp_path / checkpoint.LAST)
    assert all(value.device.type == "cpu" for value in content["state_dict"].values())


def test_in_float32_the_first_update_is_the_one_of_the_cpu(tiny, start, on_gpu, tmp_path):
    short = ("schedule.epochs=1", "data.train_size=4")
    one, other = start(tiny(*short), tmp_path / "cpu"), on_gpu(tiny(*short), tmp_path / "cuda")
    one.run()
    other.run()
    assert read_log(tmp_path / "cuda" / "log.csv")[0]["train_loss"] == pytest.approx(
        read_log(tmp_path / "cpu" / "log.csv")[0]["train_loss"], rel=1e-3
    )


def test_a_stopped_run_goes_on_and_a_cpu_takes_it_over(tiny, start, on_gpu, tmp_path):
    first = on_gpu(tiny("run.amp=fp16", "schedule.epochs=1"), tmp_path)
    first.run()
    scale = first.state.scaler.state_dict()["scale"]
    second = on_gpu(tiny("run.amp=fp16", "schedule.epochs=2"), tmp_path, resume=tmp_path / checkpoint.LAST)
    assert second.state.scaler.state_dict()["scale"] == scale
    second.run()
    third = start(tiny("schedule.epochs=3"), tmp_path, resume=tmp_path / checkpoint.LAST)
    third.run()
    assert [row["epoch"] for row in read_log(tmp_path / "log.csv")] == [1, 2, 3]


def test_the_command_line_trains_renders_verifies_and_evaluates(photos, tmp_path):
    def call(*arguments):
        done = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert done.exit_code == 0, done.output
        return done.output

    run = tmp_path / "run"
    call(
        "train",
        "--device",
        "cuda",
        "--data",
        photos,
        "--out",
        run,
        "model.arch=gcn_demo",
        "data.batch_size=4",
        "data.workers=2",
        "schedule.epochs=1",
        "run.amp=bf16",
    )
    image = next(photos.glob("val/red/*.png"))
    network = ("--arch", "gcn_demo", "--ckpt", run / checkpoint.BEST)
    call("render", *network, "--img", image, "--out", tmp_path, "--device", "cuda")
    (figure,) = tmp_path.glob("gcn_demo/*/figure.png")
    call("verify", figure, "--ckpt", run / checkpoint.BEST, "--device", "cuda")
    told = [
        call("evaluate", *network, "--data", photos, "--device", device, "--out", tmp_path / device)
        for device in ("cpu", "cuda")
    ]
    here, there = (re.search(r"top-1 .*? of 12\)", one)[0] for one in told)
    assert here == there


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_ranks_speak_nccl(photos, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nproc-per-node",
            "2",
            "-m",
            "vizgraph",
            "train",
            "--data",
            str(photos),
            "--out",
            str(tmp_path),
            "model.arch=gcn_demo",
            "data.batch_size=4",
            "data.workers=0",
            "schedule.epochs=1",
            "run.amp=bf16",
            "model.sync_bn=true",
        ],
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / checkpoint.LAST).is_file()
