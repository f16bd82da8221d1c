"""Where a network's published weights come from, which the networks themselves do not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from vizgraph.errors import CheckpointError

SOURCE: Callable[[nn.Module, str], None] | None = None
"""Puts the published weights into a network of an architecture, or raises `CheckpointError`; `registration` sets it."""


def load_into(model: nn.Module, arch: str) -> None:
    """Put the published weights into a network; one for which they cannot be had is refused when it is used.

    The release's notebooks ask timm for `pretrained=True, checkpoint_path=...`: timm loads the file after this, and
    most of those weights cannot be had by a program.
    """
    try:
        if SOURCE is None:
            raise CheckpointError(arch, "nothing here knows where its published weights are", "import vizgraph")
        SOURCE(model, arch)
    except CheckpointError as error:
        _refuse_until_loaded(model, error)


def _refuse_until_loaded(model: nn.Module, reason: Exception) -> None:
    """Raise `reason` if the model is used before a state dict was loaded into it."""

    def refuse(_model: nn.Module, _args: tuple[Any, ...]) -> None:
        raise reason

    handle = model.register_forward_pre_hook(refuse)
    model.register_load_state_dict_post_hook(lambda _model, _keys: handle.remove())  # type: ignore[no-untyped-call]
