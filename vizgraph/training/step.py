"""One update: forward and backward passes of its batches, clipping, the optimizer, and the losses they gave."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vizgraph.data.preprocessing import Normalize
from vizgraph.training.augment import Mixing
from vizgraph.training.config import Config
from vizgraph.training.metrics import require_labels
from vizgraph.training.network import TrainedNetwork
from vizgraph.training.samples import Batch
from vizgraph.training.state import TrainState

TOLERATED_OVERFLOWS = 50
"""Updates in a row without a finite loss that fp16's loss scaling is given to recover."""


class UpdateStep:
    """Makes updates, and adds their losses to the state's progress when they are looked at.

    Args:
        config: of the run.
        network: as it is trained.
        state: whose optimizer, scaler and progress move.
        normalize: uint8 pixels -> what the network takes.
        classes: how many there are.

    Attributes:
        looks_every: updates between looks at the loss: on a GPU a look costs a wait.
    """

    def __init__(
        self, config: Config, network: TrainedNetwork, state: TrainState, normalize: Normalize, classes: int
    ) -> None:
        self.config, self.network, self.state = config.optimizer, network, state
        self.normalize, self.classes, self.device = normalize, classes, normalize.device
        self.mixing = Mixing(config.augment, classes, self.device)
        self.looks_every = 1 if self.device.type == "cpu" else config.run.log_every
        self._pending: list[Tensor] = []
        self._pending_images = 0
        self._overflows = 0

    def start_epoch(self, epoch: int) -> None:
        """What changes with epochs."""
        self.mixing.start_epoch(epoch)

    def __call__(self, group: Sequence[Batch]) -> None:
        """Update the weights by batches whose gradients are accumulated.

        Raises:
            DataError: a label is outside the classes.
        """
        scaler, optimizer, forward = self.state.scaler, self.state.optimizer, self.network.forward
        for number, batch in enumerate(group):
            last = number == len(group) - 1
            waits = getattr(forward, "no_sync", None)
            with contextlib.nullcontext() if last or waits is None else waits():
                loss = self._loss(batch)
                scaled = loss / len(group)
                (scaled if scaler is None else scaler.scale(scaled)).backward()
            self._pending.append(loss.detach() * len(batch.labels))
            self._pending_images += len(batch.labels)
            self.state.progress.seen += len(batch.labels)
        if scaler is not None:
            scaler.unscale_(optimizer)
        if self.config.clip is not None:
            from timm.utils import dispatch_clip_grad

            dispatch_clip_grad(self.state.model.parameters(), self.config.clip, mode=self.config.clip_mode)
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()
        optimizer.zero_grad(set_to_none=True)

    def _loss(self, batch: Batch) -> Tensor:
        require_labels(batch.labels, self.classes)
        pixels = self.normalize(batch.pixels)
        labels = batch.labels.to(self.device, non_blocking=True)
        pixels, labels, smoothing = self.mixing(pixels, labels)
        with self.network.autocast():
            logits = self.network.forward(pixels)
        return F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)

    def add_losses(self) -> bool:
        """Add what is pending to the epoch's loss; whether it is finite. On a GPU this waits for it."""
        if not self._pending:
            return True
        losses = torch.stack(self._pending).double().cpu()
        self._pending.clear()
        self._pending_images = 0
        finite = bool(torch.isfinite(losses).all())
        if finite:
            self._overflows = 0
        elif self.state.scaler is not None:
            self._overflows += 1
            finite = self._overflows * self.looks_every < TOLERATED_OVERFLOWS
        self.state.progress.loss_sum += float(losses[torch.isfinite(losses)].sum())
        return finite

    @property
    def running_loss(self) -> float | None:
        """Mean loss of the images of this epoch that were looked at so far; None before any."""
        looked_at = self.state.progress.seen - self._pending_images
        return self.state.progress.loss_sum / looked_at if looked_at else None
