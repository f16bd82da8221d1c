"""Training: a typed config, timm's parts, and a loop that loses nothing.

run.py        the one call: `train`                   schema.py      what can be said    config.py   how it is read
recipes/      the shipped configs                     preflight.py   what is checked before a run begins
datasets.py   images and class names                  folders.py     a folder a class
samples.py    random by themselves alone              samplers.py    order               loaders.py  batches
augment.py    what is done to images                  network.py     the network and what it starts from
loop.py       the run                                 step.py        one update          optim.py    how weights move
state.py      what changes, and is put back           randomness.py  seeds, generators   signals.py  asked to leave
checkpoint.py whole and checked                       export.py      weights to give away
metrics.py    measures that add up                    log.py         log, curves, bar    callbacks.py  who listens
distributed.py  one process or many
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Callback": "vizgraph.training.callbacks",
    "Config": "vizgraph.training.schema",
    "TrainResult": "vizgraph.training.run",
    "load": "vizgraph.training.config",
    "train": "vizgraph.training.run",
}
__all__ = ["Callback", "Config", "TrainResult", "load", "train"]

if TYPE_CHECKING:
    from vizgraph.training.callbacks import Callback
    from vizgraph.training.config import load
    from vizgraph.training.run import TrainResult, train
    from vizgraph.training.schema import Config


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
