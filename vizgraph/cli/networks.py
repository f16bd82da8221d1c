"""For `vizgraph evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def load(
    arch: str | None,
    ckpt: str | None,
    *,
    no_ema: bool = False,
    sha256: str | None = None,
    device: str = "auto",
    quiet: bool = False,
) -> nn.Module:
    """The network that the options name."""
    from vizgraph.api import networks
    from vizgraph.cli.command import logged

    settings: dict[str, Any] = {"ema": not no_ema, "sha256": sha256, "device": device}
    with logged(quiet=quiet, verbose=False):
        return networks.load(arch, ckpt, **settings).model
