"""A run that was stopped and continued is bitwise the run that was not: weights, average, optimizer, schedule, log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
import torch

from builders.runs import after_update, require_equal
from vizgraph.errors import CheckpointError, Interrupted
from vizgraph.training.checkpoint import BEST, LAST, read

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


def stop_after(updates, signum=signal.SIGTERM):
    """A callback that lets a signal arrive at the given update of the run."""

    def and_signal(training):
        if training.progress.updates == updates:
            signal.raise_signal(signum)

    return after_update(and_signal)


@pytest.mark.parametrize("updates", [4, 6, 9])
def test_a_run_stopped_anywhere_and_continued_is_bitwise_the_unbroken_one(tiny, start, tmp_path, updates):
    # six updates an epoch: within the first, at its very end, within the second
    config = tiny(*EVERYTHING)
    start(config, tmp_path / "whole").run()
    broken = start(config, tmp_path / "broken", callbacks=[stop_after(updates)])
    assert broken.batches.updates == 6
    with pytest.raises(Interrupted) as caught:
        broken.run()
    assert caught.value.exit_code == 143
    stopped = read(tmp_path / "broken" / LAST)
    assert stopped["training"]["progress"]["updates"] == updates
    torch.rand(5)  # whatever the new process has drawn before
    start(config, tmp_path / "broken", resume=tmp_path / "broken" / LAST).run()
    for name in (LAST, BEST):
        require_equal(read(tmp_path / "whole" / name), read(tmp_path / "broken" / name))
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("whole", "broken")]
    timed = {8, 9}
    kept = [[[v for i, v in enumerate(row.split(",")) if i not in timed] for row in log] for log in logs]
    assert kept[0] == kept[1]


def test_accumulated_updates_and_repeated_augmentation_resume_too(tiny, start, tmp_path):
    config = tiny(
        "optimizer.accumulate=2", "data.repeats=3", "schedule.name=step", "schedule.decay_epochs=1", *EVERYTHING[:4]
    )
    start(config, tmp_path / "whole").run()
    broken = start(config, tmp_path / "broken", callbacks=[stop_after(2, signal.SIGINT)])
    with pytest.raises(Interrupted) as caught:
        broken.run()
    assert caught.value.exit_code == 130
    start(config, tmp_path / "broken", resume=tmp_path / "broken" / LAST).run()
    require_equal(read(tmp_path / "whole" / LAST), read(tmp_path / "broken" / LAST))


def test_a_finished_run_continued_does_nothing(tiny, start, tmp_path):
    config = tiny("schedule.epochs=1")
    start(config, tmp_path).run()
    before = (tmp_path / LAST).read_bytes()
    assert start(config, tmp_path, resume=tmp_path / LAST).run() is None
    assert (tmp_path / LAST).read_bytes() == before


def test_a_longer_schedule_takes_over_where_a_run_ended(tiny, start, tmp_path):
    start(tiny("schedule.epochs=1"), tmp_path).run()
    longer = start(tiny("schedule.epochs=4"), tmp_path, resume=tmp_path / LAST)
    assert longer.progress.epoch == 1
    fresh = start(tiny("schedule.epochs=4"), tmp_path / "fresh")
    fresh.state.scheduler.step_update(6)
    assert longer.state.optimizer.param_groups[0]["lr"] == fresh.state.optimizer.param_groups[0]["lr"]


@pytest.mark.filterwarnings("ignore:PlateauLRScheduler is deprecated:FutureWarning")
def test_what_a_plateau_has_counted_is_gone_on_with(tiny, start, tmp_path):
    config = tiny("schedule.name=plateau", "schedule.by_epoch=true", "schedule.epochs=40")
    run = start(config, tmp_path / "a")
    for epoch in range(1, 9):
        run.state.scheduler.step(epoch, 50.0 - epoch)
    content, other = run.state.state_dict(), start(config, tmp_path / "b")
    other.state.load_state_dict(content)
    rates = [[], []]
    for state, seen in zip((run.state, other.state), rates, strict=True):
        for epoch in range(9, 16):
            state.scheduler.step(epoch, 10.0)
            seen.append(state.optimizer.param_groups[0]["lr"])
    assert rates[0] == rates[1]
    assert rates[0][-1] < rates[0][0], "patience ends after ten epochs, counted from before"
    del content["training"]["scheduler"]["plateau"]
    with pytest.raises(CheckpointError, match="plateau"):
        other.state.load_state_dict(content)


def test_a_checkpoint_of_another_network_is_refused(tiny, start, tmp_path):
    start(tiny("schedule.epochs=1"), tmp_path).run()
    with pytest.raises(CheckpointError, match=r"model\.arch gcn_demo, now it is vig_ti"):
        start(tiny("model.arch=vig_ti"), tmp_path, resume=tmp_path / LAST)
    with pytest.raises(CheckpointError, match=r"model\.num_classes 3, now it is 4"):
        start(tiny("model.num_classes=4"), tmp_path, resume=tmp_path / LAST)


def test_a_checkpoint_from_within_an_epoch_needs_the_same_batches(tiny, start, tmp_path):
    run = start(tiny(), tmp_path, callbacks=[stop_after(2)])
    with pytest.raises(Interrupted):
        run.run()
    with pytest.raises(CheckpointError, match=r"data\.batch_size 4, now it is 6"):
        start(tiny("data.batch_size=6"), tmp_path, resume=tmp_path / LAST)


RANKS = """
import gc, signal, sys, torch
from pathlib import Path
from vizgraph.errors import Interrupted
from vizgraph.training import checkpoint
from vizgraph.training.callbacks import Callback
from vizgraph.training.config import load
from vizgraph.training.loop import Training
from vizgraph.training.distributed import init_distributed

class Signal(Callback):
    def __init__(self, updates):
        self.updates = updates

    def on_update(self, training):
        # Only one rank hears of it: all must stop after the same update.
        if training.distributed.rank == 1 and training.progress.updates == self.updates:
            signal.raise_signal(signal.SIGTERM)

def main():
    torch.set_num_threads(1)
    folder, overrides = Path(sys.argv[1]), sys.argv[2:]
    config = load(None, overrides)
    with init_distributed("cpu") as ranks:
        whole = Training(config, ranks, folder / "whole", show=False)
        scores = whole.run()
        assert scores.count == 12, scores.count
        for updates in (2, 3):
            broken = Training(config, ranks, folder / f"broken{updates}", show=False, callbacks=[Signal(updates)])
            try:
                broken.run()
                raise SystemExit("was not interrupted")
            except Interrupted as error:
                assert error.exit_code == 143
            last = folder / f"broken{updates}" / checkpoint.LAST
            ranks.barrier()
            Training(config, ranks, folder / f"broken{updates}", show=False, resume=last).run()
        weights = [float(p.double().sum()) for p in whole.model.parameters()]
        assert ranks.gather(weights)[0] == weights

main()
gc.collect()  # groups end their threads here, not while the interpreter is torn down, which may abort
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
            read(tmp_path / "whole" / LAST),
            read(tmp_path / f"broken{updates}" / LAST),
        )
    assert len(read(tmp_path / "whole" / LAST)["training"]["ranks"]) == 2
