"""The processes of a run: one alone, or many started by torchrun (gloo on CPUs, nccl on GPUs)."""

from __future__ import annotations

import contextlib
import datetime
import gc
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from vizgraph.training.signals import die_with_launcher


@dataclass(frozen=True)
class Distributed:
    """This process among the processes of the run.

    Attributes:
        device: where this process computes.
        rank: its number.
        world_size: how many there are.
        control: a gloo group for small agreements that must not wait for a GPU; None when alone.
    """

    device: torch.device
    rank: int = 0
    world_size: int = 1
    control: Any = None

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Each flag, true if any rank says so."""
        if self.world_size == 1:
            return flags
        votes = torch.tensor([int(flag) for flag in flags])
        dist.all_reduce(votes, op=dist.ReduceOp.MAX, group=self.control)
        return tuple(bool(vote) for vote in votes)

    def total(self, values: Tensor) -> Tensor:
        """The sum over ranks of a CPU tensor."""
        if self.world_size > 1:
            values = values.clone()
            dist.all_reduce(values, group=self.control)
        return values

    def gather(self, value: Any) -> list[Any]:
        """Every rank's plain value, in the order of ranks, on every rank."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        dist.all_gather_object(values, value, group=self.control)
        return values

    def barrier(self) -> None:
        """Go on when all ranks are here."""
        if self.world_size > 1:
            dist.barrier(group=self.control)


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """The device that "auto", "cpu", "cuda", "cuda:1" or "mps" means here.

    Raises:
        DeviceError: it is not there.
    """
    from vizgraph.checkpoints import resolve_device

    many = "WORLD_SIZE" in os.environ
    if name == "auto" and many and not torch.cuda.is_available():
        return torch.device("cpu")  # ranks cannot share an MPS device
    device = resolve_device(name)
    return resolve_device(f"cuda:{local_rank}") if device.type == "cuda" and device.index is None else device


@contextlib.contextmanager
def init_distributed(device: str = "auto", timeout_minutes: float = 30.0) -> Iterator[Distributed]:
    """Join the processes that torchrun started, if it did; leave them at the end."""
    world, local_rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    chosen = choose_device(device, local_rank)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if world == 1:
        yield Distributed(chosen)
        return
    die_with_launcher()
    timeout = datetime.timedelta(minutes=timeout_minutes)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=timeout)
    try:
        yield Distributed(chosen, dist.get_rank(), world, dist.new_group(backend="gloo", timeout=timeout))
    finally:
        dist.destroy_process_group()
        gc.collect()  # what still holds a group ends its threads here, not while the interpreter is torn down
