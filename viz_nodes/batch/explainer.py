"""The network's part of a run: from image files to explanations of one row each, one pass a batch for all layers."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.batch.carry import measured
from viz_nodes.batch.inputs import UnreadableImage, digest_of, items, reason_of
from viz_nodes.batch.options import RenderOptions
from viz_nodes.explanation import Explanation
from viz_nodes.text import quoted, well_formed

Load = Callable[[Path], Any]
"""From an image file to a sample: an object with `pixels` (1, C, H, W) as the network takes them and `image` (H, W, 3)
uint8 as people see them, and where there are such `original`, `view` (the part of it that the network saw) and `notes`;
or a pair (pixels, image)."""
_TRIES = 3


@dataclass(frozen=True, eq=False)
class Loaded:
    """An image ready for the network.

    Attributes:
        pixels: (1, C, H, W).
        image: (H, W, 3) uint8, what the network saw.
        original: (height, width, 3) uint8, the whole photograph.
        view: (left, top, right, bottom) of what the network saw, in pixels of `original`.
        sha256: of the bytes it was read from.
        notes: what a person should know of it.
    """

    pixels: Tensor
    image: Any
    original: Any
    view: tuple[float, float, float, float]
    sha256: str
    notes: tuple[str, ...] = ()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Make the network's arithmetic, and so its near-ties, independent of how many processors a machine has.

    A sum over channels is split by the number of threads, which changes its last bits; a neighbor that two candidates
    tie for may then be another one.
    """
    import cv2

    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


class Explainer:
    """A network with what is asked of it.

    Args:
        model: in eval mode on its device.
        load: makes an image file ready for it.
        options: what to explain.
        name: how pictures call the network.
        labels: class names; None takes what the network says itself.
        more: further keywords of `viz_nodes.explain`.
    """

    def __init__(
        self,
        model: nn.Module,
        load: Load,
        options: RenderOptions,
        name: str,
        labels: Sequence[str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.options, self.name = model, options, name
        self.labels = None if labels is None else tuple(well_formed(label) for label in labels)
        self.more = dict(more or {})
        self._load = load
        first = next(iter(model.parameters()), None)
        self.device = torch.device("cpu") if first is None else first.device

    def load(self, path: Path, sha256: str | None = None) -> Loaded:
        """An image made ready for this network, with the SHA-256 of the bytes that it was read from.

        Args:
            sha256: of the file, where somebody has read it just now.

        Raises:
            UnreadableImage: it cannot be read, or does not stay the same for as long as it takes to read it.
        """
        before = sha256 if sha256 is not None else digest_of(path)
        for _ in range(_TRIES):
            try:
                sample = self._load(path)
            except OSError as error:
                raise UnreadableImage(f"{path}: {reason_of(error)}") from error
            after = getattr(sample, "sha256", "") or digest_of(path)
            if after == before or getattr(sample, "sha256", ""):  # a loader that says what it read
                return _loaded(sample, after)
            before = after
        raise UnreadableImage(f"{path}: it changes while it is read; wait until it is whole")

    def explain(self, samples: Sequence[Loaded]) -> list[Explanation]:
        """An explanation of one row for each sample, all from one pass."""
        from viz_nodes.explainer import explain

        pixels = torch.cat([sample.pixels for sample in samples]).to(self.device)
        options = self.options
        exp = explain(
            self.model,
            pixels,
            layers=None if options.needs_all_layers else [int(index) for index in options.layers or ()],
            target=options.target,
            versus=options.versus,
            method=options.method,
            labels=self.labels,
            **self.more,
        )
        if len(exp) != len(samples):
            raise ValueError(
                f"`target` {quoted(options.target)} asks for several classes and a folder shows one; run once for each"
            )
        exp = replace(exp, model=self.name)
        return [exp.only(row) for row in range(len(exp))]

    def measured(self, sample: Loaded, exp: Explanation) -> Explanation:
        """With what cutting the drawn edges does, each or together, where pictures show or say it."""
        options = self.options
        if not options.measures:
            return exp
        nodes = [(float(x), float(y)) for x, y in options.centers] or None
        return measured(self.model, sample.pixels.to(self.device), exp, options, nodes=nodes)


def depth_of(model: nn.Module, load: Load, images: Sequence[Path], out: Path) -> int:
    """Number of graph layers in a network, seen on the first image that can be read; 1 where none can be.

    Raises:
        NoGraphLayer: it has none.
    """
    from viz_nodes.explainer import explain

    for item in items(images, out):
        with contextlib.suppress(Exception):
            digest_of(item.path)
            sample = _loaded(load(item.path), "")
            first = next(iter(model.parameters()), None)
            pixels = sample.pixels if first is None else sample.pixels.to(first.device)
            break
    else:
        return 1
    return explain(model, pixels, layers=[-1]).depth


def weights_of(model: nn.Module) -> dict[str, Any]:
    """What tells a network's weights from others, as a manifest holds it."""
    digest = hashlib.sha256(type(model).__qualname__.encode())
    for name, tensor in sorted(model.state_dict().items()):
        if isinstance(tensor, Tensor):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return {"file": None, "source": "model", "sha256": digest.hexdigest()}


def _loaded(sample: Any, sha256: str) -> Loaded:
    """What a loader gave, as a `Loaded`.

    Raises:
        TypeError: it is neither a sample nor a pair of pixels and image.
    """
    import numpy as np

    if isinstance(sample, tuple) and len(sample) == 2:
        pixels, image = sample
        original, view, notes = None, None, ()
    elif hasattr(sample, "pixels") and hasattr(sample, "image"):
        pixels, image = sample.pixels, sample.image
        original, view = getattr(sample, "original", None), getattr(sample, "view", None)
        notes = tuple(getattr(sample, "notes", ()))
    else:
        raise TypeError(f"`load` must return an object with pixels and image, or both (got {type(sample).__name__})")
    pixels = pixels if pixels.ndim == 4 else pixels[None]
    image = np.asarray(image)
    original = image if original is None else np.asarray(original)
    height, width = original.shape[:2]
    left, top, right, bottom = (0, 0, width, height) if view is None else view
    return Loaded(pixels, image, original, (float(left), float(top), float(right), float(bottom)), sha256, notes)
