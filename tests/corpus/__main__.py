"""`python -m tests.corpus`: try the promises in full, or some of them, and print the table.

python -m tests.corpus --only mutated-images --count 10000 --seed 1
python -m tests.corpus --only mutated-images --first 4711 --count 1      what broke at 4711, again

SIGTERM ends it after the trial it is at, and what was tried until then is counted.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> int:
    """Exit code 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="NAME", help="a promise; again for several")
    parser.add_argument("--count", type=int, help="trials of each, instead of each one's own number")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sample", action="store_true", help="as few trials as the suite makes")
    parser.add_argument("--list", action="store_true", help="name the promises and end")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the counts in this file too, and add to it")
    asked = parser.parse_args()

    import torch

    from corpus import all_promises
    from corpus.promises import Tally, rows, try_out

    torch.set_num_threads(1)
    known = all_promises()
    for name in asked.only or ():
        if name not in known:
            parser.error(f"no promise is named {name}; there are {', '.join(known)}")
    chosen = [known[name] for name in asked.only] if asked.only else list(known.values())
    if asked.list:
        print(*(f"{one.name:24} {one.says}" for one in chosen), sep="\n")
        return 0
    counts = json.loads(asked.json.read_text()) if asked.json and asked.json.is_file() else {}
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    for one in chosen:
        if stopped:
            break
        start = time.monotonic()
        count = asked.count or (one.sample if asked.sample else one.full)
        tally = try_out(one, range(asked.first, asked.first + count), asked.seed, say=_say, stop=lambda: bool(stopped))
        _say(f"{one.name}: {tally.held:,} of {tally.tried:,} held, {time.monotonic() - start:.0f} s")
        counts[one.name] = {"tried": tally.tried, "held": tally.held, "broken": tally.broken}
        if asked.json:
            asked.json.write_text(json.dumps(counts, indent=1))
    tallies = {name: Tally(**counts[name]) for name in known if name in counts}
    print(*rows(tallies), sep="\n")
    return int(any(tally.broken for tally in tallies.values()))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
