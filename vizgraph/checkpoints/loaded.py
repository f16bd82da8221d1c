"""A file of weights made ready for a network: found, read, renamed, compared, and put in."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from viz_nodes.text import quoted
from vizgraph.checkpoints import hub
from vizgraph.checkpoints.catalog import BUNDLED, WITH_BUNDLED, Weights, published_as
from vizgraph.checkpoints.download import fetch
from vizgraph.checkpoints.locate import cache_folder, downloadable, find, missing_weights_message, relation_file
from vizgraph.checkpoints.provenance import Provenance
from vizgraph.checkpoints.read import Contents, expanded, read
from vizgraph.checkpoints.shapes import Build, classes_of, layout_of
from vizgraph.checkpoints.wrappers import choose
from vizgraph.errors import CheckpointError
from vizgraph.models._filter import CLASSIFIER, Remapped, does_not_fit, fitted, listed, remap

_log = logging.getLogger(__name__)
_FARTHEST_INPUT = 4
"""How many times larger than its positions an input may be that a file claims."""


@dataclass(frozen=True)
class Loaded:
    """A file made ready.

    Attributes:
        contents: what the file held.
        remapped: its state dict in the project's layout.
        entry: of the file that the state dict was.
        ema: whether it is averaged; None where nothing says it.
        own: what belongs to the weights.
        weights: their entry in the catalog, where they are known to be published ones.
        imagenet: whether their classes are known to be ImageNet-1k's.
        notes: what was done to make them fit.
        resized: whether positions were made for another input.
    """

    contents: Contents
    remapped: Remapped
    entry: str
    ema: bool | None
    own: Provenance
    weights: Weights | None
    imagenet: bool
    notes: tuple[str, ...] = ()
    resized: bool = False

    @property
    def state(self) -> dict[str, Tensor]:
        return self.remapped.state

    @property
    def path(self) -> Path:
        return self.contents.path


def _where(arch: str, checkpoint: str | os.PathLike[str] | None) -> tuple[Path, Weights | None, bool]:
    """The file to load, its entry in the catalog where it was found by that, and whether it is a published one."""
    if checkpoint in ("demo", "relation"):
        if arch not in WITH_BUNDLED:
            of = " and ".join(WITH_BUNDLED)
            raise CheckpointError(f"{checkpoint}: there are checkpoints of {of}, none of {arch}; {_use('gcn_demo')}")
        if checkpoint == "relation":
            return relation_file(arch), None, False
    elif checkpoint is not None:
        name = os.fspath(checkpoint)
        if hub.is_address(name):
            return hub.fetch(name), None, False
        return expanded(name.removeprefix(hub.LOCAL)), None, False
    path = find(arch)
    if path is not None:
        return *path, True
    weights = downloadable(arch)
    if weights is None:
        raise CheckpointError(missing_weights_message(arch))
    try:
        return fetch(weights, cache_folder(), progress=_log.isEnabledFor(logging.INFO)), weights, True
    except CheckpointError as error:
        raise CheckpointError(missing_weights_message(arch, str(error))) from error


def prepare(arch: str, checkpoint: str | os.PathLike[str] | None, ema: bool, sha256: str | None) -> Loaded:
    """Find and read a file and bring its state dict into the project's layout; refuse another architecture's."""
    path, weights, published = _where(arch, checkpoint)
    contents = read(path, sha256=sha256)
    own = Provenance.of(contents)
    if own.arch is not None and own.arch != arch:
        raise CheckpointError(f"{path}: holds {own.arch}, not {arch}; {_use(own.arch)}")
    chosen = choose(contents, ema=ema)
    try:
        remapped = remap(chosen.state, ema=ema)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}; give a GraphConvNet or ViG checkpoint") from None
    if chosen.beside:
        remapped = replace(remapped, left_out=(*remapped.left_out, *chosen.beside))
    build, expected = Build.of(remapped.state), Build.named(arch)
    other = build.arch()
    if other not in (None, arch):
        raise CheckpointError(f"{path}: looks like {other} (a {build}), not {arch} (a {expected}); {_use(other)}")
    averaged = next((claim for claim in (chosen.ema, remapped.averaged, own.ema) if claim is not None), None)
    known = weights or published_as(arch, path.name, contents.sha256)
    imagenet = (published or known is not None) and (known is None or known.origin != BUNDLED) and own.arch is None
    _require_near_positions(path, arch, remapped.state, own)
    return Loaded(contents, remapped, chosen.entry, averaged, own, known, imagenet)


def _use(arch: str | None) -> str:
    return f"use --arch {arch} (model.arch={arch} in training)"


def _require_near_positions(path: Path, arch: str, state: Mapping[str, Tensor], own: Provenance) -> None:
    """An input size that a file claims must be near what its positions are for: it is what images are made into."""
    claimed = own.data.get("input_size")
    position = state.get("pos_embed")
    if claimed is None or position is None or position.ndim != 4:
        return
    patch = layout_of(arch).patch
    for side, nodes in zip(claimed[1:], position.shape[-2:], strict=True):
        if side > _FARTHEST_INPUT * patch * max(nodes, 14):
            raise CheckpointError(
                f"{path}: claims an input of {claimed[1]} x {claimed[2]} pixels, and its positions are for "
                f"{patch * position.shape[-2]} x {patch * position.shape[-1]}; it was not written by this version's "
                "training"
            )


def fitted_to(model: nn.Module, loaded: Loaded, *, resize: bool = True) -> Loaded:
    """What was loaded, complete in its counters, and made for the network's input (if `resize`)."""
    state, notes = fitted(loaded.state, model.state_dict(), resize=resize)
    resized = "pos_embed" in state and state["pos_embed"].shape != loaded.state["pos_embed"].shape
    return replace(loaded, remapped=replace(loaded.remapped, state=state), notes=notes, resized=resized)


def insert(model: nn.Module, loaded: Loaded, *, assign: bool = False) -> None:
    """Load strictly: first keys, then shapes, then values are compared, and only then is anything written."""
    path, state, expected = loaded.path, loaded.state, model.state_dict()
    missing = [key for key in expected if key not in state]
    left_over = [key for key in state if key not in expected]
    if missing or left_over:
        what = does_not_fit(missing, left_over).replace("do not fit", "does not fit", 1)
        beside = f", beside {', '.join(loaded.remapped.left_out)[:80]}" if loaded.remapped.left_out else ""
        raise CheckpointError(
            f"{path}: {what} (read as {loaded.remapped.layout} layout{beside}); it is for a network built otherwise"
        )
    shapes = [
        f"{key} (file {tuple(state[key].shape)}, network {tuple(value.shape)})"
        for key, value in expected.items()
        if state[key].shape != value.shape
    ]
    if shapes:
        raise CheckpointError(
            f"{path}: does not fit: {listed('of another shape', shapes)}; it is for a network built otherwise"
            + ("" if not any("pos" in shape for shape in shapes) else ", or for another input size (img_size=)")
        )
    _require_numbers(path, state, expected)
    if assign:
        # Copies: a file's tensors may share their memory, a network's must not.
        state = {key: state[key].to(value.dtype, copy=True).contiguous() for key, value in expected.items()}
    model.load_state_dict(state, strict=True, assign=assign)


def _require_numbers(path: Path, state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    for key, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            bad = int((~torch.isfinite(value)).sum())
            kind = "NaN" if bool(torch.isnan(value).any()) else "infinity"
            raise CheckpointError(
                f"{path}: {quoted(key)} holds {kind} ({bad} of {value.numel()} values); the file is damaged or its "
                "training diverged, take another one"
            )
        if not value.is_floating_point() and expected[key].is_floating_point():
            raise CheckpointError(
                f"{path}: {quoted(key)} holds whole numbers where weights belong; it is quantised or damaged"
            )


def with_own_classifier(model: Any, loaded: Loaded) -> tuple[Loaded, bool]:
    """What was loaded, with the network's own classifier where it has other classes; whether it has."""
    if classes_of(loaded.state) in (None, model.num_classes):
        return loaded, False
    current = model.state_dict()
    kept = {key: current[key] for key in CLASSIFIER if key in current}
    others = {key: value for key, value in loaded.state.items() if key not in CLASSIFIER}
    own = replace(loaded.own, label_names=None)
    remapped = replace(loaded.remapped, state={**others, **kept})
    return replace(loaded, remapped=remapped, own=own, imagenet=False), True
