"""Kill `vizgraph render` at random moments, again and again, let it finish, and compare every byte.

    python benchmarks/kill_render.py --kills 50

An unbroken run comes first. Then the same command starts again and again, drawing in its own or in other processes, and
gets SIGKILL, SIGTERM or SIGINT at a random moment. After every kill no manifest may speak of files that are not there,
and no process may be left over. In the end the files must be those of the unbroken run.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
EXPECTED = {signal.SIGKILL: {-9}, signal.SIGTERM: {143, 0}, signal.SIGINT: {130, 0}}


def contents(folder: Path) -> dict[bytes, bytes]:
    """Every file below a folder, by its name."""
    return {os.fsencode(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def make_images(folder: Path, number: int) -> None:
    """Photographs of noise, and some odd names."""
    names = ["two\nlines.png", "$x$.png", "a.png", "A.png", os.fsdecode(b"\xff.png")]
    for seed in range(number):
        name = names[seed] if seed < len(names) else f"{seed}.png"
        pixels = np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((256, 192)).save(folder / name)


def command(images: Path, out: Path, weights: str, workers: int) -> list[str]:
    return [
        sys.executable,
        "-m",
        "vizgraph",
        "render",
        "--arch",
        "gcn_demo",
        "--ckpt",
        weights,
        "--img",
        str(images),
        "--layers",
        "2,6",
        "--dpi",
        "60",
        "--device",
        "cpu",
        "--workers",
        str(workers),
        "--out",
        str(out),
    ]


def run(arguments: list[str]) -> subprocess.Popen:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(arguments, stdout=quiet, stderr=quiet, start_new_session=True)


def broken_manifests(out: Path) -> list[str]:
    """Manifests that speak of files which are not there."""
    from viz_nodes.batch import manifest

    found = []
    for path in out.rglob("manifest.json"):
        made = manifest.read(path.parent)
        if made is None or not manifest.is_whole(path.parent, made):
            found.append(str(path))
    return found


def left_over(out: Path) -> list[int]:
    """Processes that still work for a run into this folder."""
    found = []
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if os.fsencode(out) in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--ckpt", default="demo", help="weights of gcn_demo (default: the bundled ones)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    top = Path(tempfile.mkdtemp(prefix="vizgraph-kill-"))
    images, whole, out = top / "images", top / "whole", top / "out"
    images.mkdir()
    make_images(images, given.images)

    since = time.monotonic()
    assert run(command(images, whole, given.ckpt, 2)).wait() == 0, "the unbroken run failed"
    seconds = time.monotonic() - since
    expected = contents(whole)
    print(f"unbroken run: {given.images} images, {len(expected)} files, {seconds:.1f} s")

    finished, by_signal = 0, dict.fromkeys(SIGNALS, 0)
    for number in range(given.kills):
        if number % 10 == 9:  # so that there is always something left to do
            shutil.rmtree(out, ignore_errors=True)
        arguments = command(images, out, given.ckpt, chance.choice((0, 1, 2)))
        if chance.random() < 0.2:
            arguments.append("--overwrite")
        process, chosen = run(arguments), chance.choice(SIGNALS)
        try:
            process.wait(chance.uniform(0.0, 1.0) * seconds)
            finished += 1
        except subprocess.TimeoutExpired:
            process.send_signal(chosen)
            code = process.wait()
            assert code in EXPECTED[chosen] | {-chosen}, f"{chosen.name} ended it with {code}"
            by_signal[chosen] += 1
        bad = broken_manifests(out)
        assert not bad, f"after {chosen.name}: {bad}"
        deadline = time.monotonic() + 30
        while left_over(out):
            assert time.monotonic() < deadline, f"processes left over: {left_over(out)}"
            time.sleep(0.05)

    assert run(command(images, out, given.ckpt, 1)).wait() == 0, "the last run failed"
    got = contents(out)
    different = sorted(name for name in expected.keys() | got.keys() if expected.get(name) != got.get(name))
    kills = ", ".join(f"{count} {chosen.name}" for chosen, count in by_signal.items())
    print(f"killed: {kills}; came to their end before: {finished}")
    print("every file is that of the unbroken run" if not different else f"different: {different}")
    shutil.rmtree(top)
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())
