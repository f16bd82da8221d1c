"""From what a person names (an architecture and weights, or a network of theirs) to a network ready to be asked."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from viz_nodes.batch.inputs import expanded
from viz_nodes.text import quoted
from vizgraph.data.labels import read_labels
from vizgraph.errors import UsageError, as_usage, did_you_mean

if TYPE_CHECKING:
    import torch
    from torch import nn

_log = logging.getLogger(__name__)
Labels = str | os.PathLike[str] | Sequence[str] | None
"""Class names, or a file of them."""


class _Loading(TypedDict, total=False):
    ema: bool
    device: str | torch.device
    seed: int
    labels: Labels


class Loading(_Loading, total=False):
    """Keywords of `load`, as functions take them that load a network."""

    sha256: str | None


class LoadingSeveral(_Loading, total=False):
    """The same of several networks: digests may be one for each."""

    sha256: str | Sequence[str | None] | None


@dataclass(frozen=True, eq=False)
class Network:
    """A network with what results say of it.

    Attributes:
        model: in eval mode on its device.
        name: of its folder: the canonical architecture, or the class of a network of the user's own.
        checkpoint: as it was named.
        weights: what tells its weights from others, as a manifest holds it.
        labels: class names, or None.
        notes: what a person should know of the weights.
        untrained: whether the weights are random.
    """

    model: nn.Module
    name: str
    checkpoint: str | None
    weights: dict[str, Any]
    labels: tuple[str, ...] | None
    notes: tuple[str, ...] = ()
    untrained: bool = False

    @property
    def caption(self) -> str:
        """How pictures call it."""
        return f"{self.name}, untrained" if self.untrained else self.name

    @property
    def classes(self) -> int:
        return int(getattr(self.model, "num_classes", 0))


def named(arch: str | None, checkpoint: str | os.PathLike[str] | None = None) -> str:
    """The canonical name of an architecture; with the bundled checkpoint it need not be said.

    Raises:
        UsageError: nothing says it, or there is none of this name.
    """
    from vizgraph.checkpoints.catalog import ARCHITECTURES, SHORT_NAMES

    if arch is None:
        if checkpoint in ("demo", "relation"):
            return "gcn_demo"
        cure = "name one, such as --arch gcn_ti; `vizgraph models` lists them"
        raise UsageError("--arch", "no architecture is given", cure)
    name = SHORT_NAMES.get(arch, arch)
    if name not in ARCHITECTURES:
        hint = did_you_mean(arch, (*ARCHITECTURES, *SHORT_NAMES), count=3)
        raise UsageError("--arch", f"no architecture is called {quoted(arch)}", hint)
    return name


def load(
    model_or_arch: nn.Module | str | None,
    checkpoint: str | os.PathLike[str] | None = None,
    *,
    ema: bool = True,
    sha256: str | None = None,
    device: str | torch.device = "auto",
    seed: int = 0,
    labels: Labels = None,
    say: bool = True,
) -> Network:
    """The network that is meant, in eval mode.

    Args:
        model_or_arch: an architecture, or a network that is loaded already.
        checkpoint: as `vizgraph.load_model` takes it.
        ema: prefer averaged weights where a file has both kinds.
        sha256: the file's, or its first 8 digits or more; another is refused.
        device: where it runs; a network of the user's own stays where it is.
        seed: of random weights.
        labels: class names instead of its own.
        say: tell the logger which weights were taken.

    Raises:
        UsageError: no such architecture or device, or labels that are not as many as the classes.
        CheckpointError: the weights cannot be had, read, or do not fit.
    """
    if model_or_arch is not None and not isinstance(model_or_arch, str):
        if checkpoint is not None:
            raise UsageError("checkpoint", "a network has its weights", "name an architecture to load others")
        return _of_a_user(model_or_arch, labels)
    name = named(model_or_arch, checkpoint)
    names = read_labels(labels)
    from vizgraph.checkpoints import load_model, resolve_device

    with as_usage("--device"):
        place = resolve_device(device)
    where: Any = checkpoint if checkpoint is None else expanded(checkpoint)
    if str(checkpoint) in ("demo", "relation", "random"):
        where = str(checkpoint)
    with as_usage("--ckpt"), warnings.catch_warnings(), _seeded(seed):
        warnings.simplefilter("ignore", UserWarning)  # said below, in one line of ours
        model = load_model(name, where, device=place, ema=ema, sha256=sha256)
    info: Any = model.checkpoint_info
    untrained = info.source == "random"
    words = f"untrained, random weights of seed {seed}" if untrained else str(info)
    level = logging.INFO if say else logging.DEBUG
    _log.log(level, "%s: %s, on %s", name, words, place)
    notes = (f"untrained: the weights are random (seed {seed})",) if untrained else tuple(info.notes)
    for note in notes:
        _log.log(level, "  %s", note)
    written = None if checkpoint is None else str(checkpoint)
    return Network(model, name, written, weights_of(model, seed), _labels(model, names), notes, untrained)


def depth_of(model: nn.Module) -> int | None:
    """Number of graph layers of one of the project's networks; None for another, which must run to tell."""
    from vizgraph.layers import Grapher

    return sum(isinstance(module, Grapher) for module in model.modules()) or None


def class_of(name: str | int | None, network: Network, option: str) -> int | str | None:
    """The class index that a label or a number names; None for None and "top1".

    Raises:
        UsageError: the network has no such class; the message has near ones.
    """
    if name is None or name == "top1":
        return None
    import torch

    from viz_nodes.cams import resolve

    if not network.classes:
        return name
    with as_usage(option):
        if str(name).startswith("top") and str(name)[3:].isdigit():
            raise ValueError(
                f"{name} asks for several classes and a folder shows one; run once for each, or use `vizgraph compare`"
            )
        return int(resolve(name, torch.zeros(1, network.classes), network.labels).index[0])


def weights_of(model: nn.Module, seed: int | None = None) -> dict[str, Any]:
    """What tells a network's weights from others, as a manifest holds it."""
    from viz_nodes.batch.explainer import weights_of as of_any

    info: Any = getattr(model, "checkpoint_info", None)
    if info is None:
        return of_any(model)
    record = {
        "file": None if info.path is None else info.path.name,
        "source": info.source,
        "sha256": info.sha256 or of_any(model)["sha256"],
        "layout": info.layout,
        "entry": info.entry,
        "ema": info.ema,
    }
    return record | {"seed": seed} if info.source == "random" and seed is not None else record


def _of_a_user(model: nn.Module, labels: Labels) -> Network:
    """A network of the user's own."""
    info: Any = getattr(model, "checkpoint_info", None)
    config = getattr(model, "pretrained_cfg", None)
    architecture = config.get("architecture") if isinstance(config, dict) else getattr(config, "architecture", None)
    name = str(getattr(info, "arch", None) or architecture or type(model).__name__)
    untrained = getattr(info, "source", "") == "random"
    notes = tuple(getattr(info, "notes", ()))
    return Network(model, name, None, weights_of(model), _labels(model, read_labels(labels)), notes, untrained)


def _labels(model: nn.Module, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The names given, else those of the network.

    Raises:
        UsageError: not as many as the network has classes.
    """
    from vizgraph.data import labels_of

    classes = getattr(model, "num_classes", None)
    if names is not None and classes is not None and len(names) != classes:
        raise UsageError("--labels", f"there are {len(names)} names for {classes} classes", "give one for each")
    return names if names is not None else labels_of(model)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Random weights depend on the seed alone; torch's generators are as they were afterwards."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def file_name(checkpoint: str | None) -> str | None:
    """The name of a weights file, without its folders."""
    return None if checkpoint is None else Path(checkpoint).name
