"""Whatever happens while a checkpoint is written, there is a whole one afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest
import torch

from vizgraph.errors import CannotWrite, CheckpointError
from vizgraph.training import checkpoint


def test_a_failed_write_keeps_the_old_checkpoint_and_leaves_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / checkpoint.LAST
    checkpoint.save(path, {"state_dict": {"w": torch.ones(2)}, "training": {}})

    def full(content, file):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.torch, "save", full)
    with pytest.raises(CannotWrite, match=r"No space left on device; the one there is kept"):
        checkpoint.save(path, {"state_dict": {}})
    assert checkpoint.read(path)["state_dict"]["w"].tolist() == [1, 1]
    assert [entry.name for entry in tmp_path.iterdir()] == [checkpoint.LAST]


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs limits on file sizes, which only Unix has")
def test_a_full_disk_is_said_and_the_old_checkpoint_kept(tmp_path):
    script = textwrap.dedent(f"""
        import resource, signal, sys, torch
        from pathlib import Path
        from vizgraph.errors import CannotWrite
        from vizgraph.training import checkpoint
        path = Path({str(tmp_path)!r}) / checkpoint.LAST
        checkpoint.save(path, {{"state_dict": {{"w": torch.zeros(10)}}, "training": {{}}}})
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        try:
            checkpoint.save(path, {{"state_dict": {{"w": torch.zeros(1_000_000)}}, "training": {{}}}})
        except CannotWrite as error:
            print(error)
            sys.exit(7)
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200)
    assert done.returncode == 7, done.stderr
    assert "the one there is kept" in done.stdout
    assert len(checkpoint.read(tmp_path / checkpoint.LAST)["state_dict"]["w"]) == 10
    assert [entry.name for entry in tmp_path.iterdir()] == [checkpoint.LAST]


def test_a_process_killed_while_it_writes_leaves_a_whole_checkpoint(tmp_path):
    script = textwrap.dedent(f"""
        import torch
        from pathlib import Path
        from vizgraph.training import checkpoint
        number = 0
        while True:
            number += 1
            checkpoint.save(Path({str(tmp_path)!r}) / checkpoint.LAST,
                        {{"state_dict": {{"w": torch.full((2_000_000,), float(number))}}, "training": {{}}}})
            if number == 2:
                print("going", flush=True)
    """)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "going\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    process.stdout.close()
    weights = checkpoint.read(tmp_path / checkpoint.LAST)["state_dict"]["w"]
    assert len(weights.unique()) == 1
    checkpoint.sweep(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [checkpoint.LAST]


def test_what_is_no_checkpoint_of_a_run_is_refused(tmp_path):
    path = tmp_path / "x.pth.tar"
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        checkpoint.read(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.read(path)
    torch.save({"state_dict": {}}, path)
    with pytest.raises(CheckpointError, match=r"model\.checkpoint="):
        checkpoint.read(path)
