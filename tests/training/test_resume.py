"""A run that was stopped and continued is bitwise the run that was not: weights, average, optimizer, schedule, log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import torch

from vizgraph.errors import Interrupted, TrainingError
from vizgraph.training import saving

EVERYTHING = (
    "augment.mixup=0.8",
    "augment.cutmix=1.0",
    "augment.erase=0.5",
    "augment.auto_augment=rand-m9-mstd0.5-inc1",
    "model.drop_path_rate=0.2",
    "model.drop_rate=0.1",
    "average.decay=0.9",
    "average.warmup=true",
    "optimizer.clip=1.0",
    "schedule.warmup_epochs=1",
)


def leaves(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{key}")
    elif isinstance(value, (list, tuple)):
        for key, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{key}")
    else:
        yield path, value


def require_equal(left, right):
    """Compare two checkpoints leaf by leaf; only the seconds and the folder may differ."""
    left, right = dict(leaves(left)), dict(leaves(right))
    assert left.keys() == right.keys()
    for path, value in left.items():
        if path.endswith(("/seconds", "/run/out")):
            continue
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, right[path]), path
        else:
            assert value == right[path], path


def stop_after(training, updates, signum=signal.SIGTERM):
    """Let a signal arrive while the given update of the run is computed."""
    update = training._update

    def and_signal(group):
        update(group)
        if training.progress.updates + 1 == updates:
            signal.raise_signal(signum)

    training._update = and_signal


@pytest.mark.parametrize("updates", [4, 6, 9])
def test_a_run_stopped_anywhere_and_continued_is_bitwise_the_unbroken_one(tiny, start, tmp_path, updates):
    # six updates an epoch: within the first, at its very end, within the second
    config = tiny(*EVERYTHING)
    start(config, tmp_path / "whole").run()
    broken = start(config, tmp_path / "broken")
    assert broken.feed.updates == 6
    stop_after(broken, updates)
    with pytest.raises(Interrupted) as caught:
        broken.run()
    assert caught.value.exit_code == 143
    stopped = saving.read(tmp_path / "broken" / saving.LAST)
    assert stopped["training"]["progress"]["updates"] == updates
    torch.rand(5)  # whatever the new process has drawn before
    start(config, tmp_path / "broken", resume=tmp_path / "broken" / saving.LAST).run()
    for name in (saving.LAST, saving.BEST):
        require_equal(saving.read(tmp_path / "whole" / name), saving.read(tmp_path / "broken" / name))
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("whole", "broken")]
    timed = {8, 9}
    kept = [[[v for i, v in enumerate(row.split(",")) if i not in timed] for row in log] for log in logs]
    assert kept[0] == kept[1]


def test_accumulated_updates_and_repeated_augmentation_resume_too(tiny, start, tmp_path):
    config = tiny(
        "optimizer.accumulate=2", "data.repeats=3", "schedule.name=step", "schedule.decay_epochs=1", *EVERYTHING[:4]
    )
    start(config, tmp_path / "whole").run()
    broken = start(config, tmp_path / "broken")
    stop_after(broken, 2, signal.SIGINT)
    with pytest.raises(Interrupted) as caught:
        broken.run()
    assert caught.value.exit_code == 130
    start(config, tmp_path / "broken", resume=tmp_path / "broken" / saving.LAST).run()
    require_equal(saving.read(tmp_path / "whole" / saving.LAST), saving.read(tmp_path / "broken" / saving.LAST))


def test_a_finished_run_continued_does_nothing(tiny, start, tmp_path):
    config = tiny("schedule.epochs=1")
    start(config, tmp_path).run()
    before = (tmp_path / saving.LAST).read_bytes()
    assert start(config, tmp_path, resume=tmp_path / saving.LAST).run() is None
    assert (tmp_path / saving.LAST).read_bytes() == before


def test_a_longer_schedule_takes_over_where_a_run_ended(tiny, start, tmp_path):
    start(tiny("schedule.epochs=1"), tmp_path).run()
    longer = start(tiny("schedule.epochs=4"), tmp_path, resume=tmp_path / saving.LAST)
    assert longer.progress.epoch == 1
    fresh = start(tiny("schedule.epochs=4"), tmp_path / "fresh")
    fresh.scheduler.step_update(6)
    assert longer.optimizer.param_groups[0]["lr"] == fresh.optimizer.param_groups[0]["lr"]


def test_a_checkpoint_of_another_network_is_refused(tiny, start, tmp_path):
    start(tiny("schedule.epochs=1"), tmp_path).run()
    with pytest.raises(TrainingError, match=r"model\.arch gcn_demo, now it is vig_ti"):
        start(tiny("model.arch=vig_ti"), tmp_path, resume=tmp_path / saving.LAST)
    with pytest.raises(TrainingError, match=r"model\.num_classes 3, now it is 4"):
        start(tiny("model.num_classes=4"), tmp_path, resume=tmp_path / saving.LAST)


def test_a_checkpoint_from_within_an_epoch_needs_the_same_batches(tiny, start, tmp_path):
    run = start(tiny(), tmp_path)
    stop_after(run, 2)
    with pytest.raises(Interrupted):
        run.run()
    with pytest.raises(TrainingError, match=r"data\.batch_size 4, now it is 6"):
        start(tiny("data.batch_size=6"), tmp_path, resume=tmp_path / saving.LAST)


RANKS = """
import signal, sys, torch
from pathlib import Path
from vizgraph.training import saving
from vizgraph.training.config import load
from vizgraph.training.loop import Training
from vizgraph.training.ranks import joined

torch.set_num_threads(1)
folder, overrides = Path(sys.argv[1]), sys.argv[2:]
config = load(None, overrides)
with joined("cpu") as ranks:
    whole = Training(config, ranks, folder / "whole", show=False)
    scores = whole.run()
    assert scores.count == 12, scores.count
    for updates in (2, 3):
        broken = Training(config, ranks, folder / f"broken{updates}", show=False)
        update = broken._update

        def and_signal(group):
            update(group)
            # Only one rank hears of it, in the middle of a step: all must stop after the same one.
            if ranks.rank == 1 and broken.progress.updates + 1 == updates:
                signal.raise_signal(signal.SIGTERM)

        broken._update = and_signal
        try:
            broken.run()
            raise SystemExit("was not interrupted")
        except Interrupted as error:
            assert error.exit_code == 143
        last = folder / f"broken{updates}" / saving.LAST
        ranks.wait()
        Training(config, ranks, folder / f"broken{updates}", show=False, resume=last).run()
    weights = [float(p.double().sum()) for p in whole.model.parameters()]
    assert ranks.gather(weights)[0] == weights
"""


@pytest.mark.timeout(600)
def test_two_ranks_stop_together_and_resume_bitwise(photos, tmp_path):
    script = tmp_path / "ranks.py"
    script.write_text(RANKS)
    overrides = [
        "model.arch=gcn_demo",
        "model.kwargs={k: 1, img_size: 32}",
        "data.input_size=[32, 32]",
        "data.batch_size=4",
        "data.workers=0",
        "schedule.epochs=2",
        "run.device=cpu",
        f"data.root={photos}",
        *EVERYTHING,
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            script,
            tmp_path,
            *overrides,
        ],
        capture_output=True,
        text=True,
        timeout=560,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for updates in (2, 3):
        require_equal(
            saving.read(tmp_path / "whole" / saving.LAST), saving.read(tmp_path / f"broken{updates}" / saving.LAST)
        )
    assert len(saving.read(tmp_path / "whole" / saving.LAST)["training"]["ranks"]) == 2
