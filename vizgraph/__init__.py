"""Vision graph networks (GraphConvNet, ViG and their pyramids), their weights, data, training and command line.

Importing this package registers the architectures with timm. Nothing heavy is imported before a name is used or a
model is asked for: see `viz_nodes` for the explanations.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

_HOME = {
    "list_models": "vizgraph.models",
    "load_model": "vizgraph.checkpoints",
    "load_image": "vizgraph.data",
    "architectures": "vizgraph.api.architectures",
    "demo": "vizgraph.api.demo",
    "render": "vizgraph.api.render",
    "compare": "vizgraph.api.compare",
    "explore": "vizgraph.api.explore",
    "figure": "vizgraph.api.figure",
    "score": "vizgraph.api.score",
    "report": "vizgraph.api.report",
    "ablate": "vizgraph.api.ablate",
    "profile": "vizgraph.api.profile",
    "summarize": "vizgraph.api.summarize",
    "verify": "vizgraph.api.verify",
    "check": "vizgraph.api.check",
    "evaluate": "vizgraph.api.evaluate",
    "train": "vizgraph.training",
    "workbench": "vizgraph.api.workbench",
}
__all__ = [
    "__version__",
    "ablate",
    "architectures",
    "check",
    "compare",
    "demo",
    "evaluate",
    "explore",
    "figure",
    "list_models",
    "load_image",
    "load_model",
    "profile",
    "render",
    "report",
    "score",
    "summarize",
    "train",
    "verify",
    "workbench",
]

if TYPE_CHECKING:
    from vizgraph.api.ablate import ablate
    from vizgraph.api.architectures import architectures
    from vizgraph.api.check import check
    from vizgraph.api.compare import compare
    from vizgraph.api.demo import demo
    from vizgraph.api.evaluate import evaluate
    from vizgraph.api.explore import explore
    from vizgraph.api.figure import figure
    from vizgraph.api.profile import profile
    from vizgraph.api.render import render
    from vizgraph.api.report import report
    from vizgraph.api.score import score
    from vizgraph.api.summarize import summarize
    from vizgraph.api.verify import verify
    from vizgraph.api.workbench import workbench
    from vizgraph.checkpoints import load_model
    from vizgraph.data import load_image
    from vizgraph.models import list_models
    from vizgraph.training import train


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


from vizgraph.registration import register_with_timm  # noqa: E402

register_with_timm()
del register_with_timm
