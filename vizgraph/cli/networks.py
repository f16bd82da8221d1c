"""From --arch, --ckpt, --no-ema, --sha256 and --device to a network, and one line on what it is."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import click

from vizgraph.cli.errors import USAGE, Failure, as_usage, one_line

if TYPE_CHECKING:
    from torch import nn


def named(arch: str | None, ckpt: str | None) -> str:
    """The architecture meant: with the bundled checkpoint it need not be said.

    Raises:
        Failure: nothing says it.
    """
    if arch is not None:
        return arch
    if ckpt == "demo":
        return "gcn_demo"
    raise Failure(
        "--arch",
        "no architecture is given",
        "name one, such as --arch gcn_ti; `vizgraph models` lists them",
        code=USAGE,
    )


def load(
    arch: str | None,
    ckpt: str | None,
    *,
    no_ema: bool = False,
    sha256: str | None = None,
    device: str = "auto",
    quiet: bool = False,
) -> nn.Module:
    """The network that the options name, in eval mode; says on stderr which weights it took, EMA or not.

    Raises:
        Failure: no such architecture or device.
        CheckpointError: the weights cannot be had, read, or do not fit.
    """
    from vizgraph.checkpoints import load_model, resolve_device
    from vizgraph.models import resolve

    with as_usage("--arch"):
        resolved = resolve(named(arch, ckpt))
    with as_usage("--device"):
        place = resolve_device(device)
    with as_usage("--ckpt"), warnings.catch_warnings():
        # Said below, in one line of ours.
        warnings.simplefilter("ignore", UserWarning)
        model = load_model(resolved, ckpt, device=place, ema=not no_ema, sha256=sha256)
    if not quiet:
        click.echo(f"{resolved}: {one_line(describe(model))}, on {place}", err=True)
        for note in getattr(getattr(model, "checkpoint_info", None), "notes", ()):
            click.echo(f"  {one_line(note)}", err=True)
    return model


def describe(model: nn.Module) -> str:
    """Where a network's weights came from, in a few words."""
    info = getattr(model, "checkpoint_info", None)
    return str(info) if info is not None else "weights of unknown origin"
