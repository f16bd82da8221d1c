"""Training and evaluation: a typed config, timm's parts, and a loop that loses nothing.

config.py         what a run is told          recipes/*.yaml    the shipped ones
datasets.py       images and class names      batches.py        order, samples, loaders
preprocessing.py  transforms                  network.py        the network and what it starts from
loop.py           the run                     scoring.py        measures that add up
saving.py         whole checkpoints           randomness.py     seeds and generator states
ranks.py          one process or many         stopping.py       signals
journal.py        log and bar                 curves.py         the figure
export.py         weights to give away
"""

from __future__ import annotations

__all__: list[str] = []
