"""`vizgraph.evaluate`: a network, by name or loaded already, measured on a data set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs
from vizgraph.api import networks
from vizgraph.api.networks import Loading
from vizgraph.errors import as_ours

if TYPE_CHECKING:
    from torch import nn

    from vizgraph.evaluation import EvaluateResult


def evaluate(
    model_or_arch: nn.Module | str | None,
    data: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = "viz_output",
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    split: str = "validation",
    root: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    load: Loading | None = None,
    fields: dict[str, Any] | None = None,
    progress: bool = False,
    **more: Any,
) -> EvaluateResult | None:
    """Accuracy, calibration, and on the bundled scenes whether the network looked at the object.

    Under torchrun with the processes that it started, which share the samples. The data is looked at before weights are
    fetched.

    Args:
        model_or_arch, checkpoint: as for `vizgraph.render`.
        data: a folder (a folder a class), "scenes", or "hfds/NAME", "wds/NAME", "tfds/NAME".
        out: where results go, below the architecture's name in `evaluation/`; None writes nothing.
        split: of the data.
        root: where the images of hfds/, wds/ or tfds/ data lie.
        limit: measure on so many samples, spread over all classes.
        load: keywords of `vizgraph.api.networks.load`: `ema`, `sha256`, `device`, `seed`, `labels`.
        fields: of `vizgraph.training.schema.DataConfig`: `batch_size`, `workers`, `input_size`, `mean`, `std`,
            `interpolation`, `crop_pct`.
        **more: `save`, `real`, `amp`, `localize` of `vizgraph.evaluation.evaluate`.

    Returns:
        What was measured, `table` a line a class; None in processes that are not the main one.

    Raises:
        VizgraphError: see `vizgraph.evaluation.evaluate`.
    """
    from vizgraph.evaluation import data_config
    from vizgraph.evaluation import evaluate as measured
    from vizgraph.evaluation.run import read_real_labels
    from vizgraph.training.datasets import MADE, require_there
    from vizgraph.training.distributed import init_distributed

    where, how = str(inputs.expanded(data)), Loading(**(load or {}))
    with as_ours():
        if isinstance(model_or_arch, str | None):
            networks.named(model_or_arch, checkpoint)
        config = data_config(
            where, root=None if root is None else Path(root), val_split=split, val_size=limit, **(fields or {})
        )
        if config.name not in MADE:
            require_there(config, split)
        if isinstance(more.get("real"), str | os.PathLike):
            more["real"] = read_real_labels(more["real"])
        with init_distributed(str(how.get("device", "auto"))) as distributed:
            how["device"] = distributed.device
            network = networks.load(model_or_arch, checkpoint, say=distributed.is_main, **how)
            name = Path(where).name if config.name == "" else where.replace("/", "-")
            folder = None
            if out is not None:
                folder = inputs.expanded(out) / network.name / "evaluation" / f"{name or 'data'}-{split}"
            result = measured(network.model, config, distributed, out=folder, progress=progress, **more)
    return result if distributed.is_main else None
