"""The network's part of a run: from image files to explanations of one row each, one pass a batch for all layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from viz_nodes.explanation import Explanation, LayerExplanation
from vizgraph.cli.errors import as_usage

if TYPE_CHECKING:
    from pathlib import Path

    from vizgraph.cli.rendering.request import Request
    from vizgraph.data import Sample

_ARRAYS = ("cam", "peak", "neighbors", "share", "contribution", "distance", "margin", "skipped")


def one_thread() -> None:
    """Make the network's arithmetic, and so its near-ties, independent of how many processors a machine has.

    A sum over channels is split by the number of threads, which changes its last bits; a neighbor that two candidates
    tie for may then be another one.
    """
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def depth_of(model: nn.Module) -> int:
    """Number of graph layers of one of the project's networks."""
    from vizgraph.layers import Grapher

    return sum(isinstance(module, Grapher) for module in model.modules())


def class_of(name: str | None, model: nn.Module, option: str) -> int | None:
    """The class index that a label or a number names; None for None and "top1".

    Raises:
        Failure: the network has no such class; the message has near ones.
    """
    if name is None or name == "top1":
        return None
    from viz_nodes.cams import resolve
    from vizgraph.data import labels_of

    with as_usage(option):
        if name.startswith("top") and name[3:].isdigit():
            raise ValueError(
                f"{name} asks for several classes and a folder shows one; run once for each, or use `vizgraph compare`"
            )
        return int(resolve(name, torch.zeros(1, int(model.num_classes)), labels_of(model)).index[0])  # type: ignore[arg-type]


def weights_record(model: nn.Module) -> dict[str, Any]:
    """Which weights a network has, as a manifest holds it."""
    info = model.checkpoint_info
    digest: str = info.sha256 or _digest(model)  # type: ignore[union-attr, assignment]
    return {
        "file": None if info.path is None else info.path.name,  # type: ignore[union-attr]
        "source": info.source,  # type: ignore[union-attr]
        "sha256": digest,
        "layout": info.layout,  # type: ignore[union-attr]
        "entry": info.entry,  # type: ignore[union-attr]
        "ema": info.ema,  # type: ignore[union-attr]
    }


def _digest(model: nn.Module) -> str:
    """Of untrained weights, which are others every time."""
    import hashlib

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class Explainer:
    """A network with what is asked of it.

    Args:
        model: in eval mode on its device.
        request: what to explain.
        arch: how pictures call it.
    """

    def __init__(self, model: nn.Module, request: Request, arch: str) -> None:
        from vizgraph.data import labels_of

        self.model, self.request, self.arch = model, request, arch
        self.labels = labels_of(model)
        self.device = next(model.parameters()).device

    def load(self, path: Path) -> Sample:
        """An image made ready for this network.

        Raises:
            ImageError: it is none.
        """
        from vizgraph.data import load_image

        return load_image(path, self.model, fit=self.request.fit)  # type: ignore[arg-type]

    def explain(self, samples: Sequence[Sample]) -> list[Explanation]:
        """An explanation of one row for each sample, all from one pass."""
        from viz_nodes import explain

        pixels = torch.cat([sample.pixels for sample in samples]).to(self.device)
        request = self.request
        exp = explain(
            self.model,
            pixels,
            layers=list(request.layers),
            target=request.target,
            versus=request.versus,
            method=request.method,
        )
        exp = replace(exp, labels=self.labels, model=self.arch)
        return [one_row(exp, row) for row in range(len(exp))]


def one_row(exp: Explanation, row: int) -> Explanation:
    """A row as an explanation of its own, sharing no memory with the others."""

    def cut(record: Any, names: Sequence[str]) -> dict[str, Any]:
        arrays = {name: getattr(record, name) for name in names}
        return {name: None if array is None else array[row : row + 1].clone() for name, array in arrays.items()}

    layers: list[LayerExplanation] = [replace(layer, **cut(layer, _ARRAYS)) for layer in exp.layers]
    top = cut(exp, ("logits", "target", "versus"))
    return replace(exp, layers=tuple(layers), source=torch.zeros(1, dtype=torch.int64), **top)
