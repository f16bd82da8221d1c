"""A network measured on a data set: accuracy, calibration, and on the bundled scenes whether it looked at the object.

run.py             the one call: `evaluate`        report.py         files, tables, figures
class_matching.py  whose class is which            localization.py   peaks on objects

The metrics are `vizgraph.training.metrics`, as training validates by the same.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "EvaluateResult": "vizgraph.evaluation.run",
    "Metrics": "vizgraph.training.metrics",
    "data_config": "vizgraph.evaluation.run",
    "evaluate": "vizgraph.evaluation.run",
}
__all__ = ["EvaluateResult", "Metrics", "data_config", "evaluate"]

if TYPE_CHECKING:
    from vizgraph.evaluation.run import EvaluateResult, data_config, evaluate
    from vizgraph.training.metrics import Metrics


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
