"""What goes into a network: one image or a batch, several inputs, each looked at once."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.arguments import all_finite
from viz_nodes.text import quoted

Size = tuple[int, int]


def are_points(values: Tensor) -> bool:
    """Whether these are points (B, C, N) or (B, C, N, 1), not images."""
    return values.ndim == 3 or (values.ndim == 4 and values.shape[3] == 1 < values.shape[2])


def size_of(values: Tensor) -> Size:
    """(H, W) of images; (1, N) of points."""
    return (1, int(values.shape[2])) if are_points(values) else (int(values.shape[-2]), int(values.shape[-1]))


@dataclass(frozen=True, eq=False)
class Inputs:
    """The arguments of a forward, on the model's device and in its precision.

    Attributes:
        args, kwargs: as the network is called.
        images: those of them that are images, (B, C, H, W) each, (B, V, C, H, W) for V views, or points (B, C, N) or
            (B, C, N, 1): fresh leaves that autograd accepts.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    images: tuple[Tensor, ...]

    @property
    def pixels(self) -> Tensor:
        """(B, C, H, W), the first image."""
        return self.images[0]

    @property
    def size(self) -> Size:
        """(H, W) of the first image; (1, N) of points."""
        return size_of(self.pixels)

    @property
    def points(self) -> bool:
        """Whether there is no image, but points, or the nodes of a graph."""
        return are_points(self.pixels)

    def __len__(self) -> int:
        return int(self.pixels.shape[0])

    def with_gradients(self) -> Inputs:
        """The same, its images marked as what gradients are taken for."""
        for image in self.images:
            image.requires_grad_(True)
        return self

    def run(self, network: nn.Module) -> Any:
        """One forward: the raw output.

        Raises:
            TypeError: the network takes other inputs; which, where it wants more than it was given.
        """
        try:
            return network(*self.args, **self.kwargs)
        except TypeError as error:
            _require_all(network, error)
            raise

    def of(self, rows: Tensor) -> Inputs:
        """Of chosen images (n,), in any order and as often as wanted; what does not go by image stays."""

        def chosen(value: Any) -> Any:
            by_image = isinstance(value, Tensor) and value.ndim > 0 and value.shape[0] == len(self)
            return value.detach()[rows.to(value.device)] if by_image else value

        args = tuple(chosen(value) for value in self.args)
        kwargs = {name: chosen(value) for name, value in self.kwargs.items()}
        return Inputs(args, kwargs, _images((*args, *kwargs.values())))

    @property
    def constant(self) -> Tensor:
        """(B,) bool, images of one color all over, in which no place differs from another."""
        pixels = self.pixels.detach()
        flat = pixels if pixels.ndim == 3 else pixels.flatten(-2)
        return (flat.amax(-1) == flat.amin(-1)).flatten(1).all(1).cpu()

    @property
    def views(self) -> int:
        """How many images stand for one: V of (B, V, C, H, W), which a network puts into its batch."""
        return int(self.pixels.shape[1]) if self.pixels.ndim == 5 else 1

    def batch_of(self, images: int) -> Tensor:
        """(images, C, H, W), a batch of that many images by its shape; the pixels themselves where they are as many."""
        if images == len(self) and self.pixels.ndim < 5:
            return self.pixels
        return self.pixels.new_empty(images, *self.pixels.shape[-3:])


SEVERAL = "graphs are explained one at a time: give each of `batch.to_data_list()`"
NODES = object()
"""Stands where a network is given the features of the nodes of a graph."""


@dataclass(frozen=True, eq=False)
class GraphInputs(Inputs):
    """A graph without an image, as networks of PyTorch Geometric take it: `images` holds its features, (1, C, N).

    Where `args` and `kwargs` hold `NODES`, or a `Data` with an `edge_index`, the network is given them as (N, C).
    """

    def run(self, network: nn.Module) -> Any:
        features = self.pixels[0].t()

        def filled(value: Any) -> Any:
            if value is NODES:
                return features
            if hasattr(value, "edge_index"):
                value = copy.copy(value)
                value.x = features
            return value

        try:
            return network(*map(filled, self.args), **{name: filled(value) for name, value in self.kwargs.items()})
        except (TypeError, AttributeError) as error:
            _require_all(network, error)
            kinds = {type(value).__name__ for value in self.args if hasattr(value, "edge_index")}
            # A `Data` that is taken for a tensor looks for what it lacks in its storage.
            if kinds and any(kind in str(error) for kind in (*kinds, "GlobalStorage")):
                raise TypeError(
                    f"`pixels` must be what {type(network).__name__} takes, which is no {', '.join(kinds)}: it was "
                    "used as a tensor; give the image (B, C, H, W), or the tensors (data.x, data.edge_index)"
                ) from error
            raise

    def of(self, rows: Tensor) -> Inputs:
        """A graph is no batch of images.

        Raises:
            ValueError: always.
        """
        raise ValueError("a graph without an image cannot be run in several versions: use a method that needs none")


def _require_all(network: nn.Module, error: Exception) -> None:
    """Say which inputs were not given, where that is the error of a forward."""
    name = type(network).__name__
    if str(error).startswith(f"{name}.forward() missing "):
        names = str(error).partition(": ")[2]
        raise TypeError(
            f"`pixels` must be all inputs of {name}, which also takes {names}; give a tuple of them, such as "
            "(image, other), or a mapping by their names"
        ) from error


def _images(values: tuple[Any, ...]) -> tuple[Tensor, ...]:
    return tuple(v for v in values if isinstance(v, Tensor) and v.is_floating_point() and v.ndim >= 3)


def prepare(model: nn.Module, pixels: Any) -> Inputs:
    """What the model is to be called with.

    Args:
        model: the network, whose parameters say which device and precision.
        pixels: (B, C, H, W) or (C, H, W), normalized; (B, C, N) for a network of points; or a tuple or list of the
            network's inputs, or a mapping by their names, of which at least one is such an image (with its batch axis);
            or one graph, a `Data` of PyTorch Geometric, or features (N, C) and edges (2, E) among the inputs.

    Raises:
        TypeError: no tensor of floating point numbers.
        ValueError: another shape, no image, values that are not finite, or inputs for different numbers of images.
    """
    like = next((p for p in model.parameters() if p.is_floating_point()), None)
    if isinstance(getattr(pixels, "edge_index", None), Tensor):
        return _graph_of_data(pixels, like)
    if isinstance(pixels, Mapping):
        kwargs = {str(name): _moved(value, like, str(name)) for name, value in pixels.items()}
        return _checked((), kwargs)
    if isinstance(pixels, (tuple, list)) and any(isinstance(value, Tensor) for value in pixels):
        return _checked(tuple(_moved(value, like, f"pixels[{at}]") for at, value in enumerate(pixels)), {})
    return _checked((_moved(_one_image(pixels, model), like, "pixels"),), {})


def as_batch(model: nn.Module, pixels: Tensor) -> Tensor:
    """A fresh (B, C, H, W) leaf with the model's device and precision, for what works on a single input.

    Raises:
        TypeError, ValueError: as `prepare`.
    """
    like = next((p for p in model.parameters() if p.is_floating_point()), None)
    moved: Tensor = _moved(_one_image(pixels, model), like, "pixels")
    return moved


def _one_image(pixels: Any, model: nn.Module) -> Tensor:
    """The only input: with its batch axis."""
    if isinstance(getattr(pixels, "edge_index", None), Tensor):
        raise TypeError(
            f"`pixels` must be a tensor (got a graph, {type(pixels).__name__}); give a module that takes the image and "
            "makes the graph inside, and the regions of its nodes by `places`"
        )
    if not isinstance(pixels, Tensor):
        raise TypeError(
            f"`pixels` must be a tensor, normalized as the model expects (got {type(pixels).__name__}); "
            "for a file, `vizgraph.load_image(path, model).pixels`"
        )
    if not pixels.is_floating_point():
        raise TypeError(f"`pixels` must be floating point, normalized as the model expects (got {pixels.dtype})")
    if pixels.ndim not in (3, 4, 5):
        raise ValueError(
            f"`pixels` must have shape (B, 3, H, W), (3, H, W) or (B, views, 3, H, W) (got {tuple(pixels.shape)})"
        )
    if not pixels.numel():
        raise ValueError(f"`pixels` must hold at least one image (got shape {tuple(pixels.shape)})")
    return pixels[None] if pixels.ndim == 3 and not _is_cloud(pixels, model) else pixels


def _is_cloud(pixels: Tensor, model: nn.Module) -> bool:
    """Whether (a, b, c) are a clouds of c points with b numbers each, and not channels, rows and columns of an image.

    The first layer that has weights says so: it takes b channels, or 2 b where it looks at pairs of points.
    """
    first = next((module for module in model.modules() if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear))), None)
    if first is None:
        return False
    channels = first.in_features if isinstance(first, nn.Linear) else first.in_channels
    if isinstance(first, nn.Conv2d) and channels == pixels.shape[0]:
        return False
    return channels in (pixels.shape[1], 2 * pixels.shape[1])


def _moved(value: Any, like: Tensor | None, name: str) -> Any:
    """A tensor where the model is; floating point in its precision, finite, and fresh. Anything else as it is."""
    if isinstance(value, numbers.Number) or not isinstance(value, Tensor):
        return value
    if value.is_floating_point() and not all_finite(value):
        raise ValueError(f"`{name}` must be finite (got NaN or infinity)")
    if like is None:
        like = value
    with torch.inference_mode(False):  # a leaf that autograd accepts, whatever the caller's mode
        if value.is_floating_point():
            return value.detach().to(device=like.device, dtype=like.dtype).clone()
        return value.detach().to(like.device).clone()


def _checked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Inputs:
    values = (*args, *kwargs.values())
    images = _images(values)
    if not images and (nodes := _nodes_in(values)) is not None:
        args = tuple(NODES if value is nodes else value for value in args)
        kwargs = {name: NODES if value is nodes else value for name, value in kwargs.items()}
        return GraphInputs(args, kwargs, (nodes.t()[None].clone(),))
    if not images:
        shapes = [tuple(value.shape) for value in values if isinstance(value, Tensor)]
        raise ValueError(f"`pixels` must hold an image (B, C, H, W) among the inputs (got {shapes})")
    counts = {int(image.shape[0]) for image in images}
    if len(counts) > 1:
        raise ValueError(f"all inputs must be of equally many images (got {quoted(sorted(counts))})")
    return Inputs(args, kwargs, images)


def _nodes_in(values: tuple[Any, ...]) -> Tensor | None:
    """The features (N, C) of nodes, where edges (2, E) between them are among the inputs.

    Raises:
        ValueError: they are of several graphs.
    """
    tensors = [value for value in values if isinstance(value, Tensor)]
    whole = [value for value in tensors if not value.is_floating_point()]
    edges = [value for value in whole if value.ndim == 2 and value.shape[0] == 2 and value.numel()]
    nodes = next((value for value in tensors if value.is_floating_point() and value.ndim == 2), None)
    if nodes is None or not any(int(value.max()) < len(nodes) for value in edges):
        return None
    if any(value.shape == nodes.shape[:1] and bool(value.any()) for value in whole):
        raise ValueError(SEVERAL)
    return nodes


def _graph_of_data(data: Any, like: Tensor | None) -> GraphInputs:
    """A `Data` of PyTorch Geometric."""
    if not isinstance(data.x, Tensor) or not data.x.is_floating_point() or data.x.ndim != 2 or not data.x.numel():
        raise ValueError("the `x` of a graph must hold features (nodes, channels), floating point")
    if getattr(data, "num_graphs", 1) != 1:
        raise ValueError(SEVERAL)
    moved = copy.copy(data).apply(lambda value: _moved(value, like, "pixels"))
    return GraphInputs((moved,), {}, (moved.x.t()[None].clone(),))
