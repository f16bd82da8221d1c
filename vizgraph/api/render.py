"""`vizgraph.render`: figures for images through one of the project's networks, or any other."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import inputs
from viz_nodes.batch.options import RenderOptions, RunOptions, split
from vizgraph.api import networks
from vizgraph.api.images import load_sample, require_image
from vizgraph.errors import as_ours, as_usage, sentence

if TYPE_CHECKING:
    from torch import nn

    from viz_nodes.batch.render import Rendered


def render(
    model_or_arch: nn.Module | str | None,
    images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str] = "viz_output",
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    ema: bool = True,
    sha256: str | None = None,
    device: Any = "auto",
    seed: int = 0,
    labels: networks.Labels = None,
    options: RenderOptions | None = None,
    style: Any = None,
    **more: Any,
) -> Rendered:
    """Figures, graphs and numbers for images; see `viz_nodes.render_folder` for what is written.

    Args:
        model_or_arch: "gcn_ti", "vig_s", ..., or a network that is loaded already.
        images: a file, a folder (searched through), or several.
        out: where results go, in a folder named by the architecture.
        checkpoint: weights file; "demo" for the bundled ones, "random" for none, None for the published ones.
        ema, sha256, device, seed, labels: see `vizgraph.api.networks.load`.
        options: what is explained and how it is drawn; fields of it may be given by themselves (`layers=[3, -1]`, from
            0; `target="tabby"`, `method`, `k`, `formats`, `width`, ...).
        style: how figures look, see `viz_nodes.draw.Style`.
        **more: fields of `RenderOptions`, and of `RunOptions`: `overwrite`, `check`, `workers`, `batch`, `engine`,
            `progress`.

    Raises:
        UsageError: an option that cannot be meant, or no image in what was given.
        ImageError: an image alone that cannot be used; of many, the others go on.
        CheckpointError: weights that cannot be had, read or used.
        CannotWrite: results cannot be written.
    """
    with as_ours():
        with as_usage("render"):
            of_render, of_run = split(more)
            named = of_render if style is None else {"style": style, **of_render}
            options, how = replace(options or RenderOptions(), **named), RunOptions(**of_run)
        if isinstance(model_or_arch, str | None):
            networks.named(model_or_arch, checkpoint)
        paths, out = inputs.as_paths(images), inputs.expanded(out)
        inputs.count(paths, out)
        from viz_nodes.batch.render import render_folder, require_drawable

        if not inputs.is_batch(paths):
            require_image(paths[0])
        with as_usage("render"):
            require_drawable(options)
        network = networks.load(
            model_or_arch, checkpoint, ema=ema, sha256=sha256, device=device, seed=seed, labels=labels
        )
        options = asked_of(network, options)
        return render_folder(
            network.model,
            paths,
            out,
            load=partial(load_sample, model=network.model, options=options),
            name=network.name,
            caption=network.caption,
            options=options,
            labels=network.labels,
            weights=network.weights,
            notes=network.notes,
            describe=sentence,
            **vars(how),
        )


def asked_of(network: networks.Network, options: RenderOptions) -> RenderOptions:
    """Options with classes and layers as this network counts them.

    Raises:
        UsageError: it has no such class or layer.
    """
    depth = networks.depth_of(network.model)
    with as_usage("--layers"):
        options = options if depth is None else options.resolved(depth)
    return replace(
        options,
        target=networks.class_of(options.target, network, "--target"),
        versus=networks.class_of(options.versus, network, "--versus"),
    )
