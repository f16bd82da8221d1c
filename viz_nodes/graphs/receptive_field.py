"""Which input nodes can influence a node: by the structure of the network, and, to check it, by a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from viz_nodes.arguments import also_image
from viz_nodes.explanation import Explanation
from viz_nodes.graphs.digraphs import center_of
from viz_nodes.graphs.hops import coverage, hop_layers, share_matrix
from viz_nodes.grids import Window, through
from viz_nodes.text import quoted


@also_image
def reach(
    source: Explanation | nn.Module,
    layer: int,
    node: Any = None,
    *,
    pixels: Tensor | None = None,
    row: int = 0,
    after: str = "layer",
) -> frozenset[int]:
    """The nodes of the first graph layer's grid that can influence a node: the nonzero pattern of the Jacobian.

    A center hears itself and the neighbors whose message one of its channels passes on; a key node hears the nodes
    pooled into it; a convolution between two layers (the 3 x 3 one of GraphConvNet, the strided ones between a
    pyramid's stages) is heard through its window. The graphs are those of this image, and stay as they are.

    One convolution of 3 x 3 after a graph in which every node hears only itself, on a 4 x 4 grid: the next layer's
    node 0 hears {0, 1, 4, 5}.

    Args:
        source: an explanation of all graph layers up to `layer`, or a network.
        layer: place in the network from 0, negative from its end.
        node: on the layer's grid; None is the peak.
        pixels: (B, 3, H, W), for a network.
        row: of the explanation, also called `image`.
        after: "layer", the node as the graph layer leaves it; "block", after the operations that follow on its grid.

    Raises:
        ValueError: the explanation does not know what runs between its layers; blank map and no node; no pixels.
        IndexError: an earlier layer was not explained.
    """
    if isinstance(source, nn.Module):
        if pixels is None:
            raise ValueError("`reach` of a network needs `pixels`: its graphs depend on the image")
        from viz_nodes.explainer import explain

        source = explain(source, pixels)
    row = source.row(row)
    node = center_of(source, layer, node, row)
    if "between" not in source.extras:
        raise ValueError(
            "this explanation does not know what runs between its graph layers, as where one of them runs twice; "
            "`reach_mask(exp, layer, node, between=...)` is told"
        )
    mask = reach_mask(source, layer, node, row=row, between=as_windows(source.extras["between"]), after=after)
    return frozenset(np.flatnonzero(mask).tolist())


@also_image
def reach_mask(
    exp: Explanation,
    layer: int,
    node: Any,
    *,
    row: int = 0,
    between: Sequence[Sequence[Window]],
    after: str = "layer",
) -> np.ndarray:
    """Which input nodes can influence a node, by following the network's structure with its graphs as they were.

    A layer's center hears itself and every neighbor whose share is above 0; a key node hears the nodes
    pooled into it; what runs between two layers is heard through its windows.

    Args:
        between: for each graph layer of the network, the spatial operations that ran after it and before the next.
        after: "layer", the node as the graph layer leaves it; "block", after the operations that follow it on the same
            grid (GraphConvNet's 3 x 3 convolution).

    Returns:
        (H, W) bool over the input of the first graph layer.
    """
    if after not in ("layer", "block"):
        raise ValueError(f"`after` must be 'layer' or 'block' (got {quoted(after)})")
    row = exp.row(row)
    layers = hop_layers(exp, layer, exp.layer(layer).index + 1)
    mask = np.zeros(layers[0].grid, bool)
    mask.flat[layers[0].node(node, row=row)] = True
    if after == "block":
        same = [window for window in between[layers[0].index] if window.stride == (1, 1)]
        mask = through(same, mask, layers[0].grid) | mask
    for at, explained in enumerate(layers):
        if at:
            windows = between[explained.index]
            if windows:
                mask = through(windows, mask, explained.grid)
            elif mask.shape != explained.grid:
                covered = mask.ravel().astype(float) @ coverage(mask.shape, explained.grid)
                mask = (covered > 0).reshape(explained.grid)
        won = share_matrix(explained, row)[mask.ravel()].sum(0) > 0
        sent = won.astype(float) @ coverage(explained.key_grid, explained.grid) > 0
        mask = mask | sent.reshape(explained.grid)
    return mask


def as_windows(plain: Sequence[Sequence[dict[str, Any]]]) -> list[list[Window]]:
    """Back from `between`'s plain data."""
    return [[Window(**{key: tuple(value) for key, value in window.items()}) for window in ones] for ones in plain]
